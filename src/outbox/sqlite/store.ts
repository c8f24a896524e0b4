import { show } from "../../connection/check.js";
import { derived, doubleQuoted, literal, qualified, type TableName } from "../names.js";
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
import { type Access, SqliteLeader } from "./leader.js";
import { installSql, NOW, uninstallSql, unwatchSql, watchSql } from "./schema.js";

export type { Access } from "./leader.js";

/** What SQLite and D1 have in common. */
export abstract class SqliteStore<Transaction, Added, Prepared> implements OutboxStore<Transaction, Added, Prepared> {
  abstract readonly synchronous: boolean;
  protected readonly table: TableName;
  readonly #lease: number;
  readonly #insert: string;

  constructor(table: TableName, lease: number) {
    this.table = table;
    this.#lease = lease;
    this.#insert = `INSERT INTO ${qualified(table)} (function_name, workload, unique_id, priority, run_at) VALUES (?, ?, ?, ?, ?)`;
  }

  abstract insert(transaction: Transaction, row: NewRow): Added;
  /** @throws TypeError when there is no database to ask */
  protected abstract get access(): Access;
  protected abstract get connected(): boolean;

  sql(row: NewRow): Statement {
    return { sql: this.#insert, parameters: [row.function, row.workload, row.unique, row.priority, row.at] };
  }

  async installSql(): Promise<string[]> {
    return installSql(this.table, this.connected ? await this.#columns(this.table) : []);
  }

  async uninstallSql(): Promise<string[]> {
    const { schema, name } = this.table;
    const master = qualified({ schema, name: "sqlite_master" });
    const triggers = await this.access.all<{ name: string }>(
      `SELECT name FROM ${master} WHERE type = 'trigger' AND substr(name, 1, length(?)) = ? AND instr(sql, ?) > 0`,
      [`${name}_`, `${name}_`, `INSERT INTO ${doubleQuoted(name)} `],
    );
    return uninstallSql(
      this.table,
      triggers.map((trigger) => trigger.name),
    );
  }

  async watchSql(watch: Watch): Promise<string[]> {
    if (watch.table.schema !== this.table.schema)
      throw new TypeError(`a trigger can only write to an outbox that is in the same database as ${show(watch.label)}`);
    const columns = this.connected ? await this.#columns(watch.table) : watch.columns;
    if (columns?.length === 0) throw new TypeError(`there is no table ${show(watch.label)} in the database`);
    if (!columns) throw new TypeError(`which columns does ${show(watch.label)} have? Give columns, or the database`);
    return watchSql(this.table, watch, columns);
  }

  /** A table's columns; none when it isn't there. */
  async #columns({ schema, name }: TableName): Promise<string[]> {
    const pragma = qualified({ schema, name: "table_xinfo" }, (part) =>
      part === "table_xinfo" ? part : doubleQuoted(part),
    );
    const found = await this.access.all<{ name: string; hidden: number }>(`PRAGMA ${pragma}(${literal(name)})`, []);
    // Those of virtual tables are hidden (1); generated ones (2 and 3) are columns as any.
    return found.filter(({ hidden }) => Number(hidden) !== 1).map((column) => column.name);
  }

  unwatchSql(table: Watch["table"]): string[] {
    return unwatchSql(this.table, table);
  }

  async execute(statements: readonly string[]): Promise<void> {
    await this.access.batch(statements);
  }

  async status(): Promise<OutboxStatus> {
    const [row] = await this.access.all<Record<keyof OutboxStatus, number | null>>(
      `SELECT coalesce(sum(state = ${WAITING}), 0) AS waiting, coalesce(sum(state = ${ASIDE}), 0) AS aside,
        coalesce(sum(state = ${KEPT}), 0) AS kept, ${NOW} - min(CASE state WHEN ${WAITING} THEN created_at END) AS oldest
      FROM ${qualified(this.table)}`,
      [],
    );
    const { waiting, aside, kept, oldest } = row ?? {};
    return { waiting: waiting ?? 0, aside: aside ?? 0, kept: kept ?? 0, oldest: oldest ?? undefined };
  }

  async aside(limit: number): Promise<AsideRow[]> {
    const rows = await this.access.all<SelectedAside>(
      `SELECT CAST(id AS TEXT) AS row_id, function_name, reason FROM ${qualified(this.table)} WHERE state = ${ASIDE} ORDER BY id LIMIT ?`,
      [limit],
    );
    return rows.map(readAside);
  }

  async retry(ids: readonly string[] | undefined): Promise<number> {
    const rows = await this.access.all(
      `UPDATE ${qualified(this.table)} SET state = ${WAITING}, reason = NULL, settled_at = NULL, losses = 0
        WHERE state = ${ASIDE} AND (? OR id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))) RETURNING id`,
      [ids ? 0 : 1, JSON.stringify(ids ?? [])],
    );
    return rows.length;
  }

  async lead(): Promise<Leader | undefined> {
    return SqliteLeader.lead(this.access, qualified(this.table), qualified(derived(this.table, "state")), this.#lease);
  }
}
