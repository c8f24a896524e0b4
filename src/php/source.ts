import { show } from "../connection/check.js";

/** The characters that PHP's format is held together by. */
export const [SEMICOLON, COLON, QUOTE, OPEN, CLOSE] = [0x3b, 0x3a, 0x22, 0x7b, 0x7d];

/** What PHP serialized, read from its beginning to its end: the parts that all of its values are made of. */
export class Source {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get ended(): boolean {
    return this.#at >= this.#bytes.length;
  }

  /** The byte that comes next; `undefined` at the end. */
  get ahead(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** That byte, which is passed over. */
  next(): number | undefined {
    return this.#bytes[this.#at++];
  }

  /** A length, of things that have so many bytes at least: more than there are left it can't say. */
  length(least: number): number {
    const digits = this.until(COLON, 10);
    if (!/^\d+$/.test(digits)) throw this.wrong("no length");
    const length = Number(digits);
    if (length * least > this.#bytes.length - this.#at) throw this.wrong("a length beyond the end");
    return length;
  }

  quoted(): Uint8Array {
    const size = this.length(1);
    this.expect(QUOTE, '"');
    const bytes = this.take(size);
    this.expect(QUOTE, '"');
    return bytes;
  }

  take(size: number): Uint8Array {
    if (size > this.#bytes.length - this.#at) throw this.wrong("a length beyond the end");
    this.#at += size;
    return this.#bytes.subarray(this.#at - size, this.#at);
  }

  /** ASCII up to a byte, which is passed over. */
  until(end: number, most: number): string {
    const stop = this.#bytes.subarray(this.#at, this.#at + most + 1).indexOf(end);
    if (stop < 0) throw this.wrong(`no ${show(String.fromCharCode(end))} where there should be one`);
    const characters = String.fromCharCode(...this.take(stop));
    this.#at++;
    return characters;
  }

  expect(byte: number, character: string): void {
    if (this.#bytes[this.#at] !== byte) throw this.wrong(`no ${show(character)} where there should be one`);
    this.#at++;
  }

  wrong(what: string): SyntaxError {
    return new SyntaxError(`not a PHP value that can be read: ${what}, near byte ${this.#at}`);
  }
}
