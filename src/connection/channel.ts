import { Codec, type CodecOptions } from "../codec/codec.js";
import type { Frame } from "../codec/frame.js";
import type { Receiver, Transport } from "../platform/transport.js";

/** What waits in the encoder is sent at once from here on, and not only at the end of the tick. */
const FLUSH_SIZE = 60_000;

/**
 * How many microtasks in a row must put nothing down before what waits is sent. A program that takes a few steps from
 * one request to the next (an async generator takes five) then has its requests go out together; to a lone one they
 * add less than a microsecond.
 */
const QUIET_TURNS = 8;

/** How long a program that never waits may go on putting packets down until those are sent, in milliseconds; every how many microtasks that is looked at. */
const LONGEST_HOLD = 1;
const LOOK = 4;

/** Who uses a channel. */
export interface ChannelOwner {
  /** A packet came. It is good only during the call. A throw closes the channel, and is its cause. */
  frame(frame: Frame): void;
  /** The channel is closed: by the peer, by a fault (`cause`), or by `end` or `destroy`. Called once. */
  closed(cause: Error | undefined): void;
  /** The peer broke the protocol, or `frame` threw: by default the channel is closed at once. What still comes is dropped. */
  fault?(error: Error): void;
}

/** A byte stream with a codec: packets in, packets out, the ones of a tick together in one write. */
export class Channel implements Receiver {
  readonly codec: Codec;
  readonly #owner: ChannelOwner;
  #transport: Transport | undefined;
  #written = 0;
  #scheduled = false;
  /** Microtasks since something was put down. */
  #quiet = 0;
  /** Microtasks since what waits was to be sent, and when that was. */
  #turns = 0;
  #since = 0;
  #dead = false;
  #deaf = false;
  #ending = false;
  #cause: Error | undefined;

  constructor(options: CodecOptions, owner: ChannelOwner) {
    this.#owner = owner;
    this.codec = new Codec(options, (frame) => {
      this.lastFrame = this.lastReceived;
      owner.frame(frame);
    });
  }

  /** The stream is open. */
  attach(transport: Transport): void {
    this.#transport = transport;
    this.codec.encoder.lends = transport.tellsTaken === true;
    if (this.#dead) transport.destroy();
  }

  /** True until the channel was closed, or is being closed. */
  get open(): boolean {
    return this.#transport?.writable === true && !this.#dead && !this.#ending;
  }

  /** Bytes that were put down or written, and not yet taken by the system. */
  get pending(): number {
    return (this.#dead ? 0 : this.codec.encoder.size) + (this.#transport?.pending ?? 0);
  }

  /** A number that changes whenever the system takes bytes, and not when others are written. */
  get taken(): number {
    return this.#written - (this.#transport?.pending ?? 0);
  }

  /** How much is there of a packet larger than a window; 0 when none is coming in. */
  get collected(): number {
    return this.codec.decoder.collected;
  }

  /** Sends what was put into the encoder, at the end of this tick, or now when it is much. */
  send(): void {
    if (this.codec.encoder.size >= FLUSH_SIZE) this.flush();
    else {
      this.#quiet = 0;
      if (this.#scheduled) return;
      this.#scheduled = true;
      this.#turns = 0;
      this.#since = performance.now();
      // Microtasks add no latency to a lone request, and give the many of one tick a single write.
      queueMicrotask(this.#turn);
    }
  }

  readonly #turn = () => {
    // The clock is looked at now and then: a look takes as long as a microtask.
    const late = ++this.#turns % LOOK === 0 && performance.now() - this.#since > LONGEST_HOLD;
    if (++this.#quiet < QUIET_TURNS && !late) {
      queueMicrotask(this.#turn);
    } else {
      this.#scheduled = false;
      this.flush();
    }
  };

  /** Sends what was put into the encoder, now. */
  flush(): void {
    // What can't be written any more was not sent, and whoever waits will be told so when the stream has ended.
    if (!this.#transport?.writable || this.#dead || this.codec.encoder.size === 0) return;
    this.flushed?.();
    this.#written += this.codec.encoder.size;
    try {
      const { encoder } = this.codec;
      const parts = encoder.take();
      this.#transport.write(parts, () => encoder.reuse(parts));
    } catch (error) {
      this.destroy(error as Error);
    }
  }

  /** When the last bytes came, as `performance.now()` has it. */
  lastReceived = 0;

  /** When the last bytes came that made a packet whole: no single byte of one is a sign of life. */
  lastFrame = 0;

  /** Called before each write, when set. */
  flushed: (() => void) | undefined;

  window(): Uint8Array {
    return this.codec.decoder.window();
  }

  received(count: number): void {
    if (this.#dead || this.#deaf) return;
    this.lastReceived = performance.now();
    try {
      this.codec.decoder.received(count);
    } catch (error) {
      this.#deaf = true;
      if (this.#owner.fault) this.#owner.fault(error as Error);
      else this.destroy(error as Error);
    }
  }

  closed(cause: Error | undefined): void {
    // Only now is the socket surely done with the codec's memory.
    this.codec.close();
    this.#dead = true;
    this.#owner.closed(this.#cause ?? cause);
  }

  /** Reads nothing until `resume()`. */
  pause(): void {
    this.#transport?.pause();
  }

  resume(): void {
    this.#transport?.resume();
  }

  /** Sends what is left, then closes. */
  end(): void {
    if (this.#dead || this.#ending) return;
    this.flush();
    this.#ending = true;
    this.#transport?.end();
  }

  /** Closes at once, for a reason if there is one. What was not sent is dropped. */
  destroy(cause?: Error): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#cause = cause;
    this.codec.decoder.close();
    this.#transport?.destroy();
  }

  /** Frees a channel to which no stream was ever attached. */
  discard(): void {
    this.#dead = true;
    this.codec.close();
  }
}
