import type { Connection } from "../connection/connection.js";
import { TimeoutError } from "../errors.js";
import type { TaskCall } from "./call.js";
import type { Behind } from "./unread.js";

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
  /** Readers who are behind: how far, and how many events they had taken when it was last looked. */
  readonly #slow = new Map<TaskCall, { readonly behind: Behind; taken: number }>();
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
  reader(call: TaskCall, behind: Behind): void {
    if (behind !== "not") this.#slow.set(call, { behind, taken: call.task.taken });
    else this.#slow.delete(call);
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
    for (const { behind } of this.#slow.values()) if (behind === "too much") return true;
    return false;
  }

  /** The connection is gone. */
  end(): void {
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  #look(): void {
    this.#timer = undefined;
    const stuck = [...this.#slow].filter(([call, { taken }]) => call.task.taken === taken).map(([call]) => call);
    for (const [call, reader] of this.#slow) reader.taken = call.task.taken;
    if (stuck.length > 0 && this.#othersWait(this.#slow)) {
      for (const { task } of stuck) task.fail(this.#error(task.function));
    }
    this.check();
  }

  #error(name: string): TimeoutError {
    const words = `nobody read the events of the ${JSON.stringify(name)} job any further, while others waited behind them`;
    return new TimeoutError("requestTimeout", this.#patience, words);
  }
}
