const decoder = new TextDecoder();

/**
 * What can be sent as a workload, a result or data: a string goes as its UTF-8 bytes, bytes go as they are,
 * `undefined` is empty, and anything else goes as JSON. Bytes are not copied when they are many: they must not change
 * until the call's promise has settled.
 */
export type PayloadInput =
  | string
  | Uint8Array
  | ArrayBuffer
  | ArrayBufferView
  | object
  | number
  | boolean
  | null
  | undefined;

/** Bytes that came from the other side, read as `Response` bodies are. `Value` is what they are as JSON. */
export class Payload<Value = unknown> {
  /** The bytes as they came. They are this payload's own. */
  readonly bytes: Uint8Array;
  /** For the compiler alone: without it, a payload of one thing could be taken for one of another. */
  declare protected readonly "~json": Value;
  readonly #checked: { readonly value: Value } | undefined;

  /** @param checked what a validator made of the bytes, when there was one */
  constructor(bytes: Uint8Array, checked?: { readonly value: Value }) {
    this.bytes = bytes;
    this.#checked = checked;
  }

  /** The bytes as UTF-8 text; what isn't UTF-8 becomes U+FFFD. */
  text(): string {
    return decoder.decode(this.bytes);
  }

  /**
   * The bytes as JSON; where there is a validator, what it made of that. `T` is what you know it to be, when nothing else
   * says so.
   * @throws SyntaxError when they are none
   */
  json<T extends Value = Value>(): T {
    return (this.#checked ? this.#checked.value : JSON.parse(this.text())) as T;
  }

  /** The same as `text()`. */
  toString(): string {
    return this.text();
  }
}

/**
 * What goes on the wire for a value: bytes, or a string whose UTF-8 bytes the codec writes.
 * @throws TypeError in words, when the value has no such form
 */
export function toWire(value: unknown, what: string): string | Uint8Array {
  if (typeof value === "string") {
    if (!value.isWellFormed())
      throw new TypeError(`${what} has a lone surrogate, which UTF-8 can't carry: send bytes instead`);
    return value;
  }
  if (value === undefined) return "";
  if (value instanceof Payload) return value.bytes;
  if (ArrayBuffer.isView(value)) {
    // A view of a detached buffer has no length left; an honest empty one has a buffer that still is. The buffer of
    // others isn't asked for: V8 makes that of a small view only then.
    const empty = value instanceof DataView || value.byteLength === 0;
    if (empty && value.buffer instanceof ArrayBuffer && isDetached(value.buffer))
      throw new TypeError(`${what} lies in an ArrayBuffer that was transferred away`);
    return value instanceof Uint8Array ? value : new Uint8Array(value.buffer, value.byteOffset, value.byteLength);
  }
  if (value instanceof ArrayBuffer) {
    if (isDetached(value)) throw new TypeError(`${what} is an ArrayBuffer that was transferred away`);
    return new Uint8Array(value);
  }
  let json: string | undefined;
  try {
    json = JSON.stringify(value);
  } catch (cause) {
    throw new TypeError(`${what} can't be sent as JSON: ${cause instanceof Error ? cause.message : String(cause)}`, {
      cause,
    });
  }
  if (json === undefined) {
    throw new TypeError(
      `${what} is a ${typeof value}, which can't be sent: give a string, bytes, undefined or a value that JSON can carry`,
    );
  }
  // A promise that nobody awaited, a Map, a Blob: sending the nothing that JSON keeps of them would help nobody.
  if (json === "{}" && !isPlain(value as object)) {
    const name = (value as object).constructor?.name || "object";
    throw new TypeError(`${what} is a ${name}, of which JSON keeps nothing: give a string, bytes or a plain object`);
  }
  return json;
}

/** Whether an object says itself what it is in JSON, or has no class whose private parts that would leave out. */
function isPlain(value: object): boolean {
  if ("toJSON" in value) return true;
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function isDetached(buffer: ArrayBuffer): boolean {
  if ("detached" in buffer) return buffer.detached as boolean;
  // Node 20 can't say: a view of a detached buffer throws.
  try {
    new Uint8Array(buffer);
    return false;
  } catch {
    return true;
  }
}
