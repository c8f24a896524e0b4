/** Deaths in a row that are a loop. */
const LOOP = 5;

/** Whoever lives longer than this before it dies is replaced at once, in milliseconds. */
const SHORT_LIFE = 5_000;

/** The wait after the second death in a row, doubled at each, and the longest, in milliseconds. */
const FIRST_DELAY = 100;
const LONGEST_DELAY = 30_000;

/** Deaths within so long, in milliseconds, are counted though jobs were done between them. */
const WHILE = 60_000;

/** How many of those, for each worker, are a loop, and what the next start waits then, in milliseconds. */
const OFTEN = 5;
const OFTEN_DELAY = 500;

/** What the deaths of workers come to. */
export interface Verdict {
  /** Milliseconds until the next one should be started. */
  readonly delay: number;
  /** How many there were, when they are a loop. */
  readonly loop: number | undefined;
}

/** Counts the workers that die: one that has done a job is a stroke of fate, many that have done none are a loop. */
export class Deaths {
  #row = 0;
  #recent: number[] = [];

  /** A worker has done a job. */
  reset(): void {
    this.#row = 0;
  }

  /** A worker has died, having lived for so long, and done so many jobs, beside so many others. */
  add({ lived, jobs, workers }: { lived: number; jobs: number; workers: number }): Verdict {
    const now = performance.now();
    this.#recent = [...this.#recent.filter((time) => now - time < WHILE), now];
    this.#row = jobs > 0 ? 0 : this.#row + 1;
    if (this.#row >= LOOP || (this.#row > 1 && lived < SHORT_LIFE)) {
      const delay = lived < SHORT_LIFE ? Math.min(LONGEST_DELAY, FIRST_DELAY * 2 ** Math.min(20, this.#row - 2)) : 0;
      return { delay, loop: this.#row >= LOOP ? this.#row : undefined };
    }
    const often = this.#recent.length > Math.max(2 * LOOP, OFTEN * workers);
    return often ? { delay: OFTEN_DELAY, loop: this.#recent.length } : { delay: 0, loop: undefined };
  }
}
