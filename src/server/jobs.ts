import { PacketType } from "../../assembly/protocol.js";
import { Delayed } from "./delayed.js";
import { type Ability, Job, JobFunction, type Peer, type Submission } from "./job.js";
import { Uniques } from "./uniques.js";

/** Handles are numbered in 32 bits, as gearmand's are. */
const LAST_NUMBER = 0xffffffff;

/** All jobs of a server, and who works on them: what happens to a job from its submit to its end. */
export class Jobs {
  /** By name. As in gearmand a function stays once it was named, jobs or not. */
  readonly functions = new Map<string, JobFunction>();
  readonly #handlePrefix: string;
  readonly #jobRetries: number;
  readonly #byHandle = new Map<string, Job>();
  readonly #uniques = new Uniques();
  readonly #delayed = new Delayed((job) => this.#queue(job));
  #serial = 0;

  /** @param jobRetries losing so many workers ends a job */
  constructor(handlePrefix: string, jobRetries: number) {
    this.#handlePrefix = handlePrefix;
    this.#jobRetries = jobRetries;
  }

  /** A submit: the new job, or the one that it joins, whose workload and priority then count. Undefined when the queue is full. */
  submit(submission: Submission): Job | undefined {
    const { unique, workload, client } = submission;
    const fn = this.function(submission.function);
    let job = this.#uniques.find(fn, unique, workload);
    if (job) {
      job.join(client);
      return job;
    }
    // All of a function's jobs are held against the limit of the new one's priority (gearmand's job.cc).
    const limit = fn.limits[submission.priority];
    if (limit > 0 && fn.total >= limit) return undefined;
    job = new Job(++this.#serial, this.#nextHandle(), fn, submission);
    job.join(client);
    fn.total++;
    this.#byHandle.set(job.handle, job);
    this.#uniques.add(job);
    // Not even queued before its time: gearmand wakes workers for it that then find nothing.
    if (job.when * 1000 > Date.now()) this.#delayed.add(job);
    else this.#queue(job);
    return job;
  }

  /** The job with this handle. */
  get(handle: string): Job | undefined {
    return this.#byHandle.get(handle);
  }

  /** The newest job with this unique, of whichever function. */
  newest(unique: string): Job | undefined {
    return this.#uniques.newest(unique);
  }

  /** The job with this handle, if this worker has it. One that was taken away from it is none of its business any more. */
  grabbed(handle: string, worker: Peer): Job | undefined {
    const job = this.#byHandle.get(handle);
    return job?.worker === worker ? job : undefined;
  }

  /** Whether there is a job that this worker could grab. */
  waits(worker: Peer): boolean {
    this.#delayed.release();
    return worker.abilities.some((ability) => ability.function.queues.some((queue) => queue.length > 0));
  }

  /**
   * The next job for a worker. Priority comes first, over all its functions; those with jobs of one priority take
   * turns, beginning with the one registered last (gearmand 2's gearmand_con.cc; 1.x serves one function empty first).
   */
  grab(worker: Peer): Job | undefined {
    this.#delayed.release();
    const { abilities } = worker;
    for (const priority of [0, 1, 2]) {
      for (const [index, ability] of abilities.entries()) {
        const job = ability.function.queues[priority]?.first;
        if (!job) continue;
        abilities.splice(index, 1);
        abilities.push(ability);
        this.#assign(job, worker, ability);
        return job;
      }
    }
    return undefined;
  }

  /** A job is done, failed, or no longer wanted: nothing of it stays. */
  end(job: Job): void {
    if (job.worker) this.#release(job);
    else if (job.place >= 0) this.#delayed.remove(job);
    else job.function.queues[job.priority]?.remove(job);
    this.#forget(job);
  }

  /** CAN_DO. A second one for the same function only sets its timeout, where gearmand counts a second worker. */
  canDo(worker: Peer, name: string, timeout: number): void {
    const fn = this.function(name);
    const known = fn.workers.get(worker);
    if (known) {
      known.timeout = timeout;
      return;
    }
    const ability: Ability = { function: fn, timeout };
    fn.workers.set(worker, ability);
    worker.abilities.unshift(ability);
  }

  /** CANT_DO: jobs of the function that the worker has are queued again. */
  cantDo(worker: Peer, name: string): void {
    const fn = this.functions.get(name);
    const ability = fn?.workers.get(worker);
    if (!fn || !ability) return;
    fn.workers.delete(worker);
    worker.abilities.splice(worker.abilities.indexOf(ability), 1);
    for (const job of [...worker.running]) if (job.function === fn) this.#requeue(job);
  }

  /** RESET_ABILITIES: all jobs that the worker has are queued again. */
  resetAbilities(worker: Peer): void {
    for (const { function: fn } of worker.abilities) fn.workers.delete(worker);
    worker.abilities.length = 0;
    for (const job of [...worker.running]) this.#requeue(job);
  }

  /**
   * A connection is gone. Queued jobs that nobody else wants are dropped. The running are left to their workers,
   * whose results nobody will hear.
   */
  leave(peer: Peer): void {
    for (const job of [...peer.followed]) {
      job.leave(peer);
      if (!job.wanted && !job.worker) this.end(job);
    }
    this.resetAbilities(peer);
  }

  /** The server closes: no timer runs on. */
  close(): void {
    this.#delayed.close();
    for (const job of this.#byHandle.values()) clearTimeout(job.timer);
  }

  /** The function of this name, a new one if there was none. */
  function(name: string): JobFunction {
    let fn = this.functions.get(name);
    if (!fn) {
      fn = new JobFunction(name);
      this.functions.set(name, fn);
    }
    return fn;
  }

  #nextHandle(): string {
    let handle: string;
    do {
      handle = `${this.#handlePrefix}:${((this.#serial - 1) % LAST_NUMBER) + 1}`;
      // A job may still be there when the numbers come round to it again.
    } while (this.#byHandle.has(handle) && this.#serial++);
    return handle;
  }

  #queue(job: Job): void {
    for (const worker of job.function.workers.keys()) worker.wake();
    job.function.queues[job.priority]?.push(job);
  }

  #assign(job: Job, worker: Peer, ability: Ability): void {
    const { function: fn, priority } = job;
    fn.queues[priority]?.remove(job);
    fn.running++;
    job.worker = worker;
    worker.running.add(job);
    if (ability.timeout > 0) job.timer = setTimeout(() => this.#requeue(job), ability.timeout);
  }

  /** Takes a running job from its worker. */
  #release(job: Job): void {
    clearTimeout(job.timer);
    job.timer = undefined;
    job.function.running--;
    job.worker?.running.delete(job);
    job.worker = undefined;
  }

  /** The worker that had a job is lost to it: the job goes to the end of its queue, unless that was once too often. */
  #requeue(job: Job): void {
    this.#release(job);
    job.retries++;
    job.numerator = 0;
    job.denominator = 0;
    if (job.wanted && job.retries < this.#jobRetries) {
      this.#queue(job);
      return;
    }
    job.tell((client) => client.packet(PacketType.WORK_FAIL, [job.handle]));
    this.#forget(job);
  }

  /** Nothing of a job that is neither queued nor running stays. */
  #forget(job: Job): void {
    job.function.total--;
    this.#byHandle.delete(job.handle);
    this.#uniques.remove(job);
    job.end();
  }
}
