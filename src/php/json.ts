import type { Payload } from "../payload.js";
import { type CheckedOptions, checkUnserialize, type UnserializeOptions } from "./options.js";
import { isHarmful } from "./values.js";

/**
 * The list that PHP wrote as JSON: no larger, no deeper and with no other keys than what `unserialize` takes.
 * @throws SyntaxError when it is none, or has a key that isn't taken
 * @throws RangeError when it is larger or deeper than the limits
 * @throws TypeError when an option is wrong
 */
export function parseList(payload: Payload, options: UnserializeOptions): unknown[] {
  const limits = checkUnserialize(options);
  const size = payload.bytes.length;
  if (size > limits.maxSize) throw new RangeError(`the JSON has ${size} bytes, and maxSize is ${limits.maxSize}`);
  const list: unknown = JSON.parse(payload.text());
  if (!Array.isArray(list)) throw new SyntaxError("the JSON must be a list");
  const walk = new Walk(limits);
  for (const value of list) walk.check(value, 1);
  return list;
}

/** Counts what is in a value. */
class Walk {
  readonly #limits: CheckedOptions;
  #items = 0;

  constructor(limits: CheckedOptions) {
    this.#limits = limits;
  }

  check(value: unknown, depth: number): void {
    const { maxDepth, maxItems } = this.#limits;
    if (++this.#items > maxItems) throw new RangeError(`the JSON has more values than maxItems, ${maxItems}`);
    if (typeof value !== "object" || value === null) return;
    if (depth > maxDepth) throw new RangeError(`the JSON is nested deeper than maxDepth, ${maxDepth}`);
    if (Array.isArray(value)) for (const each of value) this.check(each, depth + 1);
    else
      for (const [key, each] of Object.entries(value)) {
        if (isHarmful(key, each))
          throw new SyntaxError(`the JSON has the key ${JSON.stringify(key)}, which can change what objects are`);
        this.check(each, depth + 1);
      }
  }
}
