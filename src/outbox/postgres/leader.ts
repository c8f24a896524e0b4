import { sleep } from "../../connection/wait.js";
import { type Dialect, firstRows } from "../first-rows.js";
import { derived, doubleQuoted, qualified, type TableName } from "../names.js";
import { type OutboxRow, readRow, type SelectedRow } from "../row.js";
import { ASIDE, KEPT, type Leader, MAX_BYTES } from "../store.js";
import type { PostgresClient } from "./client.js";

/** The lock is of the table, whatever the search path calls it, and of one database. It lasts as long as its connection. */
const LOCK = "hashtextextended('edgear/outbox/' || $1::regclass::oid::text, 0)";

const DIALECT: Dialect = {
  text: "text",
  size: "octet_length(workload)",
  without: "AND function_name <> ALL ($2::text[])",
  limit: "$1",
  maxBytes: MAX_BYTES,
};

/** The one that has the advisory lock, and does everything by the connection that has it: without the one it can't do the other. */
export class PostgresLeader implements Leader {
  readonly origin: string;
  readonly lease = undefined;
  readonly #client: PostgresClient;
  readonly #table: TableName;
  readonly #rows: string;
  #wake = () => {};
  /** Whether rows have come since somebody last waited. */
  #woken = false;
  #lost: Error | undefined;
  readonly #onNotification = () => this.#notified();
  readonly #onError = (error: Error) => {
    this.#lost = error;
    this.#notified();
  };

  private constructor(client: PostgresClient, table: TableName, origin: string) {
    this.#client = client;
    this.#table = table;
    this.#rows = qualified(table);
    this.origin = origin;
    // Without a listener, a connection that is lost would end the program.
    client.on("error", this.#onError);
    client.on("notification", this.#onNotification);
  }

  /** @param client is given back when there is no lead */
  static async lead(client: PostgresClient, table: TableName): Promise<PostgresLeader | undefined> {
    const ignore = () => {};
    client.on("error", ignore);
    try {
      const { rows } = await client.query(`SELECT pg_try_advisory_lock(${LOCK}) AS leads`, [qualified(table)]);
      if (!(rows[0] as { leads: boolean }).leads) {
        client.release();
        return undefined;
      }
      const state = qualified(derived(table, "state"));
      const origins = await client.query(`SELECT value FROM ${state} WHERE name = 'origin'`);
      await client.query(`LISTEN ${doubleQuoted(table.name)}`);
      return new PostgresLeader(client, table, (origins.rows[0] as { value: string }).value);
    } catch (error) {
      client.release(true);
      throw error;
    } finally {
      client.off("error", ignore);
    }
  }

  async renew(): Promise<void> {
    if (this.#lost) throw this.#lost;
  }

  async rows(limit: number, without: readonly string[]): Promise<OutboxRow[]> {
    this.#woken = false;
    const { rows } = await this.#client.query(firstRows(this.#rows, DIALECT), [limit, without]);
    return (rows as SelectedRow[]).map(readRow);
  }

  async settle(ids: readonly string[], keep: boolean): Promise<void> {
    const sql = keep
      ? `UPDATE ${this.#rows} SET state = ${KEPT}, settled_at = clock_timestamp() WHERE id = ANY ($1::bigint[])`
      : `DELETE FROM ${this.#rows} WHERE id = ANY ($1::bigint[])`;
    await this.#client.query(sql, [ids]);
  }

  async setAside(id: string, reason: string): Promise<void> {
    await this.#client.query(
      `UPDATE ${this.#rows} SET state = ${ASIDE}, reason = $2, settled_at = clock_timestamp() WHERE id = $1`,
      [id, reason.replaceAll("\0", "")],
    );
  }

  async lost(id: string): Promise<number> {
    const sql = `UPDATE ${this.#rows} SET losses = losses + 1 WHERE id = $1 RETURNING losses`;
    const { rows } = await this.#client.query(sql, [id]);
    return (rows as { losses: number }[])[0]?.losses ?? 0;
  }

  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (this.#woken || this.#lost) return;
    const over = new AbortController();
    const stop = () => over.abort();
    this.#wake = stop;
    signal.addEventListener("abort", stop, { once: true });
    if (signal.aborted) stop();
    await sleep(milliseconds, over.signal).catch(() => {});
    signal.removeEventListener("abort", stop);
  }

  async release(broken: boolean): Promise<void> {
    const lost = broken || this.#lost !== undefined;
    try {
      if (!lost) {
        await this.#client.query(`UNLISTEN ${doubleQuoted(this.#table.name)}`);
        await this.#client.query(`SELECT pg_advisory_unlock(${LOCK})`, [this.#rows]);
      }
    } finally {
      this.#client.off("error", this.#onError);
      this.#client.off("notification", this.#onNotification);
      // What still comes from a connection that is given up is nobody's.
      if (lost) this.#client.on("error", () => {});
      this.#client.release(lost);
    }
  }

  #notified(): void {
    this.#woken = true;
    this.#wake();
  }
}
