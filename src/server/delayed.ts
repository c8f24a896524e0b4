import { Heap } from "./heap.js";
import type { Job } from "./job.js";

/** The longest that a timer runs, in milliseconds: the clock that `when` is compared with may be set in the meantime. */
const LONGEST_NAP = 60_000;

/** The jobs whose time has not come (SUBMIT_JOB_EPOCH), and one timer for all. */
export class Delayed {
  readonly #heap = new Heap<Job>(before);
  readonly #due: (job: Job) => void;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** @param due called with each job whose time has come, the earliest first */
  constructor(due: (job: Job) => void) {
    this.#due = due;
  }

  get length(): number {
    return this.#heap.length;
  }

  add(job: Job): void {
    this.#heap.add(job);
    if (job.place === 0) this.#arm();
  }

  /** Takes out a job that is in here. */
  remove(job: Job): void {
    this.#heap.remove(job);
  }

  /** Hands out the jobs whose time has come. */
  release(): void {
    const now = Math.floor(Date.now() / 1000);
    for (let { first: job } = this.#heap; job && job.when <= now; job = this.#heap.first) {
      this.remove(job);
      this.#due(job);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#heap.clear();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const { first } = this.#heap;
    if (!first) return;
    // Timers may run a moment early: then the next one is short.
    const nap = Math.max(1, first.when * 1000 - Date.now());
    this.#timer = setTimeout(
      () => {
        this.release();
        this.#arm();
      },
      Math.min(nap, LONGEST_NAP),
    );
  }
}

/** Jobs of the same second are due in the order of their submits. */
function before(a: Job, b: Job): boolean {
  return a.when < b.when || (a.when === b.when && a.serial < b.serial);
}
