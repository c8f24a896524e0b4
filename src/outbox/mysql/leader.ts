import { sleep } from "../../connection/wait.js";
import { firstRows } from "../first-rows.js";
import { derived, type TableName } from "../names.js";
import { type OutboxRow, readRow, type SelectedRow } from "../row.js";
import { ASIDE, KEPT, type Leader, MAX_BYTES } from "../store.js";
import type { MysqlConnection } from "./client.js";
import { mysqlTable, numbers } from "./schema.js";

/** The lock is one of the server: it is named after database and table, in no more than the 64 characters that it may have. */
const LOCK = "SHA1(CONCAT('edgear/outbox/', COALESCE(?, DATABASE()), '.', ?))";

/** Only the rows that are meant are looked at, and locked: a scan would wait for those that others have not committed. */
const BY_ID = "FORCE INDEX (PRIMARY)";

/** The one that has the lock (GET_LOCK), and does everything by the connection that has it. */
export class MysqlLeader implements Leader {
  readonly origin: string;
  readonly lease = undefined;
  readonly #connection: MysqlConnection;
  readonly #table: TableName;
  readonly #rows: string;

  private constructor(connection: MysqlConnection, table: TableName, origin: string) {
    this.#connection = connection;
    this.#table = table;
    this.#rows = mysqlTable(table);
    this.origin = origin;
  }

  /** @param connection is given back when there is no lead */
  static async lead(connection: MysqlConnection, table: TableName): Promise<MysqlLeader | undefined> {
    try {
      const name = [table.schema ?? null, table.name];
      const [rows] = await connection.query(`SELECT GET_LOCK(${LOCK}, 0) AS leads, @@autocommit AS autocommit`, name);
      const [{ leads, autocommit }] = rows as [{ leads: number; autocommit: number }];
      if (Number(leads) !== 1) {
        connection.release();
        return undefined;
      }
      // Without it, each look would see what the first one saw.
      if (Number(autocommit) !== 1) throw new TypeError("the relay's pool must have autocommit on");
      const state = mysqlTable(derived(table, "state"));
      const [origins] = await connection.query(`SELECT value FROM ${state} WHERE name = 'origin'`);
      return new MysqlLeader(connection, table, (origins as [{ value: string }])[0].value);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  async renew(): Promise<void> {}

  async rows(limit: number, without: readonly string[]): Promise<OutboxRow[]> {
    const sql = firstRows(this.#rows, {
      text: "CHAR",
      size: "LENGTH(workload)",
      without: without.length === 0 ? "" : `AND function_name NOT IN (${places(without)})`,
      limit: "?",
      maxBytes: MAX_BYTES,
    });
    const [rows] = await this.#connection.query(sql, [...without, limit]);
    return (rows as SelectedRow[]).map(readRow);
  }

  async settle(ids: readonly string[], keep: boolean): Promise<void> {
    const sql = keep
      ? `UPDATE ${this.#rows} ${BY_ID} SET state = ${KEPT}, settled_at = NOW(3) WHERE id IN (${numbers(ids)})`
      : `DELETE done FROM ${this.#rows} AS done ${BY_ID} WHERE done.id IN (${numbers(ids)})`;
    await this.#connection.query(sql);
  }

  async setAside(id: string, reason: string): Promise<void> {
    await this.#connection.query(
      `UPDATE ${this.#rows} SET state = ${ASIDE}, reason = ?, settled_at = NOW(3) WHERE id = ${numbers([id])}`,
      [reason.slice(0, 10_000)],
    );
  }

  async lost(id: string): Promise<number> {
    const which = `WHERE id = ${numbers([id])}`;
    await this.#connection.query(`UPDATE ${this.#rows} ${BY_ID} SET losses = losses + 1 ${which}`);
    const [rows] = await this.#connection.query(`SELECT losses FROM ${this.#rows} ${which}`);
    return Number((rows as { losses: number }[])[0]?.losses ?? 0);
  }

  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    await sleep(milliseconds, signal).catch(() => {});
  }

  async release(broken: boolean): Promise<void> {
    if (broken) return this.#connection.destroy();
    try {
      await this.#connection.query(`SELECT RELEASE_LOCK(${LOCK})`, [this.#table.schema ?? null, this.#table.name]);
      this.#connection.release();
    } catch (error) {
      this.#connection.destroy();
      throw error;
    }
  }
}

function places(values: readonly unknown[]): string {
  return values.map(() => "?").join(", ");
}
