import { checkOptions, checkWord, show } from "../connection/check.js";
import { checkLimits } from "./limits.js";
import { checkClass, type PhpObject } from "./values.js";

/** Options of `unserialize`. */
export interface UnserializeOptions {
  /**
   * What PHP's strings, which are bytes, become: `"text"` (the default) is a string where the bytes are UTF-8, and a
   * `Uint8Array` where they aren't; `"bytes"` is always a `Uint8Array`. Keys are text in either case.
   */
  strings?: "text" | "bytes" | undefined;
  /**
   * What arrays become whose keys aren't 0, 1, 2, …: `"object"` (the default) is an object without a prototype, which
   * puts whole-number keys first; `"map"` is a `Map`, with PHP's order and its integer keys as numbers.
   */
  arrays?: "object" | "map" | undefined;
  /** What is made of objects, by their class's name. Others stay a `PhpObject`; no class is ever looked up. */
  classes?: Readonly<Record<string, (object: PhpObject) => unknown>> | undefined;
  /** Whether objects may refer to themselves, however far around; default `false`. JSON, for one, can't carry that. */
  cycles?: boolean | undefined;
  /** How deep arrays and objects may be nested; default 128, at most 1,000. */
  maxDepth?: number | undefined;
  /** How many values there may be, what references repeat included; default 1,000,000. */
  maxItems?: number | undefined;
  /** How many bytes there may be; default 64 MiB. */
  maxSize?: number | undefined;
}

/** Options that are checked, and whole. */
export type CheckedOptions = Required<{
  [Name in keyof UnserializeOptions]: Exclude<UnserializeOptions[Name], undefined>;
}>;

/** @throws TypeError when an option is wrong */
export function checkUnserialize(options: UnserializeOptions): CheckedOptions {
  checkOptions(options, "unserialize", [
    ...["strings", "arrays", "classes", "cycles", "maxDepth", "maxItems", "maxSize"],
  ]);
  const limits = checkLimits(options);
  const { strings = "text", arrays = "object", classes = {}, cycles = false } = options;
  checkWord(strings, "strings", ["text", "bytes"]);
  checkWord(arrays, "arrays", ["object", "map"]);
  for (const [name, make] of Object.entries(classes)) {
    checkClass(name);
    if (typeof make !== "function") throw new TypeError(`the class ${show(name)} must be mapped to a function`);
  }
  return { strings, arrays, classes, cycles, ...limits };
}
