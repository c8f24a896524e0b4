import { equal } from "./bytes.js";
import { hash } from "./hash.js";
import type { Job, JobFunction } from "./job.js";

/** The unique that stands for the workload itself. */
const BY_WORKLOAD = "-";

/**
 * The jobs that a later submit may join: those of the same function with the same unique, queued or running. The
 * unique `-` stands for the workload, and an empty one, or `-` with an empty workload, never joins (gearmand's job.cc).
 */
export class Uniques {
  /** The newest job of each unique, of whichever function; those of other functions are linked behind it. */
  readonly #newest = new Map<string, Job>();

  /** The job that a submit joins, if there is one. */
  find(fn: JobFunction, unique: string, workload: Uint8Array): Job | undefined {
    if (!joins(unique, workload)) return undefined;
    if (unique !== BY_WORKLOAD) return fn.byUnique.get(unique);
    let job = fn.byWorkload.get(hash(workload));
    while (job && !equal(job.workload, workload)) job = job.older;
    return job;
  }

  add(job: Job): void {
    if (!joins(job.unique, job.workload)) return;
    if (job.unique === BY_WORKLOAD) link(job.function.byWorkload, hash(job.workload), job);
    else {
      job.function.byUnique.set(job.unique, job);
      link(this.#newest, job.unique, job);
    }
  }

  /** Does nothing for a job that isn't in here any more: a cancelled one is taken out before its end. */
  remove(job: Job): void {
    if (!joins(job.unique, job.workload)) return;
    if (job.unique === BY_WORKLOAD) unlink(job.function.byWorkload, hash(job.workload), job);
    else if (job.function.byUnique.get(job.unique) === job) {
      job.function.byUnique.delete(job.unique);
      unlink(this.#newest, job.unique, job);
    }
  }

  /** The job with this unique, of whichever function: the newest of them. One by its workload can't be asked for. */
  newest(unique: string): Job | undefined {
    return this.#newest.get(unique);
  }
}

function joins(unique: string, workload: Uint8Array): boolean {
  return unique === BY_WORKLOAD ? workload.length > 0 : unique !== "";
}

function link<K>(map: Map<K, Job>, key: K, job: Job): void {
  const newest = map.get(key);
  job.older = newest;
  if (newest) newest.newer = job;
  map.set(key, job);
}

function unlink<K>(map: Map<K, Job>, key: K, job: Job): void {
  if (job.older) job.older.newer = job.newer;
  if (job.newer) job.newer.older = job.older;
  else if (map.get(key) === job) {
    if (job.older) map.set(key, job.older);
    else map.delete(key);
  }
  job.older = undefined;
  job.newer = undefined;
}
