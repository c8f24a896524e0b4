import type { Priority } from "../client/submission.js";
import { checkFunction, checkMilliseconds, checkOptions, checkText, checkWord, show } from "../connection/check.js";
import { RefusedError } from "../errors.js";
import { Emitter } from "../events.js";
import type { PayloadInput } from "../payload.js";
import type { Submitter } from "./batch.js";
import type { OutboxEvents } from "./events.js";
import { checkIdentifier, type TableInput, tableName } from "./names.js";
import { type Drained, Relay } from "./relay.js";
import { type AddOptions, newRow } from "./row.js";
import {
  type AsideRow,
  type OutboxStatus,
  type OutboxStore,
  RECORD_EVENTS,
  type RecordEvent,
  type Statement,
} from "./store.js";

/** Options of `new Outbox`. */
export interface OutboxOptions<Transaction, Added, Prepared> {
  /** The database: `postgres({ pool })`, `mysql({ pool })`, `sqlite({ database })` or `d1({ database })`. */
  store: OutboxStore<Transaction, Added, Prepared>;
  /**
   * What rows are submitted by; `run` and `drain` need it. Give a client without validators: rows are bytes, and were checked
   * when they were written. A client of one server, or of several with `balance: "failover"`, keeps their order.
   */
  client?: Submitter | undefined;
  /** Every how many milliseconds to look for new rows, where the database doesn't say that there are some; default 1,000. */
  interval?: number | undefined;
  /** How many rows are read, and removed, at once; default 100. So many may be submitted twice when a relay is killed. */
  batch?: number | undefined;
  /**
   * How many rows may wait for the server's answer at once; default 1, which keeps the order whatever happens. With more, those
   * that follow one that the server refuses (its queue is full), or that is lost with its connection, may overtake it.
   */
  maxInFlight?: number | undefined;
  /** Keeps rows that were relayed, marked, instead of removing them; default false. */
  keep?: boolean | undefined;
  /** What the uniques of rows begin with; default: the one that was made when the outbox was installed, and a hyphen. 40 bytes at most. */
  prefix?: string | undefined;
}

/** Options of `outbox.watch`. */
export interface WatchOptions {
  /** Which events; default: all three. */
  on?: readonly RecordEvent[] | undefined;
  /** The function of the jobs; default: the table's name. */
  function?: string | undefined;
  /** Their priority; default `"normal"`. */
  priority?: Priority | undefined;
  /** The table's columns, where the database can't be asked: `d1()` without one. */
  columns?: readonly string[] | undefined;
  /** Changes nothing: only says what would be run. */
  dryRun?: boolean | undefined;
}

/** The longest prefix of uniques, in bytes: an id has 20 digits at most, of the 63 bytes of a unique. */
const MAX_PREFIX = 40;

/**
 * Jobs that are written to a database in the same transaction as what they are about, and relayed to Gearman from there: none
 * is lost, and none is submitted for what was rolled back. docs/outbox.md.
 */
export class Outbox<Transaction, Added, Prepared = never> extends Emitter<OutboxEvents> {
  readonly #store: OutboxStore<Transaction, Added, Prepared>;
  readonly #relay: Relay | undefined;

  /** @throws TypeError when an option is wrong */
  constructor(options: OutboxOptions<Transaction, Added, Prepared>) {
    super();
    const known = ["store", "client", "interval", "batch", "maxInFlight", "keep", "prefix"];
    checkOptions(options ?? null, "new Outbox", known);
    const { store, client, interval = 1_000, batch = 100, maxInFlight = 1, keep = false, prefix } = options;
    if (typeof store?.lead !== "function")
      throw new TypeError(`store must be one of edgear/outbox/postgres, /mysql, /sqlite or /d1, not ${show(store)}`);
    if (client !== undefined && typeof client?.background !== "function")
      throw new TypeError(`client must be a Client, not ${show(client)}`);
    checkMilliseconds(interval, "interval", 1);
    checkCount(batch, "batch", 10_000);
    checkCount(maxInFlight, "maxInFlight", 10_000);
    if (typeof keep !== "boolean") throw new TypeError(`keep must be true or false, not ${show(keep)}`);
    if (prefix !== undefined) checkText(prefix, "prefix", 1, MAX_PREFIX);
    this.#store = store;
    const settings = client && { client, interval, batch, maxInFlight, keep, prefix };
    if (settings) this.#relay = new Relay(store as OutboxStore, settings, (name, event) => this.emit(name, event));
  }

  /**
   * Writes a job into the outbox, through `transaction`: pg's client, mysql2's connection, or a SQLite database with a transaction
   * open. The job is submitted once that is committed, and never when it is rolled back. With SQLite it is written when this
   * returns, and mistakes are thrown; elsewhere the promise says so, and must be awaited before the commit.
   * @throws TypeError when an argument is wrong, as `client.background`
   */
  add(transaction: Transaction, name: string, workload?: PayloadInput, options?: AddOptions): Added {
    if (this.#store.synchronous) return this.#store.insert(transaction, newRow(name, workload, options));
    try {
      return this.#store.insert(transaction, newRow(name, workload, options));
    } catch (error) {
      return Promise.reject(error) as Added;
    }
  }

  /**
   * The statement that writes a job, for D1, which has no transactions but batches: `db.batch([…, outbox.statement(db, …)])`.
   * @throws TypeError when an argument is wrong, or the store has transactions
   */
  statement(database: Transaction, name: string, workload?: PayloadInput, options?: AddOptions): Prepared {
    if (!this.#store.statement) throw new TypeError("statement is for D1: write by add(transaction, …), or run sql(…)");
    return this.#store.statement(database, newRow(name, workload, options));
  }

  /** The statement that writes a job, as SQL and its parameters: for a library of your own to run in its transaction. */
  sql(name: string, workload?: PayloadInput, options?: AddOptions): Statement {
    return this.#store.sql(newRow(name, workload, options));
  }

  /** Makes the outbox's tables, or brings those that are there up to date. @returns the SQL that was run, or with `dryRun` would be */
  async install({ dryRun = false }: { dryRun?: boolean | undefined } = {}): Promise<readonly string[]> {
    return this.#execute(await this.#store.installSql(), dryRun);
  }

  /**
   * Removes the outbox's tables and all of its record triggers.
   * @throws RefusedError when it still has rows that were not relayed, unless `force` is given: they would be lost
   */
  async uninstall({
    dryRun = false,
    force = false,
  }: {
    dryRun?: boolean;
    force?: boolean;
  } = {}): Promise<readonly string[]> {
    if (!force && !dryRun) {
      const { waiting, aside } = await this.#store.status();
      if (waiting + aside > 0)
        throw new RefusedError(
          `the outbox has ${waiting} rows that wait and ${aside} that were set aside, which would be lost: relay them, or force it`,
        );
    }
    return this.#execute(await this.#store.uninstallSql(), dryRun);
  }

  /**
   * Has triggers write a job whenever a record of a table is inserted, updated or deleted, by whomever: its workload is a
   * `RecordChange`. Triggers that this outbox has on the table already are replaced. The outbox must be installed.
   * @returns the SQL that was run, or with `dryRun` would be
   */
  async watch(table: TableInput, options: WatchOptions = {}): Promise<readonly string[]> {
    checkOptions(options, "watch", ["on", "function", "priority", "columns", "dryRun"]);
    const { on = RECORD_EVENTS, priority = "normal", columns, dryRun = false } = options;
    const name = tableName(table, "the table to watch");
    const label = typeof table === "string" ? table : name.name;
    if (!Array.isArray(on) || on.length === 0)
      throw new TypeError(`on must be a list of ${RECORD_EVENTS.join(", ")}, not ${show(on)}`);
    for (const event of on) checkWord(event, "on", RECORD_EVENTS);
    checkWord(priority, "priority", ["high", "normal", "low"]);
    for (const column of columns ?? []) checkIdentifier(column, "a column");
    const { function: job = label } = options;
    checkFunction(job);
    // Where there is no outbox, the triggers would refuse everybody's changes: better that this fails.
    if (!dryRun) await this.#store.aside(1);
    return this.#execute(
      await this.#store.watchSql({ table: name, label, on: [...new Set(on)], function: job, priority, columns }),
      dryRun,
    );
  }

  /** Removes the triggers that `watch` made on a table. */
  async unwatch(
    table: TableInput,
    { dryRun = false }: { dryRun?: boolean | undefined } = {},
  ): Promise<readonly string[]> {
    return this.#execute(this.#store.unwatchSql(tableName(table, "the table to watch")), dryRun);
  }

  /** How many rows wait, since when, and how many were set aside. */
  status(): Promise<OutboxStatus> {
    return this.#store.status();
  }

  /** The first rows that were set aside, with the reasons. @param limit default 100 */
  aside(limit = 100): Promise<readonly AsideRow[]> {
    checkCount(limit, "limit", 100_000);
    return this.#store.aside(limit);
  }

  /** Has rows that were set aside wait again: those with these ids, or all. @returns how many */
  retry(ids?: readonly string[]): Promise<number> {
    for (const id of ids ?? [])
      if (!/^\d{1,19}$/.test(id)) throw new TypeError(`an id is a whole number, as text, not ${show(id)}`);
    return this.#store.retry(ids);
  }

  /**
   * Relays rows as they come, until the signal; then it waits for the server's answer to the row that it is at, as long as the
   * client does, and resolves. Of several that run, one
   * relays, and the others stand by. A database or job server that is away is tried again.
   * @throws ClosedError when the client was closed; RequestScopeError
   */
  async run({ signal = new AbortController().signal }: { signal?: AbortSignal | undefined } = {}): Promise<void> {
    await this.#relaying.run(signal);
  }

  /**
   * Relays the rows that there are, or those until the signal: for a cron trigger, where nothing may run for ever.
   * A row that costs the connection is tried again, and set aside after the third time.
   * @throws whatever goes wrong with the database or the job server; what was not relayed stays
   */
  drain({ signal = new AbortController().signal }: { signal?: AbortSignal | undefined } = {}): Promise<Drained> {
    return this.#relaying.drain(signal);
  }

  get #relaying(): Relay {
    if (!this.#relay) throw new TypeError("this outbox has no client to relay by: new Outbox({ store, client })");
    return this.#relay;
  }

  async #execute(statements: readonly string[], dryRun: boolean): Promise<readonly string[]> {
    if (!dryRun) await this.#store.execute(statements);
    return statements;
  }
}

function checkCount(value: unknown, name: string, most: number): void {
  if (typeof value !== "number" || !Number.isInteger(value) || value < 1 || value > most)
    throw new TypeError(`${name} must be a whole number from 1 to ${most}, not ${show(value)}`);
}
