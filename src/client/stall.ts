import { MOST_UNREAD } from "#platform";
import type { Connection } from "../connection/connection.js";
import { TimeoutError } from "../errors.js";
import type { TaskCall } from "./call.js";

/** How long a reader for whom nobody waits may take nothing, in milliseconds. */
const LONG = 300_000;

/**
 * What a connection does about readers of events who are behind: it stops to read, so that what they have not read
 * waits at the server, and not here. New calls go over another connection meanwhile. Those that wait already for what
 * comes over this one are answered first, as the reader itself may be waiting for them; unless it is too far behind:
 * then it loses its task, if it takes nothing for a while.
 */
export class Stall {
  readonly #connection: Connection;
  readonly #patience: number;
  readonly #othersWait: (slow: ReadonlyMap<TaskCall, unknown>) => boolean;
  /** Readers who are behind: how many events they had taken when it was last looked, and since when that is so. */
  readonly #slow = new Map<TaskCall, { taken: number; since: number }>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param patience milliseconds that others wait for a reader who takes nothing */
  constructor(connection: Connection, patience: number, othersWait: (slow: ReadonlyMap<TaskCall, unknown>) => boolean) {
    this.#connection = connection;
    this.#patience = patience;
    this.#othersWait = othersWait;
  }

  /** Whether anybody is behind. */
  get stalled(): boolean {
    return this.#slow.size > 0;
  }

  /** The reader of a call's events has fallen behind, or has caught up. */
  reader(call: TaskCall, behind: boolean): void {
    if (!behind) this.#slow.delete(call);
    else if (!this.#slow.has(call)) this.#slow.set(call, { taken: call.task.taken, since: performance.now() });
    this.check();
  }

  /** Reads or doesn't, as things are now. */
  check(): void {
    if (this.#slow.size === 0) {
      this.end();
      this.#connection.resume();
    } else if (this.#connection.waiting === 0 && (this.#tooFar || !this.#othersWait(this.#slow))) {
      this.#connection.pause();
      this.#timer ??= setTimeout(() => this.#look(), this.#patience);
    } else {
      this.#connection.resume();
    }
  }

  get #tooFar(): boolean {
    let unread = 0;
    for (const call of this.#slow.keys()) unread += call.task.unread;
    return unread > MOST_UNREAD;
  }

  /** The connection is gone. */
  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const now = performance.now();
    // A reader alone may take its time; one that takes nothing for so long was left standing.
    const patience = this.#othersWait(this.#slow) ? this.#patience : LONG;
    for (const [call, reader] of [...this.#slow]) {
      const { taken } = call.task;
      if (taken !== reader.taken) {
        reader.taken = taken;
        reader.since = now;
      } else if (now - reader.since >= patience) {
        call.task.fail(this.#error(call.task.function, patience));
      }
    }
    this.check();
  }

  #error(name: string, patience: number): TimeoutError {
    const others = patience === this.#patience ? ", while others waited behind them" : "";
    const words = `nobody read the events of the ${JSON.stringify(name)} job any further${others}`;
    return new TimeoutError("requestTimeout", patience, words);
  }
}
