import type { JobOutcome, Pool, WorkerState } from "../../pool/index.js";

/** What `edgear pool status` tells. */
export interface PoolState {
  readonly group: string;
  /** Its process. */
  readonly pid: number;
  /** When it was started, in milliseconds since 1970. */
  readonly started: number;
  /** How many workers it means to have. */
  readonly size: number;
  /** Jobs by what became of them, since it was started. */
  readonly jobs: Readonly<Record<JobOutcome, number>>;
  readonly workers: readonly WorkerState[];
}

const started = Date.now();

/** What a pool is at. */
export function stateOf(pool: Pool): PoolState {
  const { group, size, counts, workers } = pool;
  return { group: group.name, pid: process.pid, started, size, jobs: counts, workers };
}
