import { checkOptions, show } from "../../connection/check.js";
import { outboxTable, qualified, type TableInput, type TableName } from "../names.js";
import { type NewRow, readAside, type SelectedAside } from "../row.js";
import {
  ASIDE,
  type AsideRow,
  KEPT,
  type Leader,
  type OutboxStatus,
  type OutboxStore,
  type Statement,
  WAITING,
  type Watch,
} from "../store.js";
import type { PostgresClient, PostgresPool, PostgresTransaction } from "./client.js";
import { PostgresLeader } from "./leader.js";
import { installSql, uninstallSql, unwatchSql, watchSql } from "./schema.js";

export type { PostgresClient, PostgresPool, PostgresTransaction } from "./client.js";

/** Options of `postgres`. */
export interface PostgresOptions {
  /** pg's `Pool`. The relay keeps one client of it, for its lock and to be woken. Only `add` can do without. */
  pool?: PostgresPool | undefined;
  /** The outbox's table; default `edgear_outbox`, where the connection's search path has it. */
  table?: TableInput | undefined;
  /**
   * Whether new rows wake the relay by NOTIFY; default true. PostgreSQL commits transactions that notify one after the other: where
   * hundreds of writers commit at once, false, and the relay looks every `interval`. It holds from the next `install` on.
   */
  notify?: boolean | undefined;
}

/**
 * An outbox in PostgreSQL 11 or newer, by the package pg.
 * @throws TypeError when an option is wrong
 */
export function postgres(options: PostgresOptions = {}): OutboxStore<PostgresTransaction, Promise<void>, never> {
  checkOptions(options, "postgres", ["pool", "table", "notify"]);
  const { pool, table, notify = true } = options;
  if (pool !== undefined && typeof pool?.connect !== "function")
    throw new TypeError(`pool must be a Pool of pg, not ${show(pool)}`);
  if (typeof notify !== "boolean") throw new TypeError(`notify must be true or false, not ${show(notify)}`);
  return new PostgresStore(pool, outboxTable(table), notify);
}

class PostgresStore implements OutboxStore<PostgresTransaction, Promise<void>, never> {
  readonly synchronous = false;
  readonly #pool: PostgresPool | undefined;
  readonly #table: TableName;
  readonly #notify: boolean;
  readonly #insert: string;

  constructor(pool: PostgresPool | undefined, table: TableName, notify: boolean) {
    this.#pool = pool;
    this.#table = table;
    this.#notify = notify;
    this.#insert = `INSERT INTO ${qualified(table)} (function_name, workload, unique_id, priority, run_at) VALUES ($1, $2, $3, $4, $5)`;
  }

  sql(row: NewRow): Statement {
    return { sql: this.#insert, parameters: [row.function, row.workload, row.unique, row.priority, row.at] };
  }

  async insert(transaction: PostgresTransaction, row: NewRow): Promise<void> {
    const { sql, parameters } = this.sql(row);
    await transaction.query(sql, [...parameters]);
  }

  async installSql(): Promise<string[]> {
    return installSql(this.#table, this.#notify);
  }

  async uninstallSql(): Promise<string[]> {
    return uninstallSql(this.#table);
  }

  async watchSql(watch: Watch): Promise<string[]> {
    return watchSql(this.#table, watch);
  }

  unwatchSql(table: Watch["table"]): string[] {
    return unwatchSql(this.#table, table);
  }

  async execute(statements: readonly string[]): Promise<void> {
    await this.#use(async (client) => {
      await client.query("BEGIN");
      for (const statement of statements) await client.query(statement);
      await client.query("COMMIT");
    });
  }

  async status(): Promise<OutboxStatus> {
    const { rows } = await this.#use((client) =>
      client.query(
        `SELECT count(*) FILTER (WHERE state = ${WAITING})::float8 AS waiting,
          count(*) FILTER (WHERE state = ${ASIDE})::float8 AS aside, count(*) FILTER (WHERE state = ${KEPT})::float8 AS kept,
          extract(epoch FROM clock_timestamp() - min(created_at) FILTER (WHERE state = ${WAITING}))::float8 * 1000 AS oldest
        FROM ${qualified(this.#table)}`,
      ),
    );
    const [{ waiting, aside, kept, oldest }] = rows as [Record<keyof OutboxStatus, number | null>];
    return { waiting: waiting ?? 0, aside: aside ?? 0, kept: kept ?? 0, oldest: oldest ?? undefined };
  }

  async aside(limit: number): Promise<AsideRow[]> {
    const { rows } = await this.#use((client) =>
      client.query(
        `SELECT id::text AS row_id, function_name, reason FROM ${qualified(this.#table)} WHERE state = ${ASIDE} ORDER BY id LIMIT $1`,
        [limit],
      ),
    );
    return (rows as SelectedAside[]).map(readAside);
  }

  async retry(ids: readonly string[] | undefined): Promise<number> {
    const { rowCount } = await this.#use((client) =>
      client.query(
        `UPDATE ${qualified(this.#table)} SET state = ${WAITING}, reason = NULL, settled_at = NULL, losses = 0
          WHERE state = ${ASIDE} AND ($1::bigint[] IS NULL OR id = ANY ($1))`,
        [ids ?? null],
      ),
    );
    return rowCount ?? 0;
  }

  async lead(): Promise<Leader | undefined> {
    return PostgresLeader.lead(await this.#connect(), this.#table);
  }

  async #connect(): Promise<PostgresClient> {
    if (!this.#pool) throw new TypeError("this needs a database to connect to: postgres({ pool })");
    return this.#pool.connect();
  }

  async #use<T>(use: (client: PostgresClient) => Promise<T>): Promise<T> {
    const client = await this.#connect();
    let broken = true;
    try {
      const result = await use(client);
      broken = false;
      return result;
    } finally {
      // A transaction that failed half-way ends with its connection.
      client.release(broken);
    }
  }
}
