import { checkOptions, show } from "../../connection/check.js";
import { outboxTable, type TableInput, type TableName } from "../names.js";
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
import { type MysqlConnection, type MysqlPool, type MysqlTransaction, run } from "./client.js";
import { MysqlLeader } from "./leader.js";
import { type Column, installSql, mysqlTable, numbers, uninstallSql, unwatchSql, watchSql } from "./schema.js";

export type { MysqlConnection, MysqlPool, MysqlTransaction } from "./client.js";

/** Options of `mysql`. */
export interface MysqlOptions {
  /** The pool of mysql2/promise. The relay keeps one connection of it, for its lock. Only `add` can do without. */
  pool?: MysqlPool | undefined;
  /** The outbox's table; default `edgear_outbox`, in the connection's database. */
  table?: TableInput | undefined;
}

/**
 * An outbox in MySQL 8 or MariaDB 10.3 or newer, by the package mysql2.
 * @throws TypeError when an option is wrong
 */
export function mysql(options: MysqlOptions = {}): OutboxStore<MysqlTransaction, Promise<void>, never> {
  checkOptions(options, "mysql", ["pool", "table"]);
  const { pool, table } = options;
  if (pool !== undefined && typeof pool?.getConnection !== "function")
    throw new TypeError(`pool must be a pool of mysql2/promise, not ${show(pool)}`);
  return new MysqlStore(pool, outboxTable(table));
}

class MysqlStore implements OutboxStore<MysqlTransaction, Promise<void>, never> {
  readonly synchronous = false;
  readonly #pool: MysqlPool | undefined;
  readonly #table: TableName;
  readonly #insert: string;

  constructor(pool: MysqlPool | undefined, table: TableName) {
    this.#pool = pool;
    this.#table = table;
    this.#insert = `INSERT INTO ${mysqlTable(table)} (function_name, workload, unique_id, priority, run_at) VALUES (?, ?, ?, ?, ?)`;
  }

  sql(row: NewRow): Statement {
    const { buffer, byteOffset, byteLength } = row.workload;
    // The driver takes any other array of bytes for an object.
    const workload = Buffer.from(buffer, byteOffset, byteLength);
    return { sql: this.#insert, parameters: [row.function, workload, row.unique, row.priority, row.at] };
  }

  async insert(transaction: MysqlTransaction, row: NewRow): Promise<void> {
    const { sql, parameters } = this.sql(row);
    await run(transaction, sql, [...parameters]);
  }

  async installSql(): Promise<string[]> {
    return installSql(this.#table);
  }

  async uninstallSql(): Promise<string[]> {
    const { schema = null, name } = this.#table;
    const [place] = await this.#query<{ name: string }>("SELECT COALESCE(?, DATABASE()) AS name", [schema]);
    // Every database may have an outbox of this name: a trigger that names none writes to that of its own.
    const triggers = await this.#query<{ found: string; place: string }>(
      `SELECT TRIGGER_NAME AS found, TRIGGER_SCHEMA AS place FROM information_schema.TRIGGERS
        WHERE LEFT(TRIGGER_NAME, CHAR_LENGTH(?)) = ? AND (LOCATE(CAST(? AS BINARY), ACTION_STATEMENT) > 0
          OR TRIGGER_SCHEMA = ? AND LOCATE(CAST(? AS BINARY), ACTION_STATEMENT) > 0)`,
      [
        ...[`${name}_`, `${name}_`, `INTO ${mysqlTable({ schema: place?.name, name })} `],
        ...[place?.name, `INTO ${mysqlTable({ schema: undefined, name })} `],
      ],
    );
    return uninstallSql(
      this.#table,
      triggers.map(({ found, place }) => ({ schema: place, name: found })),
    );
  }

  async watchSql(watch: Watch): Promise<string[]> {
    const { schema, name } = watch.table;
    const columns = await this.#query<Column & { place: string }>(
      `SELECT COLUMN_NAME AS name, LOWER(DATA_TYPE) AS type, DATABASE() AS place FROM information_schema.COLUMNS
        WHERE TABLE_SCHEMA = COALESCE(?, DATABASE()) AND TABLE_NAME = ? ORDER BY ORDINAL_POSITION`,
      [schema ?? null, name],
    );
    if (columns.length === 0) throw new TypeError(`there is no table ${show(watch.label)} in the database`);
    // A trigger looks for tables in its own table's database.
    const place = schema === undefined ? undefined : columns[0]?.place;
    return watchSql({ schema: this.#table.schema ?? place, name: this.#table.name }, watch, columns);
  }

  unwatchSql(table: Watch["table"]): string[] {
    return unwatchSql(this.#table, table);
  }

  async execute(statements: readonly string[]): Promise<void> {
    const connection = await this.#connect();
    try {
      for (const statement of statements) await connection.query(statement);
    } finally {
      // Its session has other settings now, and locked tables if something went wrong.
      connection.destroy();
    }
  }

  async status(): Promise<OutboxStatus> {
    const [row] = await this.#query<Record<keyof OutboxStatus, string | number | null>>(
      `SELECT COALESCE(SUM(state = ${WAITING}), 0) AS waiting, COALESCE(SUM(state = ${ASIDE}), 0) AS aside, COALESCE(SUM(state = ${KEPT}), 0) AS kept,
        TIMESTAMPDIFF(MICROSECOND, MIN(IF(state = ${WAITING}, created_at, NULL)), NOW(3)) / 1000 AS oldest FROM ${mysqlTable(this.#table)}`,
    );
    const { waiting = 0, aside = 0, kept = 0, oldest = null } = row ?? {};
    return {
      waiting: Number(waiting),
      aside: Number(aside),
      kept: Number(kept),
      oldest: oldest === null ? undefined : Number(oldest),
    };
  }

  async aside(limit: number): Promise<AsideRow[]> {
    const rows = await this.#query<SelectedAside>(
      `SELECT CAST(id AS CHAR) AS row_id, function_name, reason FROM ${mysqlTable(this.#table)} WHERE state = ${ASIDE} ORDER BY id LIMIT ?`,
      [limit],
    );
    return rows.map(readAside);
  }

  async retry(ids: readonly string[] | undefined): Promise<number> {
    if (ids?.length === 0) return 0;
    const some = ids ? `AND id IN (${numbers(ids)})` : "";
    const sql = `UPDATE ${mysqlTable(this.#table)} SET state = ${WAITING}, reason = NULL, settled_at = NULL, losses = 0 WHERE state = ${ASIDE} ${some}`;
    const { affectedRows } = (await this.#query(sql)) as unknown as { affectedRows: number };
    return affectedRows;
  }

  async lead(): Promise<Leader | undefined> {
    return MysqlLeader.lead(await this.#connect(), this.#table);
  }

  async #connect(): Promise<MysqlConnection> {
    if (!this.#pool) throw new TypeError("this needs a database to connect to: mysql({ pool })");
    return this.#pool.getConnection();
  }

  async #query<Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    const connection = await this.#connect();
    try {
      const [rows] = await connection.query(sql, parameters);
      return rows as Row[];
    } finally {
      connection.release();
    }
  }
}
