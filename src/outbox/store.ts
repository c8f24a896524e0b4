import type { NewRow, OutboxRow } from "./row.js";

/** What a record trigger is for. */
export type RecordEvent = "insert" | "update" | "delete";

export const RECORD_EVENTS: readonly RecordEvent[] = ["insert", "update", "delete"];

/** The workload, in JSON, of a job that a record trigger wrote. */
export interface RecordChange<Fields = Record<string, unknown>> {
  /** The table, as it was named when the trigger was installed. */
  readonly table: string;
  readonly event: RecordEvent;
  /** The record's fields: as they are now, or, of a deleted one, as they were. */
  readonly record: Fields;
  /** The fields that an update changed; all of them for an insert, none for a delete. */
  readonly modified: readonly string[];
}

/** SQL and its parameters, for a library of your own to run: Prisma's `$executeRawUnsafe(sql, ...parameters)`, for example. */
export interface Statement {
  readonly sql: string;
  readonly parameters: readonly (string | number | null | Uint8Array)[];
}

/** A record trigger, checked. */
export interface Watch {
  readonly table: { readonly schema: string | undefined; readonly name: string };
  /** The table as it was named, for the workload. */
  readonly label: string;
  readonly on: readonly RecordEvent[];
  readonly function: string;
  readonly priority: string;
  /** The table's columns, where the database can't be asked. */
  readonly columns: readonly string[] | undefined;
}

/** How many rows there are. */
export interface OutboxStatus {
  /** Rows that are still to be relayed. */
  readonly waiting: number;
  /** How long the oldest of them has waited, in milliseconds; undefined when there is none. */
  readonly oldest: number | undefined;
  /** Rows that were set aside: `outbox.aside()` has them. */
  readonly aside: number;
  /** Rows that were relayed and kept (`keep`). */
  readonly kept: number;
}

/** A row that was set aside, as gearmand or the client can't take it. */
export interface AsideRow {
  readonly id: string;
  readonly function: string;
  readonly reason: string;
}

/**
 * A database with an outbox in it. `edgear/outbox/postgres`, `/mysql`, `/sqlite` and `/d1` have them. `Transaction` is what
 * `outbox.add` writes through, `Added` what that gives, and `Prepared` what `outbox.statement` does.
 */
export interface OutboxStore<Transaction = unknown, Added = unknown, Prepared = unknown> {
  /** Whether `insert` is done when it returns: then mistakes are thrown, too, as a transaction there ends without awaiting anything. */
  readonly synchronous: boolean;
  /** The statement that writes a row. */
  sql(row: NewRow): Statement;
  insert(transaction: Transaction, row: NewRow): Added;
  /** Where there are no interactive transactions: the statement, for one of the database's own batches. */
  statement?(database: Transaction, row: NewRow): Prepared;
  /** The SQL that makes the outbox, or brings one that is there up to date. */
  installSql(): Promise<readonly string[]>;
  /** The SQL that removes it, with its record triggers. */
  uninstallSql(): Promise<readonly string[]>;
  /** The SQL that makes the triggers of a table anew. */
  watchSql(watch: Watch): Promise<readonly string[]>;
  /** The SQL that removes them. */
  unwatchSql(table: Watch["table"]): readonly string[];
  /** Runs such SQL, all or nothing where the database can. */
  execute(statements: readonly string[]): Promise<void>;
  status(): Promise<OutboxStatus>;
  aside(limit: number): Promise<readonly AsideRow[]>;
  /** Has rows that were set aside wait again; all of them without ids. Says how many. */
  retry(ids: readonly string[] | undefined): Promise<number>;
  /** Becomes the one that relays; undefined when somebody else is. */
  lead(): Promise<Leader | undefined>;
}

/** The one that relays. Any of its calls rejects when it isn't any more; then it is released, and whoever is next leads. */
export interface Leader {
  /** What the uniques of rows begin with, unless somebody says otherwise: made when the outbox was installed. */
  readonly origin: string;
  /** How long it leads without `renew`, in milliseconds; undefined when it does as long as its connection lasts. */
  readonly lease: number | undefined;
  renew(): Promise<void>;
  /** The first rows that wait, by id, without those of some functions; fewer when their workloads would be more than `MAX_BYTES`. */
  rows(limit: number, without: readonly string[]): Promise<readonly OutboxRow[]>;
  /** Removes rows that were relayed, or marks them. */
  settle(ids: readonly string[], keep: boolean): Promise<void>;
  setAside(id: string, reason: string): Promise<void>;
  /** Counts that a row has cost the connection to the job server. Says how often it has. */
  lost(id: string): Promise<number>;
  /** Waits until there may be new rows, at most so long, or until the signal. */
  wait(milliseconds: number, signal: AbortSignal): Promise<void>;
  /** Leads no more. @param broken whether its connection can't be trusted any more */
  release(broken: boolean): Promise<void>;
}

/** How many bytes of workloads are read at once, unless it is one row's: 16 MiB. */
export const MAX_BYTES = 16 * 1024 * 1024;

/** What a row's `state` says. */
export const WAITING = 0;
export const KEPT = 1;
export const ASIDE = 2;
