import type { BackgroundOptions } from "../client/submission.js";
import { ConnectionLostError, ProtocolError, ServerError, TimeoutError } from "../errors.js";
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
  /** Tells a row that costs the connection from a server that is away. Without it, every lost connection is the row's fault. */
  ping?(options: { readonly signal: AbortSignal }): Promise<unknown>;
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

/** How often a row may cost the connection before it is set aside: others must not wait for it for ever. */
const LOSSES = 3;

/** How long the server may take to say that it is well, after a row has cost the connection, in milliseconds. */
const ECHO_TIMEOUT = 5_000;

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
  readonly failure: Failure | undefined;
}

/** Why a batch ended before all of its rows were submitted. */
export interface Failure {
  readonly error: unknown;
  /** Whether it is a row's fault, and was counted: so often, it is worth trying again at once. */
  readonly counted: boolean;
}

/** What became of the rows of a batch at the job server. */
interface Submitted {
  readonly done: string[];
  readonly refused: { readonly row: OutboxRow; readonly reason: string }[];
  /** Rows that have cost the connection, or that were not answered in time. */
  readonly lost: { readonly row: OutboxRow; readonly error: Error }[];
  failure: Failure | undefined;
}

/** Relays rows, a batch at a time, and remembers what it has to from one to the next. */
export class Batches {
  readonly held = new Held();
  readonly #settings: RelaySettings;
  readonly #emit: Emit;
  /** Rows that a server has, and whose removal failed: they are removed, and not submitted again. */
  readonly #accepted = new Set<string>();

  constructor(settings: RelaySettings, emit: Emit) {
    this.#settings = settings;
    this.#emit = emit;
  }

  /**
   * Once the signal has come, no more rows are submitted; what is at the server already is waited for, as its job would run twice
   * otherwise.
   * @throws what the database does; rows that a server has are then removed with the next batch
   */
  async next(leader: Leader, signal: AbortSignal): Promise<BatchOutcome> {
    const { batch, keep } = this.#settings;
    // Reading has two thirds of the lease.
    await inTime(leader.renew());
    const rows = await inTime(leader.rows(batch, this.held.names()));
    // It may have taken long. Of its lease, a third may be gone then; what is left counts from before the database's answer.
    const begin = performance.now();
    await inTime(leader.renew());
    const patience = leader.lease === undefined ? undefined : leader.lease / 2;
    const limit = patience === undefined ? undefined : AbortSignal.timeout(timeLeft(patience, begin));
    const late = () => patience !== undefined && performance.now() - begin > patience / 2;
    const { done, refused, lost, failure } = await this.#submitAll(leader, rows, limit, () => signal.aborted || late());
    // What is done comes first: whatever the database refuses after that, it isn't submitted again.
    if (done.length > 0) await inTime(leader.settle(done, keep));
    for (const id of done) this.#accepted.delete(id);
    for (const { row, reason } of refused) await this.#setAside(leader, row, reason);
    const losses = await this.#countAll(leader, lost, signal);
    return {
      rows: rows.length,
      relayed: done.length,
      aside: refused.length + losses.aside,
      failure: failure ?? losses.failure,
    };
  }

  /** Submits rows in their order, so many at once, until one can't be: then those after it wait, too. */
  async #submitAll(
    leader: Leader,
    rows: readonly OutboxRow[],
    limit: AbortSignal | undefined,
    over: () => boolean,
  ): Promise<Submitted> {
    const submitted: Submitted = { done: [], refused: [], lost: [], failure: undefined };
    // Held for all of the batch: a hold that is over sooner must not have a later row go before the one that was refused.
    const skipped = new Set<string>();
    const submit = async (row: OutboxRow) => {
      try {
        if (!this.#accepted.has(row.id)) await this.#submit(leader, row, limit);
        submitted.done.push(row.id);
      } catch (error) {
        const fate = fateOf(error, limit);
        if (fate === "aside") submitted.refused.push({ row, reason: (error as Error).message });
        else if (fate === "lost") submitted.lost.push({ row, error: error as Error });
        else if (fate === "hold") {
          skipped.add(row.function);
          this.#hold(row, error as Error);
        } else submitted.failure ??= { error, counted: false };
      }
    };
    // Which of several has cost the connection, nobody knows: they are tried one by one.
    const most = rows.some(({ losses }) => losses > 0) ? 1 : this.#settings.maxInFlight;
    const pending: Promise<void>[] = [];
    for (const row of rows) {
      while (pending.length >= most) await pending.shift();
      if (submitted.failure || submitted.lost.length > 0 || over()) break;
      if (!skipped.has(row.function)) pending.push(submit(row));
    }
    await Promise.all(pending);
    return submitted;
  }

  async #submit(leader: Leader, row: OutboxRow, signal: AbortSignal | undefined): Promise<void> {
    const { client, prefix = `${leader.origin}-` } = this.#settings;
    const { id, function: name, workload, unique, priority, at } = row;
    const { handle, server } = await client.background(name, workload, {
      unique: unique ?? prefix + id,
      priority,
      signal,
      ...(at !== null && { at }),
    });
    this.#accepted.add(id);
    this.held.free(name);
    this.#emit("relay", { id, function: name, handle, server });
  }

  async #setAside(leader: Leader, { id, function: name }: OutboxRow, reason: string): Promise<void> {
    await inTime(leader.setAside(id, reason));
    this.#emit("aside", { id, function: name, reason });
  }

  /** Counts, in the table, what rows have cost, and sets those aside that have done so too often. */
  async #countAll(leader: Leader, lost: Submitted["lost"], signal: AbortSignal) {
    let aside = 0;
    const [first] = lost;
    // It is submitted again as it is.
    if (!first || signal.aborted) return { aside, failure: first && { error: first.error, counted: false } };
    await inTime(leader.renew());
    if (!(await this.#serverIsWell(leader))) return { aside, failure: { error: first.error, counted: false } };
    let failure: Failure | undefined;
    for (const { row, error } of lost) {
      const losses = await inTime(leader.lost(row.id));
      if (losses < LOSSES) failure ??= { error, counted: true };
      else {
        const times = `it has cost the connection to the job server ${losses} times`;
        await this.#setAside(leader, row, `${times}: ${error.message}`);
        aside++;
      }
    }
    return { aside, failure };
  }

  /** Whether it was the row, and not a server that is away: that one would have every row set aside, one after the other. */
  async #serverIsWell({ lease }: Leader): Promise<boolean> {
    const { client } = this.#settings;
    if (typeof client.ping !== "function") return true;
    const timeout = lease === undefined ? ECHO_TIMEOUT : Math.min(ECHO_TIMEOUT, Math.floor(lease / 3));
    return client.ping({ signal: AbortSignal.timeout(timeout) }).then(
      () => true,
      () => false,
    );
  }

  #hold({ function: name }: OutboxRow, { message: reason }: Error): void {
    // With several in flight, each says the same.
    if (this.held.has(name)) return;
    this.#emit("hold", { function: name, reason, delay: this.held.hold(name) });
  }
}

/** What is left of the time that rows may take. @throws Error when none would be submitted, as renewing the lead has taken too long */
function timeLeft(patience: number, begin: number): number {
  const taken = performance.now() - begin;
  if (taken <= patience / 2) return Math.floor(patience - taken);
  const words = `to renew the lead took ${Math.ceil(taken)} ms, too much of the lease of ${2 * patience} ms`;
  throw new Error(`${words}: make the lease longer, or the outbox's database faster`);
}

/** What is to become of a row that was not taken. @param limit the one that it was submitted with */
function fateOf(error: unknown, limit: AbortSignal | undefined): "aside" | "hold" | "lost" | "again" {
  if (error instanceof ServerError) return LATER.has(error.serverCode) ? "hold" : "aside";
  // The client says so of what no server could take, and has sent nothing.
  if (error instanceof TypeError) return "aside";
  const lost =
    error instanceof ConnectionLostError ||
    error instanceof ProtocolError ||
    (error instanceof TimeoutError && error.timeout === "requestTimeout") ||
    (limit?.aborted && error === limit.reason);
  return lost ? "lost" : "again";
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
