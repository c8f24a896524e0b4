/*
 * Reads what PHP's serialize() wrote. By code of our own: the packages for it write keys into plain objects (`__proto__`
 * changes what they are), know no references, read lengths and numbers leniently, recurse without end, and take strings
 * for text. To make one of them safe, all of the format has to be read before; and that is all there is to do.
 */
import { checkOptions, checkWord, show } from "../connection/check.js";
import { Payload } from "../payload.js";
import { checkLimits } from "./limits.js";
import { checkClass, isIntegerKey, LEAST_INTEGER, MOST_INTEGER, PhpEnum, PhpObject } from "./values.js";

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

const encoder = new TextEncoder();
const strict = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/**
 * The value that PHP serialized. Whole numbers beyond JavaScript's safe ones are `bigint`, `null` is `null`, arrays with
 * the keys 0, 1, 2, … are arrays.
 * @throws SyntaxError when it is none, or has something that isn't taken; the place is counted in bytes
 * @throws RangeError when it is larger or deeper than the limits
 * @throws TypeError when an argument is wrong
 */
export function unserialize(data: Uint8Array | string | Payload, options: UnserializeOptions = {}): unknown {
  checkOptions(options, "unserialize", [
    ...["strings", "arrays", "classes", "cycles", "maxDepth", "maxItems", "maxSize"],
  ]);
  const bytes = data instanceof Payload ? data.bytes : typeof data === "string" ? encoder.encode(data) : data;
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`only bytes or text can be unserialized, not ${show(data)}`);
  const limits = checkLimits(options);
  if (bytes.length > limits.maxSize)
    throw new RangeError(`the PHP value has ${bytes.length} bytes, and maxSize is ${limits.maxSize}`);
  const { strings = "text", arrays = "object", classes = {}, cycles = false } = options;
  checkWord(strings, "strings", ["text", "bytes"]);
  checkWord(arrays, "arrays", ["object", "map"]);
  for (const [name, make] of Object.entries(classes)) {
    checkClass(name);
    if (typeof make !== "function") throw new TypeError(`the class ${show(name)} must be mapped to a function`);
  }
  return new Reader(bytes, { strings, arrays, classes, cycles, ...limits }).all();
}

type Checked = Required<{ [Name in keyof UnserializeOptions]: Exclude<UnserializeOptions[Name], undefined> }>;

/** A value that a later one may refer to, by its number. */
interface Slot {
  value: unknown;
  /** How many values it is made of, what it refers to included; `undefined` while it is being read. */
  weight: number | undefined;
}

const [SEMICOLON, COLON, QUOTE, OPEN, CLOSE] = [0x3b, 0x3a, 0x22, 0x7b, 0x7d];

class Reader {
  readonly #bytes: Uint8Array;
  readonly #options: Checked;
  readonly #slots: Slot[] = [];
  #at = 0;
  #depth = 0;
  #items = 0;

  constructor(bytes: Uint8Array, options: Checked) {
    this.#bytes = bytes;
    this.#options = options;
  }

  all(): unknown {
    const value = this.#value();
    if (this.#at < this.#bytes.length) throw this.#wrong("something follows the value");
    return value;
  }

  #value(): unknown {
    const type = String.fromCharCode(this.#bytes[this.#at] ?? 0);
    const before = this.#items;
    this.#count(1);
    if (type === "R") return this.#reference();
    const slot: Slot = { value: undefined, weight: undefined };
    this.#slots.push(slot);
    const value = type === "r" ? this.#reference() : this.#of(type, slot);
    slot.value = value;
    slot.weight = this.#items - before;
    return value;
  }

  #of(type: string, slot: Slot): unknown {
    if (type === "N") {
      this.#at++;
      this.#expect(SEMICOLON, ";");
      return null;
    }
    if (!"bidsaOCE".includes(type)) {
      if (type === "S") throw this.#wrong("a string in PHP's escaped form, which isn't taken");
      throw this.#wrong("no value begins here");
    }
    this.#at++;
    this.#expect(COLON, ":");
    switch (type) {
      case "b":
        return this.#boolean();
      case "i":
        return this.#integer();
      case "d":
        return this.#float();
      case "s":
        return this.#string();
      case "a":
        return this.#nested(() => this.#array());
      case "E":
        return this.#enum();
      default:
        return this.#nested(() => this.#object(type, slot));
    }
  }

  #boolean(): boolean {
    const text = this.#until(SEMICOLON, 1);
    if (text !== "0" && text !== "1") throw this.#wrong("no boolean, which is 0 or 1");
    return text === "1";
  }

  #integer(): number | bigint {
    const text = this.#until(SEMICOLON, 40);
    if (!/^[+-]?\d+$/.test(text)) throw this.#wrong("no whole number");
    const number = Number(text);
    if (Number.isSafeInteger(number)) return number === 0 ? 0 : number;
    const value = BigInt(text.replace("+", ""));
    if (value < LEAST_INTEGER || value > MOST_INTEGER) throw this.#wrong("a whole number that 64 bits can't hold");
    return value;
  }

  #float(): number {
    // The longest that PHP writes in full has some 330 characters.
    const text = this.#until(SEMICOLON, 400);
    if (text === "INF") return Number.POSITIVE_INFINITY;
    if (text === "-INF") return Number.NEGATIVE_INFINITY;
    if (text === "NAN") return Number.NaN;
    if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) throw this.#wrong("no number");
    return Number(text);
  }

  #string(): string | Uint8Array {
    const bytes = this.#quoted();
    this.#expect(SEMICOLON, ";");
    return this.#options.strings === "bytes" ? copy(bytes) : (text(bytes) ?? copy(bytes));
  }

  #array(): unknown {
    const entries = this.#entries();
    // PHP takes a later one of two equal keys, at the first one's place: a Map does as well.
    const keys = [...entries.keys()];
    if (keys.every((key, index) => key === String(index))) return [...entries.values()];
    if (this.#options.arrays === "map")
      return new Map([...entries].map(([key, value]) => [isIntegerKey(key) ? number(key) : key, value]));
    const object: Record<string, unknown> = Object.create(null);
    for (const [key, value] of entries) {
      if (key === "__proto__" || (key === "constructor" && isRecord(value)))
        throw this.#wrong(`the key ${show(key)}, which can change what objects are: take arrays as "map" to read it`);
      object[key] = value;
    }
    return object;
  }

  #object(type: string, slot: Slot): unknown {
    const name = this.#name();
    this.#expect(COLON, ":");
    const make = Object.hasOwn(this.#options.classes, name) ? this.#options.classes[name] : undefined;
    let object: PhpObject;
    if (type === "C") {
      const size = this.#length(1);
      this.#expect(OPEN, "{");
      object = new PhpObject(name, {}, copy(this.#take(size)));
      this.#expect(CLOSE, "}");
    } else {
      const properties = new Map<string, unknown>();
      object = new PhpObject(name, properties);
      // Its own values may refer to it; to what will be made of it they can't, as that isn't made yet.
      if (!make) slot.value = object;
      this.#entries(properties);
    }
    return make ? make(object) : object;
  }

  #enum(): PhpEnum {
    const whole = text(this.#quoted()) ?? "";
    this.#expect(SEMICOLON, ";");
    const [name = "", ...rest] = whole.split(":");
    try {
      return new PhpEnum(name, rest.join(":"));
    } catch {
      throw this.#wrong("no case of an enum");
    }
  }

  /** `r` is the same object, `R` a reference of PHP's: here, the same value. */
  #reference(): unknown {
    const shared = this.#bytes[this.#at] === 0x72;
    this.#at++;
    this.#expect(COLON, ":");
    const digits = this.#until(SEMICOLON, 10);
    const slot = /^[1-9]\d*$/.test(digits) ? this.#slots[Number(digits) - 1] : undefined;
    // `r` has a number of its own, which it can't mean.
    if (!slot || (shared && slot === this.#slots.at(-1))) throw this.#wrong("a reference to a value that isn't there");
    if (slot.weight === undefined) {
      if (!(this.#options.cycles && slot.value instanceof PhpObject))
        throw this.#wrong("a reference to what it is in, which isn't taken");
      return slot.value;
    }
    // Small as they are, references of references are a lot to whoever follows them.
    this.#count(slot.weight);
    return slot.value;
  }

  /** An array's entries, or an object's properties, by their keys' text. */
  #entries(entries = new Map<string, unknown>()): Map<string, unknown> {
    // The shortest entry is `i:0;N;`.
    const count = this.#length(6);
    this.#expect(OPEN, "{");
    for (let index = 0; index < count; index++) {
      const key = this.#key();
      entries.set(key, this.#value());
    }
    this.#expect(CLOSE, "}");
    return entries;
  }

  #key(): string {
    const type = this.#bytes[this.#at++];
    if (type !== 0x69 && type !== 0x73) throw this.#wrong("no key, which is a whole number or a string");
    this.#expect(COLON, ":");
    if (type === 0x69) return String(this.#integer());
    const key = text(this.#quoted());
    if (key === undefined) throw this.#wrong("a key that isn't UTF-8");
    this.#expect(SEMICOLON, ";");
    return key;
  }

  #name(): string {
    const name = text(this.#quoted());
    try {
      checkClass(name);
    } catch {
      throw this.#wrong("no name of a class");
    }
    return name;
  }

  /** A length, of things that have so many bytes at least: more than there are left it can't say. */
  #length(least: number): number {
    const digits = this.#until(COLON, 10);
    if (!/^\d+$/.test(digits)) throw this.#wrong("no length");
    const length = Number(digits);
    if (length * least > this.#bytes.length - this.#at) throw this.#wrong("a length beyond the end");
    return length;
  }

  #quoted(): Uint8Array {
    const size = this.#length(1);
    this.#expect(QUOTE, '"');
    const bytes = this.#take(size);
    this.#expect(QUOTE, '"');
    return bytes;
  }

  #take(size: number): Uint8Array {
    if (size > this.#bytes.length - this.#at) throw this.#wrong("a length beyond the end");
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** ASCII up to a byte, which is passed over. */
  #until(end: number, most: number): string {
    const stop = this.#bytes.subarray(this.#at, this.#at + most + 1).indexOf(end);
    if (stop < 0) throw this.#wrong(`no ${show(String.fromCharCode(end))} where there should be one`);
    const characters = String.fromCharCode(...this.#take(stop));
    this.#at++;
    return characters;
  }

  #expect(byte: number, character: string): void {
    if (this.#bytes[this.#at] !== byte) throw this.#wrong(`no ${show(character)} where there should be one`);
    this.#at++;
  }

  #nested<T>(read: () => T): T {
    if (++this.#depth > this.#options.maxDepth)
      throw new RangeError(`the PHP value is nested deeper than maxDepth, ${this.#options.maxDepth}`);
    const value = read();
    this.#depth--;
    return value;
  }

  #count(items: number): void {
    this.#items += items;
    if (this.#items > this.#options.maxItems)
      throw new RangeError(`the PHP value has more values than maxItems, ${this.#options.maxItems}`);
  }

  #wrong(what: string): SyntaxError {
    return new SyntaxError(`not a PHP value that can be read: ${what}, near byte ${this.#at}`);
  }
}

/** Bytes as text, unless they aren't UTF-8. */
function text(bytes: Uint8Array): string | undefined {
  try {
    return strict.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Bytes of their own; a Buffer's `slice` would not be. */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function number(key: string): number | bigint {
  const value = Number(key);
  return Number.isSafeInteger(value) ? value : BigInt(key);
}

function isRecord(value: unknown): boolean {
  return typeof value === "object" && value !== null;
}
