import { Fifo } from "../connection/fifo.js";
import type { Payload } from "../payload.js";

/** What a job tells before it ends. */
export type TaskEvent =
  | { readonly type: "data" | "warning"; readonly payload: Payload }
  | {
      readonly type: "status";
      readonly numerator: number;
      readonly denominator: number;
      /** `numerator / denominator`, from 0 to 1. */
      readonly progress: number;
    };

/** What is kept for a reader in bytes, before it is behind; and what it must be down to to have caught up. */
const MUCH = 1 << 20;
const CAUGHT_UP = MUCH / 2;

/** What an event takes besides its payload, in bytes, about. */
const EVENT_SIZE = 200;

/** The events of a task that nobody has read. */
export class Unread {
  readonly #events = new Fifo<{ readonly event: TaskEvent; readonly size: number }>();
  #size = 0;
  #readers = 0;
  #behind = false;
  /** How much there was, in MiB, when it was last told. */
  #told = 0;
  #onBehind: (behind: boolean) => void = () => {};
  /** Readers that wait for an event, or the end. */
  #wakes: (() => void)[] = [];
  /** How many events were taken, and how many were too much to keep while nobody read. */
  taken = 0;
  dropped = 0;

  /** What has not been read, in bytes. */
  get size(): number {
    return this.#size;
  }

  /** Has `callback` told when a reader falls behind, at each further MiB, and when it has caught up, or left. */
  onBehind(callback: (behind: boolean) => void): void {
    this.#onBehind = callback;
    if (this.#behind) callback(true);
  }

  push(event: TaskEvent, size: number): void {
    this.#events.push({ event, size: size + EVENT_SIZE });
    this.#size += size + EVENT_SIZE;
    // Nobody may ever read them: the latest are kept, and the server isn't made to wait.
    while (this.#readers === 0 && this.#size > MUCH && this.#events.length > 1) {
      this.#shift();
      this.dropped++;
    }
    this.#check();
    this.wake();
  }

  take(): TaskEvent | undefined {
    const event = this.#shift();
    if (event) this.taken++;
    this.#check();
    return event;
  }

  /** Waits for `wake`. */
  wait(): Promise<void> {
    return new Promise((resolve) => this.#wakes.push(resolve));
  }

  wake(): void {
    const wakes = this.#wakes;
    this.#wakes = [];
    for (const wake of wakes) wake();
  }

  /** Somebody begins to read. */
  joined(): void {
    this.#readers++;
    this.#check();
  }

  /** A reader reads no more. */
  left(): void {
    this.#readers--;
    this.#check();
    this.wake();
  }

  #shift(): TaskEvent | undefined {
    const first = this.#events.shift();
    this.#size -= first?.size ?? 0;
    return first?.event;
  }

  #check(): void {
    const behind = this.#readers > 0 && this.#size > (this.#behind ? CAUGHT_UP : MUCH);
    const told = behind ? Math.floor(this.#size / MUCH) : 0;
    if (behind === this.#behind && told <= this.#told) return;
    this.#behind = behind;
    this.#told = told;
    this.#onBehind(behind);
  }
}
