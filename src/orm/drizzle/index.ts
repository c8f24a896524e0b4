import type { InferInsertModel, InferSelectModel, SQL, Table } from "drizzle-orm";
import { and, eq, getTableColumns, getTableName, or } from "drizzle-orm";
import type { JobHandle } from "../../index.js";
import type { RecordAction, RecordMessage } from "../message.js";
import { Records, type RecordsOptions } from "../records.js";

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
  transaction(work: (tx: Database) => Promise<unknown>, config?: object): Promise<unknown>;
}

/**
 * Writes through a Drizzle database, and has a job submitted for each record that was written, once that has committed.
 * Drizzle has no hooks, so only what goes through these methods has jobs.
 */
export class DrizzleRecords<DB extends DrizzleDatabase = DrizzleDatabase> {
  readonly #db: Database;
  readonly #records: Records;
  /** Inside of a transaction: what waits for its commit. */
  readonly #open: RecordMessage[] | undefined;

  /** @internal Use `drizzleRecords`. */
  constructor(db: Database, records: Records, open?: RecordMessage[]) {
    this.#db = db;
    this.#records = records;
    this.#open = open;
  }

  /** Inserts one record or several, and gives them as they are in the database. */
  async insert<T extends Table>(
    table: T,
    values: InferInsertModel<T> | InferInsertModel<T>[],
  ): Promise<InferSelectModel<T>[]> {
    const query = this.#db.insert(table).values(values);
    const rows = query.returning ? await query.returning() : await this.#insertedByMysql(table, query, [values].flat());
    await this.#tell(table, "insert", rows);
    return rows as InferSelectModel<T>[];
  }

  /** Updates the records that meet a condition (`undefined`: all), and gives them as they are then. */
  async update<T extends Table>(
    table: T,
    values: Partial<InferInsertModel<T>>,
    where: Condition,
  ): Promise<InferSelectModel<T>[]> {
    const set = Object.keys(values).filter((name) => (values as Row)[name] !== undefined);
    const query = this.#db.update(table).set(values).where(where);
    const rows = query.returning
      ? await query.returning()
      : await this.#locked(table, where, async (db, found) => {
          await db.update(table).set(values).where(where);
          return found.length === 0 ? [] : db.select().from(table).where(this.#same(table, found));
        });
    await this.#tell(table, "update", rows, set);
    return rows as InferSelectModel<T>[];
  }

  /** Deletes the records that meet a condition (`undefined`: all), and gives them as they were. */
  async delete<T extends Table>(table: T, where: Condition): Promise<InferSelectModel<T>[]> {
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
   */
  async transaction<Result>(
    work: (records: DrizzleRecords<DB>, tx: DrizzleTransaction<DB>) => Promise<Result>,
    config?: object,
  ): Promise<Result> {
    const messages: RecordMessage[] = [];
    const result = await this.#db.transaction(
      (tx) => work(new DrizzleRecords<DB>(tx, this.#records, messages), tx as never),
      config,
    );
    await this.#done(messages);
    return result as Result;
  }

  /** Submits a job of yours for one record; `recordHandler`'s `jobs` work it off. In a transaction: at once, too. */
  async background<T extends Table>(
    table: T,
    row: InferSelectModel<T>,
    job: string,
    args?: unknown,
  ): Promise<JobHandle> {
    return this.#records.submit(this.#records.own(getTableName(table), job, row as Row, keysOf(table), args));
  }

  /** Submits a job of yours for a whole table; `recordHandler`'s `tableJobs` work it off. */
  async backgroundTable(table: Table, job: string, args?: unknown): Promise<JobHandle> {
    return this.#records.submit(this.#records.table(getTableName(table), job, args));
  }

  async #tell(table: Table, action: RecordAction, rows: readonly Row[], modified?: readonly string[]): Promise<void> {
    const model = getTableName(table);
    if (!this.#records.wants(model, action)) return;
    await this.#done(rows.map((row) => this.#records.change(model, action, row, keysOf(table), modified)));
  }

  async #done(messages: readonly RecordMessage[]): Promise<void> {
    if (this.#open) this.#open.push(...messages);
    else await this.#records.committed(messages);
  }

  /** MySQL tells the keys only, and of those that it made itself: the others are in the values. */
  async #insertedByMysql(table: Table, query: Query, values: readonly unknown[]): Promise<Row[]> {
    const made = (await query.$returningId?.()) ?? [];
    const keys = values.map((row, index) => ({ ...(row as Row), ...made[index] }));
    return this.#db.select().from(table).where(this.#same(table, keys));
  }

  /** Finds records and keeps them from changing until `work` is done: MySQL doesn't return what it has written. */
  async #locked(table: Table, where: Condition, work: (db: Database, found: Row[]) => Promise<Row[]>): Promise<Row[]> {
    const inside = async (db: Database) => {
      const query = db.select().from(table).where(where);
      return work(db, await (query.for ? query.for("update") : query));
    };
    return this.#open ? inside(this.#db) : ((await this.#db.transaction(inside)) as Row[]);
  }

  #same(table: Table, rows: readonly Row[]): Condition {
    const columns = getTableColumns(table);
    const keys = keysOf(table);
    if (keys.length === 0)
      throw new TypeError(`the table ${getTableName(table)} has no primary column to find its records by`);
    return or(...rows.map((row) => and(...keys.map((name) => eq(columns[name] as never, row[name])))));
  }
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
