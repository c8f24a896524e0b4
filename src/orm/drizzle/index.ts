import type { InferInsertModel, InferSelectModel, SQL, Table } from "drizzle-orm";
import { and, eq, getTableColumns, getTableName, or } from "drizzle-orm";
import type { JobHandle } from "../../index.js";
import type { RecordAction, RecordMessage } from "../message.js";
import { Records, type RecordsOptions } from "../records.js";

export { type OutboxTransaction, outboxTransaction } from "./outbox.js";

/** A Drizzle database, or a transaction of one: of PostgreSQL, SQLite or MySQL. */
export interface DrizzleDatabase {
  readonly insert: unknown;
  readonly update: unknown;
  readonly delete: unknown;
  readonly select: unknown;
  readonly transaction: unknown;
}

/** What Drizzle gives to a transaction of such a database. */
export type DrizzleTransaction<DB> = DB extends { transaction(work: (tx: infer TX) => never): unknown } ? TX : never;

type Row = Record<string, unknown>;
type Condition = SQL | undefined;

/** Drizzle's builders, as far as they are used here. */
interface Query extends PromiseLike<Row[]> {
  values(values: unknown): Query;
  set(values: object): Query;
  where(condition: Condition): Query;
  from(table: Table): Query;
  returning?(): Query;
  $returningId?(): Query;
  for?(strength: string): Query;
}

interface Database {
  insert(table: Table): Query;
  update(table: Table): Query;
  delete(table: Table): Query;
  select(): Query;
  /** SQLite's say it. */
  readonly resultKind?: "sync" | "async";
  transaction(work: (tx: Database) => Promise<unknown>, config?: object): Promise<unknown>;
}

/** What waits for a commit; `undefined` once the transaction has ended: what was begun in it may go on after it. */
interface Waiting {
  messages: RecordMessage[] | undefined;
}

/**
 * Writes through a Drizzle database, and has a job submitted for each record that was written, once that has committed.
 * Drizzle has no hooks, so only what goes through these methods has jobs.
 */
export class DrizzleRecords<DB extends DrizzleDatabase = DrizzleDatabase> {
  readonly #db: Database;
  readonly #records: Records;
  /** Inside of a transaction: what waits for its commit. */
  readonly #open: Waiting | undefined;

  /** @internal Use `drizzleRecords`. */
  constructor(db: Database, records: Records, open?: Waiting) {
    this.#db = db;
    this.#records = records;
    this.#open = open;
  }

  /** Inserts one record or several, and gives them as they are in the database. */
  async insert<T extends Table>(
    table: T,
    values: InferInsertModel<T> | InferInsertModel<T>[],
  ): Promise<InferSelectModel<T>[]> {
    this.#checkKey(table, "insert");
    const query = this.#db.insert(table).values(values);
    const rows = query.returning
      ? await query.returning()
      : await this.#insertedByMysql(table, [values].flat() as Row[]);
    await this.#tell(table, "insert", rows);
    return rows as InferSelectModel<T>[];
  }

  /** Updates the records that meet a condition (`undefined`: all), and gives them as they are then. */
  async update<T extends Table>(
    table: T,
    values: Partial<InferInsertModel<T>>,
    where: Condition,
  ): Promise<InferSelectModel<T>[]> {
    this.#checkKey(table, "update");
    const set = Object.keys(values).filter((name) => (values as Row)[name] !== undefined);
    const query = this.#db.update(table).set(values).where(where);
    const rows = query.returning
      ? await query.returning()
      : await this.#locked(table, where, async (db, found) => {
          await db.update(table).set(values).where(where);
          // The key may be among what is set.
          const given = Object.fromEntries(set.map((name) => [name, (values as Row)[name]]));
          return this.#read(
            db,
            table,
            found.map((row) => ({ ...row, ...given })),
          );
        });
    await this.#tell(table, "update", rows, set);
    return rows as InferSelectModel<T>[];
  }

  /** Deletes the records that meet a condition (`undefined`: all), and gives them as they were. */
  async delete<T extends Table>(table: T, where: Condition): Promise<InferSelectModel<T>[]> {
    this.#checkKey(table, "delete");
    const query = this.#db.delete(table).where(where);
    const rows = query.returning
      ? await query.returning()
      : await this.#locked(table, where, async (db, found) => {
          await db.delete(table).where(where);
          return found;
        });
    await this.#tell(table, "delete", rows);
    return rows as InferSelectModel<T>[];
  }

  /**
   * Runs a transaction: what is written by the records that `work` gets has its jobs once it has committed, and none
   * when it is rolled back, a savepoint's (a transaction in a transaction) likewise. `tx` is Drizzle's own, for the rest.
   * @throws TypeError when the database is synchronous (`better-sqlite3`, `bun:sqlite` and their like): its transactions
   * can't wait for anything, and would be committed before `work` has written
   */
  async transaction<Result>(
    work: (records: DrizzleRecords<DB>, tx: DrizzleTransaction<DB>) => Promise<Result>,
    config?: object,
  ): Promise<Result> {
    if (this.#db.resultKind === "sync")
      throw new TypeError(
        "this database is synchronous, and its transactions can't wait: write without one, or use Drizzle's own",
      );
    const messages: RecordMessage[] = [];
    const waiting: Waiting = { messages };
    const inside = (tx: Database) => work(new DrizzleRecords<DB>(tx, this.#records, waiting), tx as never);
    let result: unknown;
    try {
      result = await this.#db.transaction(inside, config);
    } finally {
      waiting.messages = undefined;
    }
    await this.#done(messages);
    return result as Result;
  }

  /**
   * Submits a job of yours for one record; `recordHandler`'s `jobs` work it off. In a transaction: once that has committed,
   * and `undefined` is what it resolves to, as there is no handle yet.
   */
  async background<T extends Table>(
    table: T,
    row: InferSelectModel<T>,
    job: string,
    args?: unknown,
  ): Promise<JobHandle | undefined> {
    return this.#submit(this.#records.own(getTableName(table), job, row as Row, keysOf(table), args));
  }

  /** Submits a job of yours for a whole table, likewise; `recordHandler`'s `tableJobs` work it off. */
  async backgroundTable(table: Table, job: string, args?: unknown): Promise<JobHandle | undefined> {
    return this.#submit(this.#records.table(getTableName(table), job, args));
  }

  async #tell(table: Table, action: RecordAction, rows: readonly Row[], modified?: readonly string[]): Promise<void> {
    const model = getTableName(table);
    if (!this.#records.wants(model, action)) return;
    await this.#done(rows.map((row) => this.#records.change(model, action, row, keysOf(table), modified)));
  }

  async #done(messages: readonly RecordMessage[]): Promise<void> {
    const waiting = this.#open?.messages;
    if (waiting) waiting.push(...messages);
    else await this.#records.committed(messages);
  }

  async #submit(message: RecordMessage): Promise<JobHandle | undefined> {
    const waiting = this.#open?.messages;
    if (!waiting) return this.#records.submit(message);
    waiting.push(message);
    return undefined;
  }

  /** Before anything is written: a record whose key isn't known could have no job. */
  #checkKey(table: Table, action: RecordAction): void {
    const model = getTableName(table);
    if (this.#records.wants(model, action))
      this.#records.checkKey(model, keysOf(table), Object.keys(getTableColumns(table)));
  }

  /** MySQL tells the keys only, and of those that it counts itself: the others are in the values. */
  async #insertedByMysql(table: Table, values: readonly Row[]): Promise<Row[]> {
    const names = this.#keysOf(table);
    const columns = getTableColumns(table) as Record<string, { autoIncrement?: boolean }>;
    const counted = names.find((name) => columns[name]?.autoIncrement);
    // It says where it began to count, and nothing of which records it counted.
    const given = counted === undefined ? 0 : values.filter((row) => isThere(row[counted])).length;
    if (given > 0 && given < values.length)
      throw new TypeError(`either all records of ${getTableName(table)} must be given their ${counted}, or none`);
    return this.#inTransaction(async (db) => {
      const query = db.insert(table).values(values);
      const made = (await query.$returningId?.()) ?? [];
      const keys = values.map((row, index) => ({
        ...made[index],
        ...Object.fromEntries(Object.entries(row).filter(([, value]) => isThere(value))),
      }));
      const missing = names.find((name) => keys.some((row: Row) => !isThere(row[name])));
      if (missing !== undefined)
        throw new TypeError(
          `the database makes the ${missing} of ${getTableName(table)}, and MySQL doesn't say which: give it, e.g. by $defaultFn`,
        );
      return this.#read(db, table, keys);
    });
  }

  /** Reads records by their keys, in the keys' order. @throws Error when one isn't there */
  async #read(db: Database, table: Table, keys: readonly Row[]): Promise<Row[]> {
    if (keys.length === 0) return [];
    const columns = getTableColumns(table);
    const names = this.#keysOf(table);
    const same = or(...keys.map((row) => and(...names.map((name) => eq(columns[name] as never, row[name])))));
    const rows = await db.select().from(table).where(same);
    if (rows.length !== keys.length)
      throw new Error(`of ${keys.length} records of ${getTableName(table)}, ${rows.length} were found by their keys`);
    const keyOf = (row: Row) => JSON.stringify(names.map((name) => String(row[name])));
    const order = new Map(keys.map((row, index) => [keyOf(row), index]));
    return rows.sort((a, b) => (order.get(keyOf(a)) ?? 0) - (order.get(keyOf(b)) ?? 0));
  }

  /** Finds records and keeps them from changing until `work` is done: MySQL doesn't return what it has written. */
  async #locked(table: Table, where: Condition, work: (db: Database, found: Row[]) => Promise<Row[]>): Promise<Row[]> {
    return this.#inTransaction(async (db) => {
      const query = db.select().from(table).where(where);
      return work(db, await (query.for ? query.for("update") : query));
    });
  }

  async #inTransaction(work: (db: Database) => Promise<Row[]>): Promise<Row[]> {
    return this.#open ? work(this.#db) : ((await this.#db.transaction(work)) as Row[]);
  }

  #keysOf(table: Table): readonly string[] {
    return this.#records.checkKey(getTableName(table), keysOf(table), Object.keys(getTableColumns(table)));
  }
}

function isThere(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The properties of a table that are its primary columns; none when its key is made of several (`primaryKey(…)`). */
function keysOf(table: Table): string[] {
  return Object.entries(getTableColumns(table))
    .filter(([, column]) => column.primary)
    .map(([name]) => name);
}

/**
 * Has a job submitted for each record that is written through what it returns.
 * @param db Drizzle's database
 * @throws TypeError when an argument is wrong
 */
export function drizzleRecords<DB extends DrizzleDatabase>(db: DB, options: RecordsOptions): DrizzleRecords<DB> {
  if (typeof db?.insert !== "function") throw new TypeError("the first argument must be Drizzle's database");
  return new DrizzleRecords(db as never, new Records(options));
}
