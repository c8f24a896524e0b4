import type { TaskCall } from "./call.js";

/**
 * The tasks that follow one job: gearmand sends each packet as many times as there are submissions. One that was given
 * up is `undefined`, and still has its turn.
 */
interface Several {
  readonly calls: (TaskCall | undefined)[];
  /** Whose turn the next packet is. */
  turn: number;
}

/** The tasks that follow the jobs of one connection, by the job's slot. A job nearly always has one, which stands for itself. */
export class Followers {
  readonly #jobs = new Map<number, TaskCall | Several>();

  /** Another task follows a job; `undefined` for one that was given up already. */
  add(slot: number, call: TaskCall | undefined): void {
    const before = this.#jobs.get(slot);
    if (!before) {
      this.#jobs.set(slot, call ?? { calls: [call], turn: 0 });
    } else if (isOne(before)) {
      this.#jobs.set(slot, { calls: [before, call], turn: 0 });
    } else {
      // The server attaches submissions between packets: a round of copies is over, and the next one has one more.
      before.calls.push(call);
      before.turn = 0;
    }
  }

  /** Whether anybody follows a job. */
  has(slot: number): boolean {
    return this.#jobs.has(slot);
  }

  /** Whose turn a packet about a job is, which may end it; and `last`, whether the job was followed by nobody else. */
  next(slot: number, ends: boolean): { call: TaskCall | undefined; last: boolean } {
    const job = this.#jobs.get(slot);
    if (!job || isOne(job)) {
      if (ends) this.#jobs.delete(slot);
      return { call: job, last: ends };
    }
    const call = job.calls[job.turn];
    if (!ends) job.turn = (job.turn + 1) % job.calls.length;
    return { call, last: ends && this.#leave(slot, job) };
  }

  /** A task was given up. */
  forget(call: TaskCall): void {
    const job = this.#jobs.get(call.slot);
    if (job === call) {
      this.#jobs.set(call.slot, { calls: [undefined], turn: 0 });
    } else if (job && !isOne(job)) {
      const place = job.calls.indexOf(call);
      if (place >= 0) job.calls[place] = undefined;
    }
  }

  /** A task no longer follows its job. The slot, when nobody else does. */
  remove(call: TaskCall): number | undefined {
    for (const [slot, job] of this.#jobs) {
      if (job === call) {
        this.#jobs.delete(slot);
        return slot;
      }
      if (isOne(job)) continue;
      const place = job.calls.indexOf(call);
      if (place < 0) continue;
      job.turn = place;
      return this.#leave(slot, job) ? slot : undefined;
    }
    return undefined;
  }

  /** Whether anybody follows a job, but for these. */
  besides(some: ReadonlyMap<TaskCall, unknown>): boolean {
    for (const job of this.#jobs.values()) {
      if (isOne(job) ? !some.has(job) : job.calls.some((call) => call && !some.has(call))) return true;
    }
    return false;
  }

  /** Takes all out that were not given up. */
  drain(): TaskCall[] {
    const calls = [...this.#jobs.values()].flatMap((job) => (isOne(job) ? [job] : job.calls.filter((call) => !!call)));
    this.#jobs.clear();
    return calls;
  }

  /** The one whose turn it is leaves. Whether it was the last. */
  #leave(slot: number, job: Several): boolean {
    job.calls.splice(job.turn, 1);
    if (job.turn >= job.calls.length) job.turn = 0;
    if (job.calls.length > 0) return false;
    this.#jobs.delete(slot);
    return true;
  }
}

function isOne(job: TaskCall | Several): job is TaskCall {
  return !("calls" in job);
}
