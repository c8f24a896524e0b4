import { show } from "../check.js";
import type { SqliteValue } from "../platform/sqlite.js";
import { type ClaimLimits, MOST_BYTES, type Move, type Store, type StoredJob } from "./store.js";

export type Row = Record<string, unknown>;

/** What is needed of an SQLite, whosever it is. */
export interface Sql {
  all(statement: string, ...values: SqliteValue[]): Row[];
  /** Carries out what is done as a whole, or not at all. */
  transaction<T>(work: () => T): T;
}

const COLUMNS = "name, id, rule, due, function, workload, form, priority, missed";

/** Jobs in a table of SQLite. */
export class SqlStore implements Store {
  readonly #sql: Sql;
  readonly #table: string;

  /** @throws TypeError when the table's name can't be one */
  constructor(sql: Sql, table: string) {
    if (typeof table !== "string" || !/^[A-Za-z_]\w{0,62}$/.test(table))
      throw new TypeError(
        `a table's name is made of letters, digits and _, and doesn't begin with a digit, not ${show(table)}`,
      );
    this.#sql = sql;
    this.#table = table;
    this.#create();
  }

  async put(job: StoredJob, only?: string): Promise<boolean> {
    const { name, id, rule, due, function: called, workload, form, priority, missed } = job;
    const table = this.#table;
    return this.#sql.transaction(() => {
      const [old] = this.#sql.all(`SELECT id, rule FROM ${table} WHERE name = ?`, name);
      if (only !== undefined && old?.id !== only) return false;
      if (only === undefined && old && rule !== "" && old.rule === rule) {
        this.#sql.all(
          `UPDATE ${table} SET function = ?, workload = ?, form = ?, priority = ?, missed = ? WHERE name = ?`,
          ...[called, workload, form, priority, missed, name],
        );
        return true;
      }
      this.#sql.all(
        `INSERT OR REPLACE INTO ${table} (${COLUMNS}, ready, lease) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL)`,
        ...[name, id, rule, due, called, workload, form, priority, missed, due],
      );
      return true;
    });
  }

  async get(name: string): Promise<StoredJob | undefined> {
    const [row] = this.#sql.all(`SELECT ${COLUMNS} FROM ${this.#table} WHERE name = ?`, name);
    return row && toJob(row);
  }

  async remove(name: string): Promise<boolean> {
    return this.#sql.all(`DELETE FROM ${this.#table} WHERE name = ? RETURNING 1`, name).length > 0;
  }

  async list(after: string, limit: number): Promise<StoredJob[]> {
    return this.#first("name > ?", after, "name", limit, MOST_BYTES);
  }

  async claim(now: number, until: number, most: ClaimLimits): Promise<StoredJob[]> {
    const table = this.#table;
    // Who only looks needs no lock, and most looks find nothing.
    const due = this.#sql.all(`SELECT 1 FROM ${table} WHERE ready <= ? OR lease > ? LIMIT 1`, now, most.latest);
    if (due.length === 0) return [];
    return this.#sql.transaction(() => {
      this.#sql.all(`UPDATE ${table} SET ready = due, lease = NULL WHERE lease > ?`, most.latest);
      const jobs = this.#first("ready <= ?", now, "ready, name", most.jobs, most.bytes);
      const lease = `UPDATE ${table} SET ready = ?, lease = ? WHERE name IN (SELECT value FROM json_each(?))`;
      this.#sql.all(lease, until, until, JSON.stringify(jobs.map(({ name }) => name)));
      return jobs;
    });
  }

  async settle(moves: readonly Move[]): Promise<void> {
    const table = this.#table;
    this.#sql.transaction(() => {
      for (const { name, id, due, to } of moves) {
        const where = "WHERE name = ? AND id = ? AND due = ?";
        if (to) {
          const statement = `UPDATE ${table} SET due = ?, ready = ?, lease = NULL ${where}`;
          this.#sql.all(statement, to.due, to.ready, name, id, due);
        } else this.#sql.all(`DELETE FROM ${table} ${where}`, name, id, due);
      }
    });
  }

  async next(): Promise<number | undefined> {
    const [row] = this.#sql.all(`SELECT min(ready) AS ready FROM ${this.#table}`);
    // A database of the user's own may give large numbers for all.
    return row?.ready === null || row?.ready === undefined ? undefined : Number(row.ready);
  }

  /** The first jobs of some, in an order: so many at most, with so many bytes of workloads, and one in any case. */
  #first(which: string, value: SqliteValue, order: string, jobs: number, bytes: number): StoredJob[] {
    const table = this.#table;
    const statement = `SELECT ${COLUMNS} FROM ${table} JOIN (
        SELECT name AS found, size, sum(size) OVER (ORDER BY ${order}) AS total FROM (
          SELECT name, ready, length(workload) AS size FROM ${table} WHERE ${which} ORDER BY ${order} LIMIT ?
        )
      ) ON found = name
      WHERE total <= ? OR total = size ORDER BY ${order}`;
    return this.#sql.all(statement, value, jobs, bytes).map(toJob);
  }

  #create(): void {
    const table = this.#table;
    const made = "SELECT 1 FROM sqlite_master WHERE lower(name) = lower(?)";
    if (this.#sql.all(made, `${table}_lease`).length > 0) return;
    // As a whole: several processes may make a new file's at once.
    this.#sql.transaction(() => this.#createTable());
  }

  #createTable(): void {
    const table = this.#table;
    this.#sql.all(`CREATE TABLE IF NOT EXISTS ${table} (
      name TEXT PRIMARY KEY NOT NULL, id TEXT NOT NULL, rule TEXT NOT NULL, due INTEGER NOT NULL,
      ready INTEGER NOT NULL, lease INTEGER, function TEXT NOT NULL, workload BLOB NOT NULL, form TEXT NOT NULL,
      priority TEXT NOT NULL, missed TEXT NOT NULL
    ) WITHOUT ROWID`);
    this.#sql.all(`CREATE INDEX IF NOT EXISTS ${table}_ready ON ${table} (ready)`);
    this.#sql.all(`CREATE INDEX IF NOT EXISTS ${table}_lease ON ${table} (lease) WHERE lease IS NOT NULL`);
  }
}

function toJob(row: Row): StoredJob {
  const { workload } = row;
  // workerd gives an ArrayBuffer, better-sqlite3 a Buffer.
  const bytes =
    workload instanceof Uint8Array
      ? new Uint8Array(workload.buffer as ArrayBuffer, workload.byteOffset, workload.byteLength)
      : new Uint8Array(workload as ArrayBuffer);
  const { name, id, rule, due, function: called, form, priority, missed } = row;
  return { name, id, rule, due: Number(due), function: called, workload: bytes, form, priority, missed } as StoredJob;
}
