import {
  BAD_HANDLE,
  BAD_MAGIC,
  BAD_TYPE,
  FRAME_DATA,
  FRAME_END,
  FRAME_WORDS,
  LINE_TOO_LONG,
  MISSING_ARGUMENT,
  NO_SLOT,
  TOO_LARGE,
  UNEXPECTED_BODY,
  WINDOW_SIZE,
} from "../../assembly/layout.js";
import { LAST_PACKET_TYPE, MAX_HANDLE_SIZE, PacketType } from "../../assembly/protocol.js";
import { ProtocolError } from "../errors.js";
import { Frame } from "./frame.js";
import type { Instance } from "./instance.js";

/** A body larger than this is given memory as it arrives, so that a mere announcement of gigabytes costs nothing. */
const TRUSTED_SIZE = 1 << 20;

/** Slots from this one on are kept by the decoder itself. The codec's own never get as far: its memory is too small. */
const FIRST_ELSEWHERE = 1 << 24;

/** Turns what a peer sends into frames. */
export class Decoder {
  readonly #instance: Instance;
  readonly #connection: number;
  readonly #onFrame: (frame: Frame) => void;
  readonly #frame: Frame;
  readonly #peer: string;
  #closed = false;
  /** A packet larger than the window: its frame's words, its data part so far, and how much of it is there, and will be. */
  #row: Int32Array | undefined;
  #body = new Uint8Array(0);
  #filled = 0;
  #total = 0;
  /** Slots of jobs that the codec's table has no room for, by handle; and the other way round, from FIRST_ELSEWHERE on. */
  readonly #elsewhere = new Map<string, number>();
  readonly #handlesElsewhere: string[] = [];
  /** What the server's handles begin with, e.g. `H:host:`, once one was seen. */
  #handlePrefix = "";

  /** @internal: `Codec` makes it. */
  constructor(instance: Instance, connection: number, peer: string, onFrame: (frame: Frame) => void) {
    this.#instance = instance;
    this.#connection = connection;
    this.#peer = peer;
    this.#onFrame = onFrame;
    this.#frame = new Frame(instance);
  }

  /** Where the next bytes are to be put: at least one byte of the codec's memory, or of a large body. It is good until the next call. */
  window(): Uint8Array {
    if (this.#row && !this.#closed) {
      if (this.#filled === this.#body.length) {
        const grown = new Uint8Array(Math.min(this.#total, this.#body.length * 2));
        grown.set(this.#body);
        this.#body = grown;
      }
      return this.#body.subarray(this.#filled);
    }
    // A socket may ask once more while it closes.
    if (this.#closed) return new Uint8Array(WINDOW_SIZE);
    const { exports, bytes } = this.#instance;
    const from = exports.room(this.#connection);
    return bytes.subarray(from, from + exports.roomSize(this.#connection));
  }

  /**
   * Decodes, the first `count` bytes of the last `window()` having been filled.
   * @throws ProtocolError when the peer broke the protocol: the connection must be closed
   */
  received(count: number): void {
    const instance = this.#instance;
    if (this.#closed) return;
    if (instance.delivering)
      throw new Error("the codec was entered while it delivers frames: bytes must be fed from the event loop");
    instance.delivering = true;
    try {
      if (this.#row) {
        this.#filled += count;
        if (this.#filled === this.#total) this.#deliverCollected(this.#row);
      } else {
        this.#decode(count);
      }
    } finally {
      instance.delivering = false;
    }
  }

  /**
   * Decodes a chunk from elsewhere, copying it into the window.
   * @throws ProtocolError as `received` does
   */
  write(chunk: Uint8Array): void {
    for (let at = 0; at < chunk.length && !this.#closed; ) {
      const window = this.window();
      const count = Math.min(window.length, chunk.length - at);
      window.set(chunk.subarray(at, at + count));
      this.received(count);
      at += count;
    }
  }

  #decode(count: number): void {
    const instance = this.#instance;
    const { exports } = instance;
    for (let received = count; ; received = 0) {
      const frames = exports.decode(this.#connection, received);
      if (frames < 0) throw this.#fault(frames);
      if (frames === 0) return;
      const missing = exports.missing(this.#connection) >>> 0;
      const whole = missing ? frames - 1 : frames;
      for (let number = 0; number < whole; number++) {
        this.#onFrame(this.#frame.at(number));
        if (this.#closed) return;
      }
      if (missing) {
        this.#collect(frames - 1, missing);
        return;
      }
    }
  }

  /** Begins to collect the data part of a packet that is larger than the window. */
  #collect(number: number, missing: number): void {
    const { words, bytes, frames } = this.#instance;
    const word = frames + number * FRAME_WORDS;
    const row = words.slice(word, word + FRAME_WORDS);
    const begin = row[FRAME_DATA] as number;
    const total = (row[FRAME_END] as number) - begin;
    const here = total - missing;
    this.#body = new Uint8Array(Math.min(total, Math.max(here, TRUSTED_SIZE)));
    this.#body.set(bytes.subarray(begin, begin + here));
    this.#filled = here;
    this.#total = total;
    this.#row = row;
  }

  #deliverCollected(row: Int32Array): void {
    const body = this.#body;
    this.#row = undefined;
    this.#body = new Uint8Array(0);
    // Its arguments still lie in the window: nothing was received there since.
    this.#instance.words.set(row, this.#instance.frames);
    this.#onFrame(this.#frame.at(0, body));
  }

  /** Gives the job of the frame being delivered a slot, or says the one it has. */
  bind(frame: Frame): number {
    if (this.#closed) throw new Error("this codec was closed");
    const slot = this.#instance.exports.bind(this.#connection, frame.number);
    return slot === NO_SLOT ? this.#bindElsewhere(frame.text(0)) : slot;
  }

  /** The slot of the frame being delivered as it is now: `frame.slot` is as old as the batch it came in. */
  lookUp(frame: Frame): number {
    if (this.#closed) return NO_SLOT;
    const slot = this.#instance.exports.lookUp(this.#connection, frame.number);
    return slot === NO_SLOT && this.#elsewhere.size > 0 ? (this.#elsewhere.get(frame.text(0)) ?? NO_SLOT) : slot;
  }

  /** Gives a job's slot up. */
  unbind(slot: number): void {
    if (this.#closed) return;
    if (slot < FIRST_ELSEWHERE) {
      this.#instance.exports.unbind(this.#connection, slot);
      return;
    }
    this.#elsewhere.delete(this.#handlesElsewhere[slot - FIRST_ELSEWHERE] as string);
    delete this.#handlesElsewhere[slot - FIRST_ELSEWHERE];
    if (this.#elsewhere.size === 0) this.#handlesElsewhere.length = 0;
  }

  /** Follows a job for which the codec's memory has no room: slower, but tens of thousands are in flight already. */
  #bindElsewhere(handle: string): number {
    const known = this.#elsewhere.get(handle);
    if (known !== undefined) return known;
    const slot = FIRST_ELSEWHERE + this.#handlesElsewhere.push(handle) - 1;
    this.#elsewhere.set(handle, slot);
    return slot;
  }

  /**
   * The handle of a JOB_CREATED frame in two parts: what all handles of its server begin with, and its number. A
   * handle of another form is all prefix, with the number 0.
   */
  handle(frame: Frame): { prefix: string; number: number } {
    const number = frame.handleNumber;
    if (number) return { prefix: this.#handlePrefix, number };
    const text = frame.text(0);
    const [, prefix, digits] = /^(.*:)([1-9]\d{0,9})$/.exec(text) ?? [];
    if (prefix === undefined || digits === undefined || Number(digits) > 0xffffffff) return { prefix: text, number: 0 };
    this.#instance.exports.setHandlePrefix(this.#connection, frame.start(0), frame.size(0) - digits.length);
    this.#handlePrefix = prefix;
    return { prefix, number: Number(digits) };
  }

  /** @internal */
  close(): void {
    this.#closed = true;
  }

  #fault(fault: number): Error {
    const detail = this.#instance.exports.detail(this.#connection) >>> 0;
    const name = `${PacketType[detail]} packet`;
    switch (fault) {
      case BAD_MAGIC:
        return new ProtocolError(
          `${this.#peer} sent ${quote(detail)} where a packet begins: it doesn't speak Gearman's binary protocol`,
        );
      case BAD_TYPE:
        return new ProtocolError(
          `${this.#peer} sent a packet of type ${detail}; there are only 1 to ${LAST_PACKET_TYPE}`,
        );
      case TOO_LARGE:
        return new ProtocolError(
          `${this.#peer} sent a packet of ${detail} bytes, more than is accepted (maxPacketSize)`,
        );
      case MISSING_ARGUMENT:
        return new ProtocolError(`${this.#peer} sent a ${name} in which an argument or its closing NUL is missing`);
      case UNEXPECTED_BODY:
        return new ProtocolError(`${this.#peer} sent a ${name} with a body, which it can't have`);
      case BAD_HANDLE:
        return new ProtocolError(
          `${this.#peer} sent a ${name} whose job handle isn't one of 1 to ${MAX_HANDLE_SIZE} bytes without a NUL`,
        );
      case LINE_TOO_LONG:
        return new ProtocolError(`${this.#peer} sent a line of text of more than ${WINDOW_SIZE} bytes`);
      default:
        return new Error("the codec has no memory left for another job's handle: too many jobs run at once");
    }
  }
}

/** The first four bytes of what should have been a packet, readable. */
function quote(word: number): string {
  const bytes = [24, 16, 8, 0].map((shift) => (word >>> shift) & 0xff);
  if (bytes.every((byte) => byte >= 0x20 && byte < 0x7f)) return JSON.stringify(String.fromCharCode(...bytes));
  return bytes.map((byte) => `0x${byte.toString(16).padStart(2, "0")}`).join(" ");
}
