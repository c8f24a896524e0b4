import type { Connection } from "../connection/connection.js";
import { TimeoutError } from "../errors.js";
import type { TaskCall } from "./call.js";

/**
 * What a connection does about readers of events who are behind: it stops to read, so that what they have not read
 * waits at the server, and not here. New calls go over another connection meanwhile. Others that wait for what comes
 * over this one are held up, so that a reader who takes nothing at all loses its task after a while.
 */
export class Stall {
  readonly #connection: Connection;
  readonly #patience: number;
  readonly #othersWait: (slow: ReadonlySet<TaskCall>) => boolean;
  /** Readers who are behind, and how many events they had taken when it was last looked. */
  readonly #slow = new Map<TaskCall, number>();
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param patience milliseconds that others wait for a reader who takes nothing */
  constructor(connection: Connection, patience: number, othersWait: (slow: ReadonlySet<TaskCall>) => boolean) {
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
    if (behind) this.#slow.set(call, call.task.taken);
    else if (!this.#slow.delete(call)) return;
    this.check();
  }

  /** Reads or doesn't, as things are now. Requests are answered first: those who made them must not wait for a reader. */
  check(): void {
    if (this.#slow.size === 0) {
      this.end();
      this.#connection.resume();
    } else if (this.#connection.waiting === 0) {
      this.#connection.pause();
      this.#timer ??= setTimeout(() => this.#look(), this.#patience);
    }
  }

  /** The connection is gone. */
  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const slow = [...this.#slow];
    const stuck = slow.filter(([call, taken]) => call.task.taken === taken).map(([call]) => call);
    for (const [call] of slow) this.#slow.set(call, call.task.taken);
    if (stuck.length > 0 && this.#othersWait(new Set(stuck))) {
      for (const { task } of stuck) task.fail(this.#error(task.function));
    }
    this.check();
  }

  #error(name: string): TimeoutError {
    const words = `nobody read the events of the ${JSON.stringify(name)} job any further, while others waited behind them`;
    return new TimeoutError("requestTimeout", this.#patience, words);
  }
}
