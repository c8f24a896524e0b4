/*
 * Reads what PHP's serialize() wrote, by code of our own: docs/dependencies.md says why.
 */
import { strictText } from "../bytes.js";
import { show } from "../connection/check.js";
import { Payload } from "../payload.js";
import { type CheckedOptions, checkUnserialize, type UnserializeOptions } from "./options.js";
import { CLOSE, COLON, OPEN, SEMICOLON, Source } from "./source.js";
import { checkClass, isHarmful, isIntegerKey, LEAST_INTEGER, MOST_INTEGER, PhpEnum, PhpObject } from "./values.js";

const encoder = new TextEncoder();

/**
 * The value that PHP serialized. Whole numbers beyond JavaScript's safe ones are `bigint`, `null` is `null`, arrays with
 * the keys 0, 1, 2, … are arrays.
 * @throws SyntaxError when it is none, or has something that isn't taken; the place is counted in bytes
 * @throws RangeError when it is larger or deeper than the limits
 * @throws TypeError when an argument is wrong
 */
export function unserialize(data: Uint8Array | string | Payload, options: UnserializeOptions = {}): unknown {
  const bytes = data instanceof Payload ? data.bytes : typeof data === "string" ? encoder.encode(data) : data;
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`only bytes or text can be unserialized, not ${show(data)}`);
  const checked = checkUnserialize(options);
  if (bytes.length > checked.maxSize)
    throw new RangeError(`the PHP value has ${bytes.length} bytes, and maxSize is ${checked.maxSize}`);
  return new Reader(bytes, checked).all();
}

/** A value that a later one may refer to, by its number. */
interface Slot {
  value: unknown;
  /** How many values it is made of, what it refers to included; `undefined` while it is being read. */
  weight: number | undefined;
}

class Reader {
  readonly #source: Source;
  readonly #options: CheckedOptions;
  readonly #slots: Slot[] = [];
  #depth = 0;
  #items = 0;

  constructor(bytes: Uint8Array, options: CheckedOptions) {
    this.#source = new Source(bytes);
    this.#options = options;
  }

  all(): unknown {
    const value = this.#value();
    if (!this.#source.ended) throw this.#source.wrong("something follows the value");
    return value;
  }

  #value(): unknown {
    const type = String.fromCharCode(this.#source.ahead ?? 0);
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
      this.#source.next();
      this.#source.expect(SEMICOLON, ";");
      return null;
    }
    if (!"bidsaOCE".includes(type)) {
      if (type === "S") throw this.#source.wrong("a string in PHP's escaped form, which isn't taken");
      throw this.#source.wrong("no value begins here");
    }
    this.#source.next();
    this.#source.expect(COLON, ":");
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
    const text = this.#source.until(SEMICOLON, 1);
    if (text !== "0" && text !== "1") throw this.#source.wrong("no boolean, which is 0 or 1");
    return text === "1";
  }

  #integer(): number | bigint {
    const text = this.#source.until(SEMICOLON, 40);
    if (!/^[+-]?\d+$/.test(text)) throw this.#source.wrong("no whole number");
    const number = Number(text);
    if (Number.isSafeInteger(number)) return number === 0 ? 0 : number;
    const value = BigInt(text.replace("+", ""));
    if (value < LEAST_INTEGER || value > MOST_INTEGER)
      throw this.#source.wrong("a whole number that 64 bits can't hold");
    return value;
  }

  #float(): number {
    // The longest that PHP writes in full has some 330 characters.
    const text = this.#source.until(SEMICOLON, 400);
    if (text === "INF") return Number.POSITIVE_INFINITY;
    if (text === "-INF") return Number.NEGATIVE_INFINITY;
    if (text === "NAN") return Number.NaN;
    if (!/^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/.test(text)) throw this.#source.wrong("no number");
    return Number(text);
  }

  #string(): string | Uint8Array {
    const bytes = this.#source.quoted();
    this.#source.expect(SEMICOLON, ";");
    return this.#options.strings === "bytes" ? copy(bytes) : (strictText(bytes) ?? copy(bytes));
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
      if (isHarmful(key, value))
        throw this.#source.wrong(
          `the key ${show(key)}, which can change what objects are: take arrays as "map" to read it`,
        );
      object[key] = value;
    }
    return object;
  }

  #object(type: string, slot: Slot): unknown {
    const name = this.#name();
    this.#source.expect(COLON, ":");
    const make = Object.hasOwn(this.#options.classes, name) ? this.#options.classes[name] : undefined;
    let object: PhpObject;
    if (type === "C") {
      const size = this.#source.length(1);
      this.#source.expect(OPEN, "{");
      object = new PhpObject(name, {}, copy(this.#source.take(size)));
      this.#source.expect(CLOSE, "}");
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
    const whole = strictText(this.#source.quoted()) ?? "";
    this.#source.expect(SEMICOLON, ";");
    const [name = "", ...rest] = whole.split(":");
    try {
      return new PhpEnum(name, rest.join(":"));
    } catch {
      throw this.#source.wrong("no case of an enum");
    }
  }

  /** `r` is the same object, `R` a reference of PHP's: here, the same value. */
  #reference(): unknown {
    const shared = this.#source.ahead === 0x72;
    this.#source.next();
    this.#source.expect(COLON, ":");
    const digits = this.#source.until(SEMICOLON, 10);
    const slot = /^[1-9]\d*$/.test(digits) ? this.#slots[Number(digits) - 1] : undefined;
    // `r` has a number of its own, which it can't mean.
    if (!slot || (shared && slot === this.#slots.at(-1)))
      throw this.#source.wrong("a reference to a value that isn't there");
    if (slot.weight === undefined) {
      if (!(this.#options.cycles && slot.value instanceof PhpObject))
        throw this.#source.wrong("a reference to what it is in, which isn't taken");
      return slot.value;
    }
    // Small as they are, references of references are a lot to whoever follows them.
    this.#count(slot.weight);
    return slot.value;
  }

  /** An array's entries, or an object's properties, by their keys' text. */
  #entries(entries = new Map<string, unknown>()): Map<string, unknown> {
    // The shortest entry is `i:0;N;`.
    const count = this.#source.length(6);
    this.#source.expect(OPEN, "{");
    for (let index = 0; index < count; index++) {
      const key = this.#key();
      entries.set(key, this.#value());
    }
    this.#source.expect(CLOSE, "}");
    return entries;
  }

  #key(): string {
    const type = this.#source.next();
    if (type !== 0x69 && type !== 0x73) throw this.#source.wrong("no key, which is a whole number or a string");
    this.#source.expect(COLON, ":");
    if (type === 0x69) return String(this.#integer());
    const key = strictText(this.#source.quoted());
    if (key === undefined) throw this.#source.wrong("a key that isn't UTF-8");
    this.#source.expect(SEMICOLON, ";");
    return key;
  }

  #name(): string {
    const name = strictText(this.#source.quoted());
    try {
      checkClass(name);
    } catch {
      throw this.#source.wrong("no name of a class");
    }
    return name;
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
}

/** Bytes of their own; a Buffer's `slice` would not be. */
function copy(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes);
}

function number(key: string): number | bigint {
  const value = Number(key);
  return Number.isSafeInteger(value) ? value : BigInt(key);
}
