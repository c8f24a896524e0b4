import { checkOptions, show } from "../../check.js";
import { openSqlite, rowsOf, type SqliteDatabase, type SqliteStatement, transaction } from "../../platform/sqlite.js";
import { type Row, type Sql, SqlStore } from "../sql.js";

export type { SqliteDatabase } from "../../platform/sqlite.js";

/** Options of a `SqliteStore`. */
export interface SqliteStoreOptions {
  /** The table that the jobs are in; it is made when it isn't there. Default `"edgear_schedule"`. */
  readonly table?: string | undefined;
}

/** Milliseconds that a file is waited for that others have locked, or are just making, when it is opened. */
const OPENING = 5_000;

/** Milliseconds that another process's write is waited for. Nothing else runs meanwhile: what takes longer is tried again. */
const BUSY = 1_000;

/**
 * Jobs in SQLite: in a file, which several processes of a machine may share, or in memory.
 *
 * The runtime's own SQLite opens a file (Node from 22.13, Deno, Bun); elsewhere give a database of better-sqlite3's. One
 * that is given must be in no transaction when the scheduler uses it: best give it one that nobody else has.
 */
export class SqliteStore extends SqlStore {
  readonly #database: SqliteDatabase;
  readonly #own: boolean;

  /**
   * @param database a file's name, `":memory:"`, or a database of node:sqlite, bun:sqlite or better-sqlite3
   * @throws TypeError when an argument is wrong; Error when the runtime has no SQLite, or the file can't be opened: one that
   * others have locked is waited for, for five seconds
   */
  constructor(database: string | SqliteDatabase, options: SqliteStoreOptions = {}) {
    checkOptions(options, "SqliteStore", ["table"]);
    const own = typeof database === "string";
    if (own && database === "")
      throw new TypeError('a database is a file\'s name, or ":memory:": an empty one is none');
    if (!own && typeof database?.prepare !== "function")
      throw new TypeError(`database must be a file's name, or an SQLite database, not ${show(database)}`);
    const opened = own ? openSqlite(database) : database;
    try {
      if (own) prepare(opened);
      super(sqlOf(opened), options.table ?? "edgear_schedule");
      if (own) opened.exec(`PRAGMA busy_timeout = ${BUSY}`);
    } catch (error) {
      if (own) opened.close();
      throw error;
    }
    this.#database = opened;
    this.#own = own;
  }

  /** Closes the database, if this has opened it. */
  close(): void {
    if (this.#own) this.#database.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

/** Readers and the writer are not to wait for each other. What was committed stays, even when the power fails. */
function prepare(database: SqliteDatabase): void {
  database.exec(`PRAGMA busy_timeout = ${OPENING}`);
  for (const end = performance.now() + OPENING; ; ) {
    try {
      const [row] = database.prepare("PRAGMA journal_mode").all() as Row[];
      if (row?.journal_mode !== "wal") database.exec("PRAGMA journal_mode = WAL");
      return;
    } catch (error) {
      // SQLite itself waits for nobody here, as two who switch might wait for each other.
      if (!/locked|busy/i.test(String(error)) || performance.now() > end) throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 10 + Math.random() * 20);
    }
  }
}

function sqlOf(database: SqliteDatabase): Sql {
  const statements = new Map<string, SqliteStatement>();
  return {
    all(text, ...values) {
      const statement = statements.get(text) ?? database.prepare(text);
      statements.set(text, statement);
      return rowsOf<Row>(statement, values);
    },
    transaction: (work) => transaction(database, work),
  };
}
