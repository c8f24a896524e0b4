import { equal, hash } from "./bytes.js";
import type { Job, JobFunction } from "./job.js";

/** The unique that stands for the workload itself. */
const BY_WORKLOAD = "-";

/**
 * The jobs that a later submit may join: those of the same function with the same unique, queued or running. The
 * unique `-` stands for the workload, and an empty one, or `-` with an empty workload, never joins (gearmand's job.cc).
 */
export class Uniques {
  /** The newest job of each unique, or of each workload's hash. The others are linked behind it: one a function, rarely more than one. */
  readonly #byUnique = new Map<string, Job>();
  readonly #byWorkload = new Map<number, Job>();

  /** The job that a submit joins, if there is one. */
  find(fn: JobFunction, unique: string, workload: Uint8Array): Job | undefined {
    if (!joins(unique, workload)) return undefined;
    const workloads = unique === BY_WORKLOAD;
    let job = workloads ? this.#byWorkload.get(hash(workload)) : this.#byUnique.get(unique);
    while (job && !(job.function === fn && (!workloads || equal(job.workload, workload)))) job = job.older;
    return job;
  }

  add(job: Job): void {
    if (!joins(job.unique, job.workload)) return;
    if (job.unique === BY_WORKLOAD) link(this.#byWorkload, hash(job.workload), job);
    else link(this.#byUnique, job.unique, job);
  }

  remove(job: Job): void {
    if (!joins(job.unique, job.workload)) return;
    if (job.unique === BY_WORKLOAD) unlink(this.#byWorkload, hash(job.workload), job);
    else unlink(this.#byUnique, job.unique, job);
  }

  /** The job with this unique, of whichever function: the newest of them. One by its workload can't be asked for. */
  newest(unique: string): Job | undefined {
    return this.#byUnique.get(unique);
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

/** Does nothing for a job that isn't linked: a cancelled one is taken out before its end. */
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
