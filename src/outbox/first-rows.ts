import { WAITING } from "./store.js";

/** How a database says what the statement needs. */
export interface Dialect {
  /** The type that numbers are given as, as not every driver has numbers for all of them. */
  readonly text: string;
  /** How many bytes a workload has. */
  readonly size: string;
  /** Which functions are left out: a condition, with `AND` before it. */
  readonly without: string;
  /** The place of how many rows are wanted. */
  readonly limit: string;
  /** How many bytes of workloads are read at once, unless it is one row's. */
  readonly maxBytes: number;
}

/** The SQL that reads the first rows that wait, by id. Sizes are summed before any workload is read. */
export function firstRows(rows: string, { text, size, without, limit, maxBytes }: Dialect): string {
  return `SELECT CAST(chosen.id AS ${text}) AS row_id, function_name, workload, unique_id, priority,
      CAST(run_at AS ${text}) AS run_at, losses
    FROM ${rows} AS chosen JOIN (
      SELECT id, size, SUM(size) OVER (ORDER BY id) AS total FROM (
        SELECT id, ${size} AS size FROM ${rows} WHERE state = ${WAITING} ${without} ORDER BY id LIMIT ${limit}
      ) AS sized
    ) AS summed ON summed.id = chosen.id
    WHERE total <= ${maxBytes} OR total = size ORDER BY chosen.id`;
}
