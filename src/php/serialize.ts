import { checkOptions, show } from "../connection/check.js";
import { Payload } from "../payload.js";
import { checkLimits } from "./limits.js";
import { isIntegerKey, isPlain, LEAST_INTEGER, MOST_INTEGER, PhpEnum, PhpFloat, PhpObject } from "./values.js";

/** Options of `serialize`. */
export interface SerializeOptions {
  /** How deep arrays and objects may be nested; default 128, at most 1,000. */
  maxDepth?: number | undefined;
  /** How many bytes it may become; default 64 MiB. */
  maxSize?: number | undefined;
}

const encoder = new TextEncoder();

/**
 * A value as PHP's `serialize()` writes it, so that its `unserialize()` reads it: `null` and `undefined` as null, whole
 * numbers and `bigint` as integers, other numbers (and `PhpFloat`) as floats, text and bytes as strings, arrays, plain
 * objects and Maps as arrays, `PhpObject` and `PhpEnum` as what they are. Keys that look like whole numbers are
 * integers, as PHP itself has it. Properties that are `undefined` are left out.
 * @throws TypeError in words when something can't be written: a cycle, a class's instance, a symbol, a lone surrogate
 * @throws RangeError when it is deeper or larger than the limits
 */
export function serialize(value: unknown, options: SerializeOptions = {}): Uint8Array {
  checkOptions(options, "serialize", ["maxDepth", "maxSize"]);
  const writer = new Writer(checkLimits(options));
  writer.value(value);
  return writer.bytes();
}

class Writer {
  readonly #limits: { readonly maxDepth: number; readonly maxSize: number };
  readonly #parts: Uint8Array[] = [];
  /** What is written now: a value within itself has no end. */
  readonly #within = new Set<object>();
  /** ASCII that isn't in the parts yet. */
  #text = "";
  #size = 0;

  constructor(limits: { readonly maxDepth: number; readonly maxSize: number }) {
    this.#limits = limits;
  }

  bytes(): Uint8Array {
    this.#flush();
    const whole = new Uint8Array(this.#size);
    let at = 0;
    for (const part of this.#parts) {
      whole.set(part, at);
      at += part.length;
    }
    return whole;
  }

  value(value: unknown): void {
    if (value === undefined || value === null) this.#put("N;");
    else if (typeof value === "boolean") this.#put(value ? "b:1;" : "b:0;");
    else if (typeof value === "number") this.#number(value);
    else if (typeof value === "bigint") this.#integer(value);
    else if (typeof value === "string") this.#string(value);
    else if (typeof value === "object") this.#object(value);
    else throw new TypeError(`a ${typeof value} can't be serialized for PHP`);
  }

  #number(value: number): void {
    this.#put(Number.isSafeInteger(value) && !Object.is(value, -0) ? `i:${value};` : float(value));
  }

  #integer(value: bigint): void {
    if (value < LEAST_INTEGER || value > MOST_INTEGER)
      throw new TypeError(`${value} can't be serialized for PHP, whose integers have 64 bits`);
    this.#put(`i:${value};`);
  }

  #object(value: object): void {
    const bytes = bytesOf(value);
    if (bytes) this.#bytes(bytes);
    else if (value instanceof PhpFloat) this.#put(float(value.value));
    else if (value instanceof PhpEnum) this.#quoted("E", `${value.enumName}:${value.caseName}`, ";");
    else this.#nested(value);
  }

  #nested(value: object): void {
    if (this.#within.has(value)) throw new TypeError("a value that is within itself can't be serialized for PHP");
    if (this.#within.size === this.#limits.maxDepth)
      throw new RangeError(`the value is nested deeper than maxDepth, ${this.#limits.maxDepth}`);
    this.#within.add(value);
    if (Array.isArray(value)) this.#list(value);
    else if (value instanceof Map) this.#entries("a:", [...value]);
    else if (value instanceof PhpObject) this.#phpObject(value);
    else if (isPlain(value))
      this.#entries(
        "a:",
        Object.entries(value).filter(([, each]) => each !== undefined),
      );
    else
      throw new TypeError(
        `a ${value.constructor?.name || "class's instance"} can't be serialized for PHP: give a plain object, or a PhpObject`,
      );
    this.#within.delete(value);
  }

  #list(list: readonly unknown[]): void {
    this.#put(`a:${list.length}:{`);
    // By its length: a hole is null, as PHP's arrays have none.
    for (let index = 0; index < list.length; index++) {
      this.#put(`i:${index};`);
      this.value(list[index]);
    }
    this.#put("}");
  }

  #entries(head: string, entries: readonly (readonly [unknown, unknown])[]): void {
    this.#put(`${head}${entries.length}:{`);
    for (const [key, value] of entries) {
      if (typeof key === "bigint") this.#integer(key);
      else if (typeof key === "number" && Number.isSafeInteger(key)) this.#put(`i:${key === 0 ? 0 : key};`);
      else if (typeof key !== "string") throw new TypeError(`${show(key)} can't be a key of a PHP array`);
      else if (isIntegerKey(key)) this.#put(`i:${key};`);
      else this.#string(key);
      this.value(value);
    }
    this.#put("}");
  }

  #phpObject({ className, properties, data }: PhpObject): void {
    if (!data) {
      this.#quoted("O", className, ":");
      // Properties have names, whatever they look like.
      this.#put(`${properties.size}:{`);
      for (const [name, value] of properties) {
        this.#string(name);
        this.value(value);
      }
    } else {
      this.#quoted("C", className, `:${data.length}:{`);
      this.#raw(data);
    }
    this.#put("}");
  }

  #quoted(type: string, text: string, end: string): void {
    const bytes = encoder.encode(text);
    this.#put(`${type}:${bytes.length}:"`);
    this.#raw(bytes);
    this.#put(`"${end}`);
  }

  #string(text: string): void {
    if (!text.isWellFormed()) throw new TypeError("a string with a lone surrogate has no UTF-8: give bytes instead");
    this.#bytes(encoder.encode(text));
  }

  #bytes(bytes: Uint8Array): void {
    this.#put(`s:${bytes.length}:"`);
    this.#raw(bytes);
    this.#put('";');
  }

  #put(ascii: string): void {
    this.#text += ascii;
    this.#grow(ascii.length);
    if (this.#text.length > 4_096) this.#flush();
  }

  #raw(bytes: Uint8Array): void {
    this.#flush();
    this.#grow(bytes.length);
    this.#parts.push(bytes);
  }

  #grow(size: number): void {
    this.#size += size;
    if (this.#size > this.#limits.maxSize)
      throw new RangeError(`the value becomes larger than maxSize, ${this.#limits.maxSize} bytes`);
  }

  #flush(): void {
    if (this.#text !== "") this.#parts.push(encoder.encode(this.#text));
    this.#text = "";
  }
}

function float(value: number): string {
  if (Number.isNaN(value)) return "d:NAN;";
  if (!Number.isFinite(value)) return value > 0 ? "d:INF;" : "d:-INF;";
  return `d:${Object.is(value, -0) ? "-0" : String(value).toUpperCase()};`;
}

function bytesOf(value: object): Uint8Array | undefined {
  if (value instanceof Payload) return value.bytes;
  if (value instanceof Uint8Array) return value;
  if (value instanceof ArrayBuffer) return new Uint8Array(value);
  return ArrayBuffer.isView(value) ? new Uint8Array(value.buffer, value.byteOffset, value.byteLength) : undefined;
}
