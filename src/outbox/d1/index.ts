import { checkMilliseconds, checkOptions, show } from "../../connection/check.js";
import { outboxTable, type TableInput, type TableName } from "../names.js";
import type { NewRow } from "../row.js";
import { type Access, SqliteStore } from "../sqlite/store.js";
import type { OutboxStore } from "../store.js";

/** How many bytes of workloads are read at once: D1 gives each byte as a number of a list, which takes ten times the room. */
const MAX_BYTES = 1024 * 1024;

/** A statement of D1. */
export interface D1Statement {
  bind(...parameters: unknown[]): D1Statement;
  all(): Promise<{ results: unknown[] }>;
}

/** A database of D1, as a binding gives it. */
export interface D1<Prepared extends D1Statement = D1Statement> {
  prepare(sql: string): { bind(...parameters: unknown[]): Prepared };
  batch(statements: Prepared[]): Promise<unknown>;
}

/** Options of `d1`. */
export interface D1Options<Prepared extends D1Statement> {
  /** The binding. Only `add` and `statement` can do without. */
  database?: D1<Prepared> | undefined;
  /** The outbox's table; default `edgear_outbox`. */
  table?: TableInput | undefined;
  /** How long one whose invocation ended half-way holds up the next relay, in milliseconds; default 10,000. */
  lease?: number | undefined;
}

/**
 * An outbox in Cloudflare D1. It has no interactive transactions: write by `db.batch([…, outbox.statement(db, …)])`; `add` writes
 * by itself. Relay by `outbox.drain()` in a cron trigger.
 * @throws TypeError when an option is wrong
 */
export function d1<Prepared extends D1Statement>(
  options: D1Options<Prepared> = {},
): OutboxStore<D1<Prepared>, Promise<void>, Prepared> {
  checkOptions(options, "d1", ["database", "table", "lease"]);
  const { database, table, lease = 10_000 } = options;
  if (database !== undefined && typeof database?.prepare !== "function")
    throw new TypeError(`database must be a binding of D1, not ${show(database)}`);
  checkMilliseconds(lease, "lease", 1_000);
  return new D1Store(database, outboxTable(table), lease);
}

class D1Store<Prepared extends D1Statement> extends SqliteStore<D1<Prepared>, Promise<void>, Prepared> {
  readonly synchronous = false;
  readonly #access: Access | undefined;

  constructor(database: D1<Prepared> | undefined, table: TableName, lease: number) {
    super(table, lease);
    this.#access = database && accessTo(database);
  }

  statement(database: D1<Prepared>, row: NewRow): Prepared {
    const { sql, parameters } = this.sql(row);
    return database.prepare(sql).bind(...parameters);
  }

  async insert(database: D1<Prepared>, row: NewRow): Promise<void> {
    await this.statement(database, row).all();
  }

  protected get connected(): boolean {
    return this.#access !== undefined;
  }

  protected get access(): Access {
    if (!this.#access) throw new TypeError("this needs a database: d1({ database: env.DB })");
    return this.#access;
  }
}

function accessTo<Prepared extends D1Statement>(database: D1<Prepared>): Access {
  return {
    busy: false,
    maxBytes: MAX_BYTES,
    async all<Row>(sql: string, parameters: readonly (string | number | null)[]) {
      const { results } = await database
        .prepare(sql)
        .bind(...parameters)
        .all();
      return results as Row[];
    },
    async batch(statements) {
      await database.batch(statements.map((sql) => database.prepare(sql).bind()));
    },
  };
}
