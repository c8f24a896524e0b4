import { checkMilliseconds, checkOptions, show } from "../../connection/check.js";
import { type SqliteDatabase as Database, rowsOf, transaction } from "../../platform/sqlite.js";
import { outboxTable, type TableInput, type TableName } from "../names.js";
import type { NewRow } from "../row.js";
import { MAX_BYTES, type OutboxStore } from "../store.js";
import { type Access, SqliteStore } from "./store.js";

/** A database of node:sqlite, better-sqlite3 or bun:sqlite. */
export interface SqliteDatabase extends Database {
  /** Whether a transaction is open: node:sqlite's name. */
  readonly isTransaction?: boolean;
  /** The same, as better-sqlite3 and bun:sqlite call it. */
  readonly inTransaction?: boolean;
}

/** Options of `sqlite`. */
export interface SqliteOptions {
  /**
   * The relay's own connection: not the one that jobs are written by, whose transactions it would be caught in. Only `add` can do
   * without. It should wait for other writers (`PRAGMA busy_timeout = 5000`).
   */
  database?: SqliteDatabase | undefined;
  /** The outbox's table; default `edgear_outbox`. */
  table?: TableInput | undefined;
  /** How long one that was killed holds up the next relay, in milliseconds; default 10,000. */
  lease?: number | undefined;
}

/**
 * An outbox in SQLite 3.35 or newer, by node:sqlite, better-sqlite3 or bun:sqlite.
 * @throws TypeError when an option is wrong
 */
export function sqlite(options: SqliteOptions = {}): OutboxStore<SqliteDatabase, void, never> {
  checkOptions(options, "sqlite", ["database", "table", "lease"]);
  const { database, table, lease = 10_000 } = options;
  if (database !== undefined && typeof database?.prepare !== "function")
    throw new TypeError(`database must be one of node:sqlite, better-sqlite3 or bun:sqlite, not ${show(database)}`);
  checkMilliseconds(lease, "lease", 1_000);
  return new LocalStore(database, outboxTable(table), lease);
}

class LocalStore extends SqliteStore<SqliteDatabase, void, never> {
  readonly synchronous = true;
  readonly #access: Access | undefined;

  constructor(database: SqliteDatabase | undefined, table: TableName, lease: number) {
    super(table, lease);
    this.#access = database && accessTo(database);
  }

  insert(database: SqliteDatabase, row: NewRow): void {
    const { sql, parameters } = this.sql(row);
    database.prepare(sql).run(...(parameters as never[]));
  }

  protected get connected(): boolean {
    return this.#access !== undefined;
  }

  protected get access(): Access {
    if (!this.#access) throw new TypeError("this needs a database: sqlite({ database })");
    return this.#access;
  }
}

function accessTo(database: SqliteDatabase): Access {
  return {
    maxBytes: MAX_BYTES,
    get busy() {
      return database.isTransaction ?? database.inTransaction ?? false;
    },
    async all<Row>(sql: string, parameters: readonly (string | number | null)[]) {
      return rowsOf<Row>(database.prepare(sql), parameters);
    },
    async batch(statements) {
      transaction(database, () => {
        for (const statement of statements) database.exec(statement);
      });
    },
  };
}
