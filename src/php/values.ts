import { show } from "../connection/check.js";

/** A PHP class's name, with its namespaces. */
const CLASS = /^[\w\\\u0080-\u{10ffff}]+$/u;

/** @throws TypeError when it can't be one */
export function checkClass(name: unknown): asserts name is string {
  if (typeof name !== "string" || !CLASS.test(name)) throw new TypeError(`${show(name)} is no name of a PHP class`);
}

/**
 * An object of PHP: its class's name and its properties, and nothing that runs. Properties have the names that PHP
 * serializes: a protected one's begins with `"\0*\0"`, a private one's with `"\0Class\0"`; `get` finds them without that.
 */
export class PhpObject {
  readonly className: string;
  readonly properties: ReadonlyMap<string, unknown>;
  /** What the object's own `serialize()` wrote, of a class with PHP's old interface `Serializable`; else `undefined`. */
  readonly data: Uint8Array | undefined;

  /** @throws TypeError when the name can't be a class's */
  constructor(
    className: string,
    properties: Readonly<Record<string, unknown>> | ReadonlyMap<string, unknown> = {},
    data?: Uint8Array,
  ) {
    checkClass(className);
    this.className = className;
    this.properties = properties instanceof Map ? properties : new Map(Object.entries(properties));
    this.data = data;
  }

  /** A property, whether public, protected or private. */
  get(name: string): unknown {
    for (const key of [name, `\0*\0${name}`, `\0${this.className}\0${name}`])
      if (this.properties.has(key)) return this.properties.get(key);
    // A private one of a class that this one extends.
    for (const [key, value] of this.properties) if (key.startsWith("\0") && key.endsWith(`\0${name}`)) return value;
    return undefined;
  }
}

/** A case of a PHP enum. */
export class PhpEnum {
  readonly enumName: string;
  readonly caseName: string;

  /** @throws TypeError when a name can't be one */
  constructor(enumName: string, caseName: string) {
    checkClass(enumName);
    if (typeof caseName !== "string" || !CLASS.test(caseName) || caseName.includes("\\"))
      throw new TypeError(`${show(caseName)} is no name of an enum's case`);
    this.enumName = enumName;
    this.caseName = caseName;
  }
}

/** A number that is to be a float in PHP, though it is whole: `new PhpFloat(2)` is `2.0` there. */
export class PhpFloat {
  readonly value: number;

  constructor(value: number) {
    if (typeof value !== "number") throw new TypeError(`a PhpFloat's value must be a number, not ${show(value)}`);
    this.value = value;
  }
}

/** PHP's integers have 64 bits. */
export const LEAST_INTEGER = -(2n ** 63n);
export const MOST_INTEGER = 2n ** 63n - 1n;

const INTEGER = /^(?:0|-?[1-9]\d{0,18})$/;

/** Whether a key's text is one that PHP takes for an integer. */
export function isIntegerKey(key: string): boolean {
  if (!INTEGER.test(key)) return false;
  if (key.length < 18) return true;
  const value = BigInt(key);
  return value >= LEAST_INTEGER && value <= MOST_INTEGER;
}

/** Whether a key of somebody else's can change what objects are, once it is copied from one into another. */
export function isHarmful(key: string, value: unknown): boolean {
  return key === "__proto__" || (key === "constructor" && typeof value === "object" && value !== null);
}

/** Whether an object is of no class: what has names and values, and nothing else. */
export function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
