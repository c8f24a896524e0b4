import type { Client } from "../client/client.js";
import { checkInFlight } from "../client/options.js";
import type { BackgroundOptions } from "../client/submission.js";
import { checkMilliseconds, checkOptions, show } from "../connection/check.js";
import type { AnyJobs, FunctionName, GivenWorkload, JobMap, WorkloadArguments } from "../jobs.js";
import type { Store } from "./store.js";

/** What submits jobs as a `Client` does, e.g. a `HubClient` of Cloudflare's. */
export interface Submitter<Jobs = AnyJobs> {
  background<Name extends FunctionName<Jobs>>(
    name: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, BackgroundOptions>
  ): Promise<{ readonly handle: string; readonly server: string }>;
}

/** Options of a scheduler. Times are in milliseconds. */
export interface SchedulerOptions<Jobs extends JobMap<Jobs> = AnyJobs> {
  /** Where the jobs wait. It may be shared with other schedulers. It is not closed with the scheduler. */
  store: Store;
  /** What submits them. Needed to `run` only: who just plans jobs leaves it out. It is not closed with the scheduler. */
  client?: Client<Jobs> | Submitter<Jobs> | undefined;
  /** How often the store is looked at for jobs that others have put in; default 500. */
  interval?: number | undefined;
  /** How many jobs are taken from the store and submitted at once; default 1,000. */
  batch?: number | undefined;
  /**
   * For how long jobs that were taken from the store belong to this scheduler: when it is killed, others have them after
   * that. Default 30,000; from 1,000 to 3,600,000. What isn't submitted in two thirds of it is given back.
   */
  lease?: number | undefined;
  /** How late a slot may be and is not missed yet, for jobs with `missed: "skip"`; default 60,000. */
  tolerance?: number | undefined;
  /** The longest wait before a store or a job server that is away is tried again; default 5,000. */
  maxDelay?: number | undefined;
  /** Until a store must have answered; default 10,000. */
  storeTimeout?: number | undefined;
  /** The clock, in milliseconds since 1970; default `Date.now`. For tests. */
  now?: (() => number) | undefined;
}

/** Far less than by what a clock is wrong whose leases are void: however schedulers are set, they mind each other's. */
const MOST_LEASE = 3_600_000;

/** Options, checked and complete. */
export interface SchedulerSettings {
  readonly store: Store;
  readonly client: Submitter | undefined;
  readonly interval: number;
  readonly batch: number;
  readonly lease: number;
  readonly tolerance: number;
  readonly maxDelay: number;
  readonly storeTimeout: number;
  readonly now: () => number;
}

const KNOWN: (keyof SchedulerOptions)[] = [
  ...(["store", "client", "interval", "batch", "lease", "tolerance", "maxDelay", "storeTimeout", "now"] as const),
];
const STORE: (keyof Store)[] = ["put", "get", "remove", "list", "claim", "settle", "next"];

/** @throws TypeError in words when one is wrong */
export function checkSchedulerOptions(options: SchedulerOptions): SchedulerSettings {
  checkOptions(options ?? null, "Scheduler", KNOWN);
  const { store, client, interval = 500, batch = 1_000, lease = 30_000, now = () => Date.now() } = options;
  const { tolerance = 60_000, maxDelay = 5_000, storeTimeout = 10_000 } = options;
  const lacks = STORE.find((name) => typeof (store as Partial<Store> | undefined)?.[name] !== "function");
  if (lacks !== undefined)
    throw new TypeError(
      `store must be a SqliteStore, a RedisStore or another Store: ${show(store)} has no ${lacks}() (docs/scheduler.md)`,
    );
  if (client !== undefined && typeof client?.background !== "function")
    throw new TypeError(`client must be a Client: ${show(client)} has no background()`);
  checkMilliseconds(interval, "interval", 1);
  checkMilliseconds(lease, "lease", 1_000);
  if (lease > MOST_LEASE)
    throw new TypeError(`lease must be a number of milliseconds from 1000 to ${MOST_LEASE}, not ${lease}`);
  checkMilliseconds(tolerance, "tolerance");
  checkMilliseconds(maxDelay, "maxDelay", 1);
  checkMilliseconds(storeTimeout, "storeTimeout", 1);
  if (typeof now !== "function") throw new TypeError(`now must be a function, not ${show(now)}`);
  checkInFlight(batch, "batch");
  return {
    store,
    client: client as Submitter | undefined,
    interval,
    batch,
    lease,
    tolerance,
    maxDelay,
    storeTimeout,
    now,
  };
}
