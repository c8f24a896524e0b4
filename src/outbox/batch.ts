import type { BackgroundOptions } from "../client/submission.js";
import {
  ClosedError,
  ConnectionLostError,
  ProtocolError,
  RequestScopeError,
  ServerError,
  TimeoutError,
} from "../errors.js";
import type { PayloadInput } from "../payload.js";
import type { OutboxEvents } from "./events.js";
import { Held } from "./held.js";
import type { OutboxRow } from "./row.js";
import type { Leader } from "./store.js";

/** What a relay submits by: a `Client`, or the client of a hub. */
export interface Submitter {
  background(
    name: string,
    workload: PayloadInput,
    options: BackgroundOptions,
  ): Promise<{ readonly handle: string; readonly server: string }>;
}

/** How a relay works. */
export interface RelaySettings {
  readonly client: Submitter;
  readonly batch: number;
  readonly maxInFlight: number;
  readonly interval: number;
  readonly keep: boolean;
  readonly prefix: string | undefined;
}

export type Emit = <Name extends keyof OutboxEvents>(name: Name, event: OutboxEvents[Name]) => void;

/** How often a row may cost the connection before its function is held back: others must not wait for it for ever. */
const LOSSES = 3;

/** How long a database may take for anything, in milliseconds. Then its connection is given up: a line that is cut off says nothing. */
const STORE_TIMEOUT = 30_000;

/** What gearmand says when a function's queue is full, or it can't be written down: that may be over later. */
const LATER = new Set(["QUEUE_ERROR"]);

/** What became of a batch. */
export interface BatchOutcome {
  /** How many rows there were. */
  readonly rows: number;
  readonly relayed: number;
  readonly aside: number;
  /** What the job server could not be had for. */
  readonly failure: { readonly error: unknown } | undefined;
}

/** Relays rows, a batch at a time, and remembers what it has to from one to the next. */
export class Batches {
  readonly held = new Held();
  readonly #settings: RelaySettings;
  readonly #emit: Emit;
  /** Rows that a server has, and whose removal failed: they are removed, and not submitted again. */
  readonly #accepted = new Set<string>();
  /** How often each row has cost the connection. */
  readonly #losses = new Map<string, number>();

  constructor(settings: RelaySettings, emit: Emit) {
    this.#settings = settings;
    this.#emit = emit;
  }

  /** @throws what the database does; rows that a server has are then removed with the next batch */
  async next(leader: Leader, signal: AbortSignal): Promise<BatchOutcome> {
    const { batch, keep } = this.#settings;
    const begin = performance.now();
    // Of its lease, a third may be gone when it begins.
    const patience = leader.lease === undefined ? undefined : leader.lease / 2;
    const limit = patience === undefined ? signal : AbortSignal.any([signal, AbortSignal.timeout(patience)]);
    const rows = await inTime(leader.rows(batch, this.held.names()));
    const late = () => patience !== undefined && performance.now() - begin > patience / 2;
    const { done, aside, failure } = await this.#submitAll(leader, rows, limit, late);
    for (const id of done) this.#accepted.add(id);
    if (done.length > 0) await inTime(leader.settle(done, keep));
    for (const id of done) this.#accepted.delete(id);
    return { rows: rows.length, relayed: done.length, aside, failure };
  }

  /** Submits rows in their order, so many at once, until one can't be: then those after it wait, too. */
  async #submitAll(leader: Leader, rows: readonly OutboxRow[], signal: AbortSignal, late: () => boolean) {
    const done: string[] = [];
    const refused: { row: OutboxRow; reason: string }[] = [];
    // Held for all of the batch: a hold that is over sooner must not have a later row go before the one that was refused.
    const skipped = new Set<string>();
    let failure: { readonly error: unknown } | undefined;
    const submit = async (row: OutboxRow) => {
      try {
        if (!this.#accepted.has(row.id)) await this.#submit(leader, row, signal);
        done.push(row.id);
      } catch (error) {
        const fate = this.#fate(row, error);
        if (fate === "aside") refused.push({ row, reason: (error as Error).message });
        else if (fate === "hold") {
          skipped.add(row.function);
          this.#hold(row, error as Error);
        } else failure ??= { error };
      }
    };
    const pending: Promise<void>[] = [];
    for (const row of rows) {
      while (pending.length >= this.#settings.maxInFlight) await pending.shift();
      if (failure || signal.aborted || late()) break;
      if (!skipped.has(row.function)) pending.push(submit(row));
    }
    await Promise.all(pending);
    for (const { row, reason } of refused) {
      await inTime(leader.setAside(row.id, reason));
      this.#emit("aside", { id: row.id, function: row.function, reason });
    }
    return { done, aside: refused.length, failure };
  }

  async #submit(leader: Leader, row: OutboxRow, signal: AbortSignal): Promise<void> {
    const { client, prefix = `${leader.origin}-` } = this.#settings;
    const { id, function: name, workload, unique, priority, at } = row;
    const { handle, server } = await client.background(name, workload, {
      unique: unique ?? prefix + id,
      priority,
      signal,
      ...(at !== null && { at }),
    });
    this.held.free(name);
    this.#losses.delete(id);
    this.#emit("relay", { id, function: name, handle, server });
  }

  /** What is to become of a row that was not taken. */
  #fate(row: OutboxRow, error: unknown): "aside" | "hold" | "again" {
    if (error instanceof ServerError) return LATER.has(error.serverCode) ? "hold" : "aside";
    // The client says so of what no server could take, and has sent nothing.
    if (error instanceof TypeError) return "aside";
    if (error instanceof ClosedError || error instanceof RequestScopeError) return "again";
    const lost =
      error instanceof ConnectionLostError ||
      error instanceof ProtocolError ||
      (error instanceof TimeoutError && error.timeout === "requestTimeout");
    if (!lost) return "again";
    const losses = (this.#losses.get(row.id) ?? 0) + 1;
    this.#losses.set(row.id, losses);
    return losses < LOSSES ? "again" : "hold";
  }

  #hold({ function: name }: OutboxRow, { message: reason }: Error): void {
    // With several in flight, each says the same.
    if (this.held.has(name)) return;
    this.#emit("hold", { function: name, reason, delay: this.held.hold(name) });
  }
}

/** @throws Error when the database doesn't answer */
export async function inTime<T>(answer: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    const words = `the outbox's database did not answer in ${STORE_TIMEOUT} ms`;
    timer = setTimeout(() => reject(new Error(words)), STORE_TIMEOUT);
  });
  try {
    return await Promise.race([answer, late]);
  } finally {
    clearTimeout(timer);
  }
}
