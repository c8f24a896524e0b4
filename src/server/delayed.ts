import type { Job } from "./job.js";

/** The longest that a timer runs, in milliseconds: the clock that `when` is compared with may be set in the meantime. */
const LONGEST_NAP = 60_000;

/** The jobs whose time has not come (SUBMIT_JOB_EPOCH): a heap, the earliest on top, and one timer for all. */
export class Delayed {
  readonly #heap: Job[] = [];
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
    job.place = this.#heap.push(job) - 1;
    this.#up(job);
    if (job.place === 0) this.#arm();
  }

  /** Takes out a job that is in here. */
  remove(job: Job): void {
    const last = this.#heap.pop() as Job;
    if (last !== job) {
      this.#put(last, job.place);
      this.#up(last);
      this.#down(last);
    }
    job.place = -1;
  }

  /** Hands out the jobs whose time has come. */
  release(): void {
    const now = Math.floor(Date.now() / 1000);
    for (let job = this.#heap[0]; job && job.when <= now; job = this.#heap[0]) {
      this.remove(job);
      this.#due(job);
    }
  }

  close(): void {
    clearTimeout(this.#timer);
    this.#heap.length = 0;
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const [first] = this.#heap;
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

  #put(job: Job, place: number): void {
    this.#heap[place] = job;
    job.place = place;
  }

  #up(job: Job): void {
    while (job.place > 0) {
      const parent = this.#heap[(job.place - 1) >> 1] as Job;
      if (!before(job, parent)) return;
      this.#swap(job, parent);
    }
  }

  #down(job: Job): void {
    for (;;) {
      const left = this.#heap[job.place * 2 + 1];
      const right = this.#heap[job.place * 2 + 2];
      const child = left && right && before(right, left) ? right : left;
      if (!child || !before(child, job)) return;
      this.#swap(child, job);
    }
  }

  #swap(a: Job, b: Job): void {
    const { place } = a;
    this.#put(a, b.place);
    this.#put(b, place);
  }
}

/** Jobs of the same second are due in the order of their submits. */
function before(a: Job, b: Job): boolean {
  return a.when < b.when || (a.when === b.when && a.serial < b.serial);
}
