import type { Priority } from "../client/submission.js";

/** What becomes of slots that went by while no scheduler ran (docs/scheduler.md, "Missed slots"). */
export type Missed = "once" | "all" | "skip";

/** What a workload was when it was given, so that it is given to the client as the same again. */
export type Form = "bytes" | "text" | "json";

/** A scheduled job, as stores keep it. All but `name`, `id`, `rule` and `due` is the scheduler's own matter. */
export interface StoredJob {
  /** 46 bytes at most, without a NUL. */
  readonly name: string;
  /** Which writing of it this is: each `put` that replaces a job has another one. */
  readonly id: string;
  /** When it is repeated, as text (`every 60000`, `cron Europe/Berlin 0 3 * * *`); `""`: once. */
  readonly rule: string;
  /** The slot: when it is due, in whole milliseconds since 1970. */
  readonly due: number;
  readonly function: string;
  readonly workload: Uint8Array;
  readonly form: Form;
  readonly priority: Priority;
  readonly missed: Missed;
}

/** What is to become of a job that was claimed. It loses its lease. */
export interface Move {
  readonly name: string;
  /** As it was claimed: a job that has another `id` or `due` by now was changed meanwhile, and stays as it is. */
  readonly id: string;
  readonly due: number;
  /** Its next slot, and the time from which on it may be claimed; undefined: it leaves the store. */
  readonly to: { readonly due: number; readonly ready: number } | undefined;
}

/** Bytes of workloads that are held at once, unless it is one job's. */
export const MOST_BYTES = 16 * 1024 * 1024;

/** How much `claim` may take. */
export interface ClaimLimits {
  readonly jobs: number;
  /** Of workloads, together; a job that is larger by itself comes alone. */
  readonly bytes: number;
  /** A lease that ends later than this was given by a clock that was wrong: no right one comes near it. It is void. */
  readonly latest: number;
}

/**
 * Where jobs wait until they are due. Several schedulers may use one store at once: each method happens as a whole, or
 * not at all. A store that can't be had rejects; what it is asked for later is tried again.
 *
 * Times are those of the schedulers, in milliseconds since 1970. Beside what a job is, a store keeps with it `ready`,
 * the time from which on it may be claimed, and the end of its lease, if it has one.
 */
export interface Store {
  /**
   * Writes a job down: ready when it is due, without a lease. One of the same name is replaced; but if that has the same
   * `rule`, and not `""`, it keeps its `id`, `due`, `ready` and lease, and the rest is replaced.
   * @param only replaces nothing but a job with this `id`
   * @returns whether it was written
   */
  put(job: StoredJob, only?: string): Promise<boolean>;
  /** A job, by its name. */
  get(name: string): Promise<StoredJob | undefined>;
  /** Takes a job out. @returns whether there was one */
  remove(name: string): Promise<boolean>;
  /**
   * The jobs whose names come after this one (by their UTF-8 bytes; `""`: from the first on), in that order: so many at most,
   * and fewer where their workloads would have more than 16 MiB. None: there are no more.
   */
  list(after: string, limit: number): Promise<StoredJob[]>;
  /**
   * Jobs that are ready by `now`, those first that have been for longest. They get a lease that ends at `until`: they are
   * ready then, and not before, unless they are moved. A lease that ends later than `most.latest` is void; one that ends
   * later than `until` is not: schedulers' clocks and leases differ.
   */
  claim(now: number, until: number, most: ClaimLimits): Promise<StoredJob[]>;
  /** Carries moves out. */
  settle(moves: readonly Move[]): Promise<void>;
  /** When the first job is ready; undefined: there is none. */
  next(): Promise<number | undefined>;
}
