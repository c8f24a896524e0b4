import { FRAME_DATA, FRAME_END, FRAME_WORDS, NO_SLOT, WINDOW_SIZE } from "../../assembly/layout.js";
import { MAX_HANDLE_SIZE, PacketType } from "../../assembly/protocol.js";
import { faultError } from "./fault.js";
import { Frame } from "./frame.js";
import type { Instance } from "./instance.js";

/** A body larger than this is given memory as it arrives, so that a thousand peers who announce much, and send little, cost little. */
const TRUSTED_SIZE = 1 << 16;

/** Slots from this one on are kept by the decoder itself. The codec's own never get as far: its memory is too small. */
const FIRST_ELSEWHERE = 1 << 20;

const ENTERED = "the codec was entered while it delivers frames: bytes must be fed from the event loop";

/** Turns what a peer sends into frames. */
export class Decoder {
  readonly #instance: Instance;
  readonly #connection: number;
  readonly #onFrame: (frame: Frame) => void;
  readonly #frame: Frame;
  readonly #peer: string;
  /** Bytes that the window has which was asked for last. */
  #offered = 0;
  #closed = false;
  /** Gives the connection's memory back, once its frames are delivered: it was closed by one of them. */
  #free: (() => void) | undefined;
  /** What ended the decoding: the peer's fault, or what `onFrame` threw. It is thrown again for bytes that still come. */
  #failure: { readonly error: unknown } | undefined;
  /** A packet larger than the window: its frame's words, its data part so far, and how much of it is there, and will be. */
  #row: Int32Array | undefined;
  #body = new Uint8Array(0);
  #filled = 0;
  #total = 0;
  /** Slots of jobs that the codec's table has no room for, by handle; and the other way round. */
  readonly #elsewhere = new Map<string, number>();
  readonly #handlesElsewhere = new Map<number, string>();
  #nextElsewhere = FIRST_ELSEWHERE;
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

  /** How much is there of the body of a packet that is larger than the window; 0 when none is being collected. */
  get collected(): number {
    return this.#row ? this.#filled : 0;
  }

  /** Where the next bytes are to be put: at least one byte of the codec's memory, or of a large body. It is good until the next call. */
  window(): Uint8Array {
    // A socket may ask once more while it closes.
    if (this.#closed || this.#failure) return new Uint8Array(WINDOW_SIZE);
    const { exports, bytes, delivering } = this.#instance;
    if (delivering === this.#connection) throw new Error(ENTERED);
    if (this.#row) {
      if (this.#filled === this.#body.length) {
        const grown = new Uint8Array(Math.min(this.#total, this.#body.length * 2));
        grown.set(this.#body);
        this.#body = grown;
      }
      this.#offered = this.#body.length - this.#filled;
      return this.#body.subarray(this.#filled);
    }
    const from = exports.room(this.#connection);
    this.#offered = exports.roomSize(this.#connection);
    return bytes.subarray(from, from + this.#offered);
  }

  /**
   * Decodes, the first `count` bytes of the last `window()` having been filled.
   * @throws ProtocolError when the peer broke the protocol: the connection must be closed. What `onFrame` throws, too,
   *   ends the decoding; later calls throw the same again.
   */
  received(count: number): void {
    const instance = this.#instance;
    if (this.#closed) return;
    if (instance.delivering) throw new Error(ENTERED);
    if (this.#failure) throw this.#failure.error;
    if (count >>> 0 !== count || count > this.#offered)
      throw new RangeError(
        `${count} bytes can't have come into a window of ${this.#offered}: ask for one before each read`,
      );
    this.#offered = 0;
    instance.delivering = this.#connection;
    try {
      if (this.#row) {
        this.#filled += count;
        if (this.#filled === this.#total) this.#deliverCollected(this.#row);
      } else {
        this.#decode(count);
      }
    } catch (error) {
      this.#failure = { error };
      throw error;
    } finally {
      instance.delivering = 0;
      this.#free?.();
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
      if (frames < 0) throw faultError(frames, exports.detail(this.#connection) >>> 0, this.#peer);
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

  /**
   * Gives the job of the frame being delivered a slot, or says the one it has. The handle is the frame's first argument.
   * Jobs that a server assigns have theirs already, unless the codec's memory had no room for one.
   * @throws TypeError when that can't be one
   */
  bind(frame: Frame): number {
    if (this.#closed) throw new Error("this codec was closed");
    this.#checkFrame(frame);
    const size = frame.size(0);
    if (size < 1 || size > MAX_HANDLE_SIZE)
      throw new TypeError(
        `a job handle has 1 to ${MAX_HANDLE_SIZE} bytes, and this ${PacketType[frame.type]} has ${size}`,
      );
    // A job is followed in one place only.
    const elsewhere = this.#elsewhere.size > 0 ? this.#elsewhere.get(key(frame)) : undefined;
    if (elsewhere !== undefined) return elsewhere;
    const slot = this.#instance.exports.bind(this.#connection, frame.number);
    return slot === NO_SLOT ? this.#bindElsewhere(key(frame)) : slot;
  }

  /** The slot of the frame being delivered as it is now: `frame.slot` is as old as the batch it came in. */
  lookUp(frame: Frame): number {
    if (this.#closed) return NO_SLOT;
    this.#checkFrame(frame);
    const slot = this.#instance.exports.lookUp(this.#connection, frame.number);
    return slot === NO_SLOT && this.#elsewhere.size > 0 ? (this.#elsewhere.get(key(frame)) ?? NO_SLOT) : slot;
  }

  /** The handle of a job that is followed outside the codec's table. @internal */
  handleElsewhere(slot: number): Uint8Array | undefined {
    const handle = this.#handlesElsewhere.get(slot);
    return handle === undefined ? undefined : Uint8Array.from(handle, (byte) => byte.charCodeAt(0));
  }

  /** Gives a job's slot up. */
  unbind(slot: number): void {
    if (this.#closed) return;
    if (slot < FIRST_ELSEWHERE) {
      this.#instance.exports.unbind(this.#connection, slot);
      return;
    }
    const handle = this.#handlesElsewhere.get(slot);
    if (handle === undefined) return;
    this.#elsewhere.delete(handle);
    this.#handlesElsewhere.delete(slot);
    if (this.#elsewhere.size === 0) this.#nextElsewhere = FIRST_ELSEWHERE;
  }

  /** Follows a job for which the codec's memory has no room: slower, but tens of thousands are in flight already. */
  #bindElsewhere(handle: string): number {
    const slot = this.#nextElsewhere++;
    this.#elsewhere.set(handle, slot);
    this.#handlesElsewhere.set(slot, handle);
    return slot;
  }

  /**
   * The handle of a JOB_CREATED frame in two parts: what all handles of its server begin with, and its number. A
   * handle of another form is all prefix, with the number 0.
   */
  handle(frame: Frame): { prefix: string; number: number } {
    this.#checkFrame(frame);
    const number = frame.handleNumber;
    if (number) return { prefix: this.#handlePrefix, number };
    const text = frame.text(0);
    const [, prefix, digits] = /^(.*:)([1-9]\d{0,9})$/s.exec(text) ?? [];
    if (prefix === undefined || digits === undefined || Number(digits) > 0xffffffff) return { prefix: text, number: 0 };
    // The first one stays: frames behind this one were decoded by it, and a server never has another.
    if (!this.#handlePrefix) {
      this.#instance.exports.setHandlePrefix(this.#connection, frame.start(0), frame.size(0) - digits.length);
      this.#handlePrefix = prefix;
    }
    return { prefix, number: Number(digits) };
  }

  /** Delivers no more. `free` gives the connection's memory back, which a frame being delivered still lies in. @internal */
  close(free?: () => void): void {
    this.#closed = true;
    if (this.#instance.delivering === this.#connection) this.#free ??= free;
    else free?.();
  }

  #checkFrame(frame: Frame): void {
    if (frame !== this.#frame || this.#instance.delivering !== this.#connection)
      throw new Error("a frame is good only while its decoder delivers it");
  }
}

/** A handle's bytes, one to a character: as UTF-8, two that aren't text could be the same string. */
function key(frame: Frame): string {
  return String.fromCharCode(...frame.bytes(0));
}
