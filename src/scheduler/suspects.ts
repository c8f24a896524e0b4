import { uniqueOf } from "./job.js";
import type { StoredJob } from "./store.js";

/** Milliseconds that a job is put off for its first strike, and at most. */
const FIRST = 1_000;
const MOST = 60_000;

/** So many are remembered. */
const CAPACITY = 10_000;

/**
 * Jobs that could not be submitted when they were tried alone. It may be that no job server was there; but when another
 * one is taken soon after, it was the job itself, and it is put off for longer each time, so that it holds nobody up.
 */
export class Suspects {
  readonly #strikes = new Map<string, number>();
  readonly #open = new Set<string>();

  /** A job failed alone, and would be tried again after `delay`. @returns for how long to put it off, and whether it is to blame */
  failed(job: StoredJob, delay: number): { wait: number; blamed: boolean } {
    const unique = uniqueOf(job);
    if (this.#open.size < CAPACITY) this.#open.add(unique);
    const strikes = this.#strikes.get(unique) ?? 0;
    // The next try is another job's, if there is one.
    return { wait: Math.max(2 * delay, strikes && Math.min(MOST, FIRST * 2 ** strikes)), blamed: strikes > 0 };
  }

  /** Jobs were taken. */
  taken(jobs: readonly StoredJob[]): void {
    for (const job of jobs) {
      const unique = uniqueOf(job);
      this.#open.delete(unique);
      this.#strikes.delete(unique);
    }
    if (this.#strikes.size > CAPACITY) this.#strikes.clear();
    for (const unique of this.#open) this.#strikes.set(unique, (this.#strikes.get(unique) ?? 0) + 1);
    this.#open.clear();
  }
}
