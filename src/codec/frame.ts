import {
  FRAME_ARGUMENTS,
  FRAME_BODY,
  FRAME_DATA,
  FRAME_END,
  FRAME_SLOT,
  FRAME_TYPE,
  FRAME_WORDS,
  NO_REQUEST,
  NO_SLOT,
} from "../../assembly/layout.js";
import { ARGUMENT_MASK, HEADER_SIZE, LAYOUTS, PacketType } from "../../assembly/protocol.js";
import type { Instance } from "./instance.js";

/** A byte order mark is content like any other: of a handle that begins with one, the string must be the same handle. */
const utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

/** Above this many bytes TextDecoder's start-up cost is paid back. */
const SHORT = 64;

/**
 * A packet that was decoded, read where it lies. One object stands for each packet in turn: what is taken from it is
 * a copy, and it must not be kept.
 */
export class Frame {
  readonly #instance: Instance;
  /** Its place in the frame table: the frame's number, and its first word. */
  #number = 0;
  #word = 0;
  /** The data part of a packet that was too large for the window. */
  #collected: Uint8Array | undefined;

  constructor(instance: Instance) {
    this.#instance = instance;
  }

  /** Turns to the frame of this number. @internal */
  at(number: number, collected?: Uint8Array): this {
    this.#number = number;
    this.#word = this.#instance.frames + number * FRAME_WORDS;
    this.#collected = collected;
    return this;
  }

  /** @internal */
  get number(): number {
    return this.#number;
  }

  /** The packet's type; `PacketType.TEXT` for a line of the text protocol, whose data is the line without its newline. */
  get type(): PacketType {
    return this.#instance.words[this.#word + FRAME_TYPE] as PacketType;
  }

  /** The slot of the job that the packet is about, or -1 when it has none in the codec's table: `bind` and `lookUp` look further. */
  get slot(): number {
    return this.type === PacketType.JOB_CREATED ? NO_SLOT : (this.#instance.words[this.#word + FRAME_SLOT] as number);
  }

  /** Of a lenient codec: whether the packet came with a response's magic. It can't be one that answers a request. */
  get foreign(): boolean {
    return this.#instance.words[this.#word + FRAME_SLOT] === NO_REQUEST;
  }

  /** Of JOB_CREATED: the number of the handle, when the handle is the known prefix and a number; else 0. */
  get handleNumber(): number {
    return this.type === PacketType.JOB_CREATED ? (this.#instance.words[this.#word + FRAME_SLOT] as number) >>> 0 : 0;
  }

  /** How many arguments it has. */
  get argumentCount(): number {
    return (LAYOUTS[this.type] as number) & ARGUMENT_MASK;
  }

  /** An argument as text. */
  text(index: number): string {
    const begin = this.start(index);
    return read(this.#instance.bytes, begin, this.#end(index));
  }

  /** Whether an argument is this text: without making a string of it, when it is ASCII. @internal */
  is(index: number, text: string): boolean {
    const { bytes } = this.#instance;
    const begin = this.start(index);
    if (this.size(index) === text.length) {
      let at = 0;
      // A byte beyond ASCII is a part of some character, and never a character's own number.
      while (text.charCodeAt(at) < 0x80 && bytes[begin + at] === text.charCodeAt(at)) at++;
      if (at === text.length) return true;
    }
    return this.text(index) === text;
  }

  /** Bytes of its header and its arguments, with the NULs that end them. */
  get argumentsSize(): number {
    const { words } = this.#instance;
    return HEADER_SIZE + (words[this.#word + FRAME_DATA] as number) - (words[this.#word + FRAME_BODY] as number);
  }

  /** How many bytes an argument has. */
  size(index: number): number {
    return this.#end(index) - this.start(index);
  }

  /** An argument's bytes, copied. */
  bytes(index: number): Uint8Array {
    return this.#instance.bytes.slice(this.start(index), this.#end(index));
  }

  /** An argument as a number in decimal, as the status packets have them; empty or none is 0, as gearmand itself reads it. */
  integer(index: number): number {
    const { bytes } = this.#instance;
    const end = this.#end(index);
    let value = 0;
    for (let at = this.start(index); at < end; at++) {
      const digit = (bytes[at] as number) - 0x30;
      if (digit < 0 || digit > 9) break;
      value = value * 10 + digit;
    }
    return value;
  }

  /** The data part, copied; empty for a packet that has none. */
  data(): Uint8Array {
    if (this.#collected) return this.#collected;
    const { words, bytes } = this.#instance;
    const begin = words[this.#word + FRAME_DATA] as number;
    const end = words[this.#word + FRAME_END] as number;
    // V8 is slow to copy nothing: ten times slower than a few bytes.
    return begin === end ? new Uint8Array(0) : bytes.slice(begin, end);
  }

  /** The data part as text. */
  dataText(): string {
    if (this.#collected) return utf8.decode(this.#collected);
    const { words, bytes } = this.#instance;
    return read(bytes, words[this.#word + FRAME_DATA] as number, words[this.#word + FRAME_END] as number);
  }

  /** The address of an argument. @internal */
  start(index: number): number {
    const { words } = this.#instance;
    return index === 0
      ? (words[this.#word + FRAME_BODY] as number)
      : (words[this.#word + FRAME_ARGUMENTS + index - 1] as number) + 1;
  }

  #end(index: number): number {
    if (index < 0 || index >= this.argumentCount)
      throw new RangeError(`${PacketType[this.type]} has no argument ${index}`);
    return this.#instance.words[this.#word + FRAME_ARGUMENTS + index] as number;
  }
}

/** Text of bytes that are nearly always few and ASCII: handles, names, numbers. */
function read(bytes: Uint8Array, begin: number, end: number): string {
  if (end - begin > SHORT) return utf8.decode(bytes.subarray(begin, end));
  let text = "";
  let at = begin;
  // Each piece is a string of its own first: four characters a piece are twice as fast as one.
  for (; at + 4 <= end; at += 4) {
    const a = bytes[at] as number;
    const b = bytes[at + 1] as number;
    const c = bytes[at + 2] as number;
    const d = bytes[at + 3] as number;
    if ((a | b | c | d) > 0x7f) return utf8.decode(bytes.subarray(begin, end));
    text += String.fromCharCode(a, b, c, d);
  }
  for (; at < end; at++) {
    const byte = bytes[at] as number;
    if (byte > 0x7f) return utf8.decode(bytes.subarray(begin, end));
    text += String.fromCharCode(byte);
  }
  return text;
}
