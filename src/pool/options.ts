import type { GroupSettings, PoolSettings } from "../config/index.js";
import { checkMilliseconds, checkOptions, checkWord, show } from "../connection/check.js";
import type { Servers } from "../index.js";
import { checkCount } from "../worker/options.js";

/** Options of a pool. How it runs its group stands in the group itself: `group.pool`. */
export interface PoolOptions {
  /** The job servers, as `new Worker` takes them; default 127.0.0.1:4730. */
  servers?: Servers | undefined;
  /**
   * Where what workers write goes: `inherit` (the default), where the pool's own goes; `lines`, to the pool's `output`
   * event, line by line.
   */
  output?: "inherit" | "lines" | undefined;
  /** Whether `job:start` has the beginning of the job's workload; default false. */
  workloads?: boolean | undefined;
}

/** Options of `pool.stop`. */
export interface StopOptions {
  /** Milliseconds that running jobs have; default: the group's `grace`. */
  grace?: number | undefined;
}

/** How long running jobs have when a pool stops, in milliseconds: less than the 30 seconds that Kubernetes gives a pod. */
const DEFAULT_GRACE = 25_000;

/** How a pool runs its group, complete. */
export interface Plan {
  readonly workers: number;
  readonly limit: number;
  readonly resuscitate: boolean;
  readonly atomic: boolean;
  readonly threads: boolean;
  readonly grace: number;
}

const KNOWN: readonly (keyof PoolSettings)[] = [
  "workers",
  "limit",
  "resuscitate",
  "atomic",
  "count",
  "timeout",
  "maxMemory",
  "maxLifetime",
  "threads",
  "grace",
  "hooks",
  "metrics",
];

/** @throws TypeError when one is wrong */
export function checkPoolOptions(options: PoolOptions): void {
  checkOptions(options, "Pool", ["servers", "output", "workloads"]);
  if (options.output !== undefined) checkWord(options.output, "output", ["inherit", "lines"]);
}

/** @throws TypeError when something of a group's is wrong */
export function planOf(group: GroupSettings): Plan {
  if (typeof group?.name !== "string" || typeof group.functions !== "object" || group.functions === null)
    throw new TypeError(`a pool takes a group of functions, as loadConfig gives it, not ${show(group)}`);
  if (Object.keys(group.functions).length === 0)
    throw new TypeError(`the group ${show(group.name)} has no functions to work off`);
  const { pool = {} } = group;
  checkOptions(pool, `the pool of ${show(group.name)}`, KNOWN);
  const { workers = 1, limit, count, timeout, maxMemory, maxLifetime, grace = DEFAULT_GRACE } = pool;
  checkCount(workers, "workers");
  if (limit !== undefined) checkCount(limit, "limit");
  if (count !== undefined) checkCount(count, "count");
  if (maxMemory !== undefined) checkCount(maxMemory, "maxMemory");
  if (timeout !== undefined) checkMilliseconds(timeout, "timeout", 1);
  if (maxLifetime !== undefined) checkMilliseconds(maxLifetime, "maxLifetime", 1);
  checkMilliseconds(grace, "grace");
  if (pool.atomic && count !== undefined && count !== 1)
    throw new TypeError("a worker of an atomic pool has one job: leave count out");
  return {
    workers,
    limit: limit ?? Number.POSITIVE_INFINITY,
    resuscitate: pool.resuscitate ?? true,
    atomic: pool.atomic ?? false,
    threads: pool.threads ?? false,
    grace,
  };
}
