import { Backoff } from "../connection/backoff.js";
import { sleep } from "../connection/wait.js";
import { ClosedError, RequestScopeError } from "../errors.js";
import { Batches, type Emit, type Failure, inTime, type RelaySettings } from "./batch.js";
import type { Leader, OutboxStore } from "./store.js";

/** How long to wait before a database or job server that was away is tried again, in milliseconds. */
const RETRY = { minDelay: 200, maxDelay: 10_000 };

/** Every how often somebody who stands by looks whether the leader has left, at least, in milliseconds. */
const STANDBY = 2_000;

/** What `outbox.drain` did. */
export interface Drained {
  /** How many rows were relayed. */
  readonly relayed: number;
  /** How many rows were set aside. */
  readonly aside: number;
  /** Whether nothing is left to do: false when another one relays, a function's queue is full, or the signal came. */
  readonly empty: boolean;
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}

/** Moves rows from an outbox to the job servers. */
export class Relay {
  readonly #store: OutboxStore;
  readonly #settings: RelaySettings;
  readonly #emit: Emit;
  readonly #batches: Batches;
  readonly #backoff = new Backoff(RETRY);
  #standby = false;

  constructor(store: OutboxStore, settings: RelaySettings, emit: Emit) {
    this.#store = store;
    this.#settings = settings;
    this.#emit = emit;
    this.#batches = new Batches(settings, emit);
  }

  /** Relays until the signal. @throws what makes going on pointless: the client was closed */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      try {
        const leader = await this.#take();
        if (leader) await this.#lead(leader, signal);
        else await this.#standBy(signal);
      } catch (error) {
        if (error instanceof ClosedError || error instanceof RequestScopeError) throw error;
        await this.#again(error, signal);
      }
    }
  }

  /** Relays what there is. @throws whatever goes wrong: rows that a server has taken are removed all the same, if they can be */
  async drain(signal: AbortSignal): Promise<Drained> {
    let relayed = 0;
    let aside = 0;
    const leader = await this.#take();
    if (!leader) return { relayed, aside, empty: false };
    let broken = true;
    try {
      this.#emit("lead", { origin: leader.origin });
      while (!signal.aborted) {
        const batch = await this.#batches.next(leader, signal);
        relayed += batch.relayed;
        aside += batch.aside;
        if (signal.aborted) break;
        if (batch.failure) this.#goOn(batch.failure);
        else if (batch.rows === 0) break;
      }
      broken = false;
    } finally {
      await this.#release(leader, broken);
    }
    return { relayed, aside, empty: !signal.aborted && this.#batches.held.names().length === 0 };
  }

  /** After the first loss of a row, it is tried again at once: there may be no second time in a cron trigger. */
  #goOn({ error, counted }: Failure): void {
    if (!counted) throw error;
    this.#emit("error", { error: asError(error), delay: 0 });
  }

  async #lead(leader: Leader, signal: AbortSignal): Promise<void> {
    this.#standby = false;
    this.#emit("lead", { origin: leader.origin });
    let broken = true;
    try {
      while (!signal.aborted) {
        const { rows, failure } = await this.#batches.next(leader, signal);
        if (signal.aborted) break;
        // The database is well: its connection, and with it the lead, is kept.
        if (failure) await this.#failed(failure.error, signal);
        else {
          this.#backoff.reset();
          if (rows === 0) await leader.wait(this.#pause(leader), signal);
        }
      }
      broken = false;
    } finally {
      await this.#release(leader, broken);
    }
  }

  async #failed(error: unknown, signal: AbortSignal): Promise<void> {
    if (error instanceof ClosedError || error instanceof RequestScopeError) throw error;
    await this.#again(error, signal);
  }

  /** How long there may be nothing to do, in milliseconds. */
  #pause({ lease }: Leader): number {
    const renewal = lease === undefined ? Number.POSITIVE_INFINITY : lease / 3;
    return Math.min(this.#settings.interval, this.#batches.held.remaining, renewal);
  }

  async #standBy(signal: AbortSignal): Promise<void> {
    this.#backoff.reset();
    if (!this.#standby) this.#emit("standby", {});
    this.#standby = true;
    await this.#sleep(Math.min(this.#settings.interval, STANDBY), signal);
  }

  async #again(error: unknown, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return;
    const delay = this.#backoff.next();
    this.#emit("error", { error: asError(error), delay });
    await this.#sleep(delay, signal);
  }

  async #sleep(milliseconds: number, signal: AbortSignal): Promise<void> {
    await sleep(milliseconds, signal).catch(() => {});
  }

  async #take(): Promise<Leader | undefined> {
    const lead = this.#store.lead();
    try {
      return await inTime(lead);
    } catch (error) {
      // A lead that comes too late is given up: nobody would know of it, and nobody else could have it.
      lead.then((leader) => leader?.release(true)).catch(() => {});
      throw error;
    }
  }

  /** Whatever goes wrong here: the connection is closed, and the lead with it. */
  async #release(leader: Leader, broken: boolean): Promise<void> {
    try {
      await inTime(leader.release(broken));
    } catch {
      if (!broken) await inTime(leader.release(true)).catch(() => {});
    }
  }
}
