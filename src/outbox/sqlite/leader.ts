import { sleep } from "../../connection/wait.js";
import { firstRows } from "../first-rows.js";
import { newOrigin } from "../names.js";
import { type OutboxRow, readRow, type SelectedRow } from "../row.js";
import { ASIDE, KEPT, type Leader } from "../store.js";
import { NOW } from "./schema.js";

/** Of bytes it is written in front; a text has its length in characters, and is read for this. */
const SIZE = "CASE typeof(workload) WHEN 'blob' THEN length(workload) ELSE length(CAST(workload AS BLOB)) END";

/** How a store runs its SQL. */
export interface Access {
  /** Whether the connection is in somebody's transaction: what is done now would be part of it. */
  readonly busy: boolean;
  /** How many bytes of workloads are read at once. */
  readonly maxBytes: number;
  all<Row>(sql: string, parameters: readonly (string | number | null)[]): Promise<Row[]>;
  /** All or nothing. */
  batch(statements: readonly string[]): Promise<void>;
}

/** The one that the row `leader` names, for as long as it says there: a database in a file has no locks that end with a connection. */
export class SqliteLeader implements Leader {
  readonly origin: string;
  readonly lease: number;
  readonly #access: Access;
  readonly #rows: string;
  readonly #state: string;
  readonly #name: string;
  /** When it was asked for last, by `performance.now()`: the database counts from then on, or from a little later. */
  #taken: number;

  private constructor(
    access: Access,
    rows: string,
    state: string,
    lease: number,
    name: string,
    origin: string,
    taken: number,
  ) {
    this.#taken = taken;
    this.#access = access;
    this.#rows = rows;
    this.#state = state;
    this.lease = lease;
    this.#name = name;
    this.origin = origin;
  }

  static async lead(access: Access, rows: string, state: string, lease: number): Promise<SqliteLeader | undefined> {
    if (access.busy) return undefined;
    const name = newOrigin();
    const taken = performance.now();
    if (!(await take(access, state, lease, name))) return undefined;
    const [row] = await access.all<{ value: string }>(`SELECT value FROM ${state} WHERE name = 'origin'`, []);
    return new SqliteLeader(access, rows, state, lease, name, row?.value ?? "", taken);
  }

  /** Writes no more often than it must: every write is one to the disk. */
  async renew(): Promise<void> {
    const now = performance.now();
    if (this.#access.busy || now - this.#taken < this.lease / 3) return;
    const renewed = await this.#access.all(
      `UPDATE ${this.#state} SET until = ${NOW} + ? WHERE name = 'leader' AND value = ? RETURNING name`,
      [this.lease, this.#name],
    );
    // Even if that one has left already: rows that were read before it are none any more.
    if (renewed.length === 0) throw new Error("another one has relayed the outbox, as this one's lease was over");
    this.#taken = now;
  }

  async rows(limit: number, without: readonly string[]): Promise<OutboxRow[]> {
    // What an open transaction of this very connection has written isn't committed, and what is removed may come back with it.
    if (this.#access.busy) return [];
    const sql = firstRows(this.#rows, {
      text: "TEXT",
      size: SIZE,
      without: "AND function_name NOT IN (SELECT value FROM json_each(?))",
      limit: "?",
      maxBytes: this.#access.maxBytes,
    });
    const rows = await this.#access.all<SelectedRow>(sql, [JSON.stringify(without), limit]);
    return rows.map(readRow);
  }

  async settle(ids: readonly string[], keep: boolean): Promise<void> {
    const which = "WHERE id IN (SELECT CAST(value AS INTEGER) FROM json_each(?))";
    const sql = keep
      ? `UPDATE ${this.#rows} SET state = ${KEPT}, settled_at = ${NOW} ${which}`
      : `DELETE FROM ${this.#rows} ${which}`;
    await this.#write(sql, [JSON.stringify(ids)]);
  }

  async setAside(id: string, reason: string): Promise<void> {
    const sql = `UPDATE ${this.#rows} SET state = ${ASIDE}, reason = ?, settled_at = ${NOW} WHERE id = CAST(? AS INTEGER)`;
    await this.#write(sql, [reason, id]);
  }

  async lost(id: string): Promise<number> {
    const sql = `UPDATE ${this.#rows} SET losses = losses + 1 WHERE id = CAST(? AS INTEGER) RETURNING losses`;
    const [row] = await this.#write<{ losses: number }>(sql, [id]);
    return Number(row?.losses ?? 0);
  }

  async wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    await sleep(milliseconds, signal).catch(() => {});
  }

  async release(): Promise<void> {
    // Broken or not, nobody is to wait until its time is over.
    await this.#write(`UPDATE ${this.#state} SET until = 0 WHERE name = 'leader' AND value = ?`, [this.#name]);
  }

  async #write<Row>(sql: string, parameters: readonly string[]): Promise<Row[]> {
    // It may be rolled back then: better that this is done again.
    if (this.#access.busy)
      throw new Error("the relay's connection has a transaction open that isn't its own: give it one of its own");
    return this.#access.all<Row>(sql, parameters);
  }
}

/** @returns whether it has the lead for so many milliseconds from now on */
async function take(access: Access, state: string, lease: number, name: string): Promise<boolean> {
  const taken = await access.all(
    `UPDATE ${state} SET value = ?, until = ${NOW} + ?
      WHERE name = 'leader' AND (until <= ${NOW} OR until > ${NOW} + ?) RETURNING name`,
    // A lease that would last far longer than any does was made by a clock that was wrong.
    [name, lease, Math.max(10 * lease, 3_600_000)],
  );
  return taken.length > 0;
}
