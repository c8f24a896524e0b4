import type { Socket } from "node:net";
import { setTimeout as delay, setImmediate as turn } from "node:timers/promises";
import type { Fault } from "./script.ts";

/** More than this is not taken from the sender until it has gone on. */
const FULL = 1 << 18;

/** How long the receiver has to read what came before an RST, in milliseconds. */
const UNREAD = 5;

/** What ends a lane. */
type Stop = "end" | "reset" | "blackhole";

/** Bytes with the time at which they may go on, or what happens in their place. */
type Item = { readonly bytes: Buffer; readonly due: number } | Stop;

const STOPS: Partial<Record<Fault["kind"], Stop>> = { reset: "reset", "half-close": "end", blackhole: "blackhole" };

/** The fault of a kind, if there is one. */
function find<Kind extends Fault["kind"]>(
  faults: readonly Fault[],
  kind: Kind,
): Extract<Fault, { kind: Kind }> | undefined {
  return faults.find((fault): fault is Extract<Fault, { kind: Kind }> => fault.kind === kind);
}

/** One direction of a connection: takes what one socket sends, does to it what the faults say, and gives it to the other. */
export class Lane {
  readonly #from: Socket;
  readonly #to: Socket;
  readonly #reset: () => void;
  readonly #items: Item[] = [];
  #faults: Fault[];
  /** Bytes that have come, those left out included. */
  carried = 0;
  #queued = 0;
  #busy = false;
  /** When a slow line has taken all. */
  #free = 0;
  #stopped = false;

  constructor(from: Socket, to: Socket, faults: readonly Fault[], reset: () => void) {
    this.#from = from;
    this.#to = to;
    this.#faults = [...faults];
    this.#reset = reset;
    from.on("data", (chunk: Buffer) => this.#take(chunk));
    from.on("end", () => this.#push("end"));
    this.#look();
  }

  /** From now on these happen, in place of others that last; places count from here. */
  inject(faults: readonly Fault[]): void {
    this.#faults = faults.map((fault) => ("at" in fault ? { ...fault, at: fault.at + this.carried } : fault));
    this.#look();
  }

  /** Nothing passes any more. */
  hole(): void {
    this.#stopped = true;
    this.#items.length = 0;
    this.#from.resume();
  }

  #take(chunk: Buffer): void {
    if (this.#stopped) return;
    const begin = this.carried;
    const stop = this.#nextStop();
    const room = stop ? Math.max(0, stop.at - begin) : chunk.length;
    const passing = chunk.subarray(0, room);
    this.carried += passing.length;
    const due = performance.now() + (find(this.#faults, "delay")?.milliseconds ?? 0);
    for (const bytes of this.#changed(passing, begin)) this.#push({ bytes, due });
    this.#look();
  }

  /** The pieces in which bytes go on, changed or not. */
  #changed(chunk: Buffer, begin: number): Buffer[] {
    const end = begin + chunk.length;
    let pieces = [{ at: begin, bytes: chunk }];
    for (const fault of this.#faults) {
      if (!("at" in fault) || fault.at >= end || STOPS[fault.kind]) continue;
      pieces = pieces.flatMap(({ at, bytes }) => {
        const place = fault.at - at;
        if (fault.kind === "corrupt" && place >= 0 && place < bytes.length) {
          const copy = Buffer.from(bytes);
          copy[place] = (copy[place] as number) ^ fault.bits;
          return [{ at, bytes: copy }];
        }
        if (fault.kind === "split" && place > 0 && place < bytes.length)
          return [
            { at, bytes: bytes.subarray(0, place) },
            { at: fault.at, bytes: bytes.subarray(place) },
          ];
        if (fault.kind === "drop" && place < bytes.length && place + fault.count > 0)
          return [
            { at, bytes: bytes.subarray(0, Math.max(0, place)) },
            { at: fault.at + fault.count, bytes: bytes.subarray(place + fault.count) },
          ];
        return [{ at, bytes }];
      });
    }
    const split = find(this.#faults, "split");
    const size = split && "size" in split ? split.size : Number.POSITIVE_INFINITY;
    return pieces.flatMap(({ bytes }) => {
      if (bytes.length <= size) return bytes.length > 0 ? [bytes] : [];
      return Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) => bytes.subarray(n * size, (n + 1) * size));
    });
  }

  #nextStop(): { kind: Stop; at: number } | undefined {
    let first: { kind: Stop; at: number } | undefined;
    for (const fault of this.#faults) {
      const kind = STOPS[fault.kind];
      if (kind && "at" in fault && (!first || fault.at < first.at)) first = { kind, at: fault.at };
    }
    return first;
  }

  /** Has what ends the lane come to pass, when it is time. */
  #look(): void {
    const stop = this.#nextStop();
    if (!stop || this.#stopped || this.carried < stop.at) return;
    this.#push(stop.kind);
    this.#stopped = true;
  }

  #push(item: Item): void {
    if (this.#stopped) return;
    this.#items.push(item);
    if (typeof item !== "string") this.#queued += item.bytes.length;
    if (this.#queued > FULL) this.#from.pause();
    if (!this.#busy) void this.#work();
  }

  async #work(): Promise<void> {
    this.#busy = true;
    const merge = find(this.#faults, "merge");
    if (merge) await delay(merge.milliseconds);
    for (let item = this.#items.shift(); item !== undefined && !this.#to.destroyed; item = this.#items.shift()) {
      if (typeof item === "string") {
        // What was written before has to be read before: an RST overtakes it.
        if (item === "reset") await delay(UNREAD);
        this.#stop(item);
        continue;
      }
      const wait = item.due - performance.now();
      if (wait > 0) await delay(wait);
      await this.#write(merge ? this.#merged(item.bytes) : item.bytes);
    }
    this.#busy = false;
  }

  /** All that waits, in one. */
  #merged(first: Buffer): Buffer {
    const parts = [first];
    while (typeof this.#items[0] === "object") parts.push((this.#items.shift() as { bytes: Buffer }).bytes);
    return Buffer.concat(parts);
  }

  async #write(bytes: Buffer): Promise<void> {
    const throttle = find(this.#faults, "throttle");
    // Some ten portions a second and more, so that a slow line is slow, and not one that stops and goes.
    const portion = throttle ? Math.max(1, Math.ceil(throttle.rate * 5)) : bytes.length;
    for (let at = 0; at < bytes.length && this.#to.writable; at += portion) {
      const part = bytes.subarray(at, at + portion);
      const flowing = this.#to.write(part);
      this.#queued -= part.length;
      if (throttle) await this.#pace(part.length / throttle.rate);
      else if (!flowing) await this.#drained();
    }
    if (this.#queued <= FULL) this.#from.resume();
    // The next piece is to come in a read of its own.
    if (!find(this.#faults, "merge")) await turn();
  }

  /** Waits until a slow line has taken what it needs so many milliseconds for. A timer is too coarse for each byte. */
  async #pace(milliseconds: number): Promise<void> {
    const now = performance.now();
    this.#free = Math.max(this.#free, now) + milliseconds;
    if (this.#free - now >= 2) await delay(this.#free - now);
  }

  #drained(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#to.off("drain", done).off("close", done);
        resolve();
      };
      this.#to.once("drain", done).once("close", done);
    });
  }

  #stop(stop: Stop): void {
    if (stop === "end") this.#to.end();
    else if (stop === "reset") this.#reset();
    // Whoever sends into the hole isn't held up by it.
    this.#from.resume();
  }
}
