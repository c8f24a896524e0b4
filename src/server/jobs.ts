import { PacketType } from "../../assembly/protocol.js";
import { Delayed } from "./delayed.js";
import { Functions } from "./functions.js";
import { Job, type JobFunction, type Peer, type Submission } from "./job.js";
import type { JobDetails, Observer } from "./observer.js";
import { Uniques } from "./uniques.js";
import { type Picked, Workforce } from "./workforce.js";

/** Handles are numbered in 32 bits, as gearmand's are. */
const LAST_NUMBER = 0xffffffff;

/** What the options of a server say of its jobs. */
export interface JobRules {
  readonly handlePrefix: string;
  /** Losing so many workers ends a job. */
  readonly jobRetries: number;
  /** Whether a worker's functions with jobs of one priority take turns, or one function is served empty after the other. */
  readonly acrossFunctions: boolean;
  /** Whether sleeping workers are told when the time of a delayed job has come. */
  readonly wakeForDelayed: boolean;
  /** Whether a job that its worker had too long fails, instead of being given to the next. */
  readonly failLate: boolean;
}

/** All jobs of a server, and who works on them: what happens to a job from its submit to its end. */
export class Jobs {
  readonly functions = new Functions();
  /** Told of all that happens, while somebody listens. */
  observer: Observer | undefined;
  readonly #rules: JobRules;
  readonly #changed: () => void;
  readonly #byHandle = new Map<string, Job>();
  readonly #uniques = new Uniques();
  readonly #workforce: Workforce;
  readonly #delayed = new Delayed((job) => this.#due(job));
  #serial = 0;
  #paused = false;

  /** @param changed called when something has changed by itself, with the time */
  constructor(rules: JobRules, changed: () => void) {
    this.#rules = rules;
    this.#changed = changed;
    this.#workforce = new Workforce(rules.acrossFunctions);
  }

  /** All jobs, in the order of their submits. */
  get all(): Iterable<Job> {
    return this.#byHandle.values();
  }

  /** Whether no job is given out. */
  get paused(): boolean {
    return this.#paused;
  }

  pause(): void {
    this.#paused = true;
  }

  /** Gives out jobs again, and wakes those who have slept over some. */
  resume(): void {
    this.#paused = false;
    for (const fn of this.functions.all) if (fn.queues.some((queue) => queue.length > 0)) this.#workforce.wake(fn);
  }

  /** A submit: the new job, or the one that it joins, whose workload and priority then count. Undefined when the queue is full. */
  submit(submission: Submission): Job | undefined {
    const { unique, workload, client } = submission;
    const fn = this.functions.named(submission.function);
    let job = this.#uniques.find(fn, unique, workload);
    if (job) {
      job.join(client);
      this.observer?.job("submit", job, { joined: true });
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
    if (job.when * 1000 > Date.now()) {
      fn.delayed++;
      this.#delayed.add(job);
    } else this.#queue(job);
    this.observer?.job("submit", job, { joined: false });
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

  /** PRE_SLEEP: false when there is a job that this worker could grab, and it is to stay awake. */
  sleep(worker: Peer): boolean {
    this.#delayed.release();
    if (!this.#paused && this.#workforce.pick(worker)) return false;
    if (!worker.woken) this.#workforce.sleep(worker);
    return true;
  }

  /** The next job for a worker, which then has it. */
  grab(worker: Peer): Job | undefined {
    worker.sleeping = false;
    worker.woken = false;
    this.#delayed.release();
    if (this.#paused) return undefined;
    const picked = this.#workforce.pick(worker);
    return picked && this.#assign(picked);
  }

  /** A job is done, failed, or no longer wanted: nothing of it stays. */
  end(job: Job): void {
    if (job.worker) this.#release(job);
    else if (job.place >= 0) {
      job.function.delayed--;
      this.#delayed.remove(job);
    } else job.function.queues[job.priority]?.remove(job);
    this.#forget(job);
  }

  /**
   * `cancel job`: those who wait for it get a WORK_FAIL, and its unique is free. A job that runs stays its worker's,
   * whose result goes nowhere. False when there is no such job.
   */
  cancel(handle: string): boolean {
    const job = this.#byHandle.get(handle);
    if (!job) return false;
    if (job.cancelled) return true;
    job.tell((client) => client.packet(PacketType.WORK_FAIL, [job.handle]));
    if (job.worker) {
      job.cancelled = true;
      this.#uniques.remove(job);
      job.end();
    } else this.end(job);
    this.observer?.job("fail", job, { reason: "cancelled" });
    return true;
  }

  /** CAN_DO. A second one for the same function makes no second worker of it, as gearmand does. */
  canDo(worker: Peer, name: string, timeout: number): void {
    const fn = this.functions.named(name);
    if (this.#workforce.canDo(worker, fn, timeout)) this.observer?.ability(fn, worker);
  }

  /** CANT_DO: jobs of the function that the worker has are queued again. */
  cantDo(worker: Peer, name: string): void {
    const fn = this.functions.get(name);
    const ability = fn?.workers.get(worker);
    if (!ability) return;
    this.#takeAway(worker, "abilities", fn);
    this.#workforce.cantDo(ability);
  }

  /** RESET_ABILITIES: all jobs that the worker has are queued again. */
  resetAbilities(worker: Peer, reason: "abilities" | "disconnect" = "abilities"): void {
    this.#takeAway(worker, reason);
    for (const ability of worker.abilities) this.#workforce.cantDo(ability);
  }

  /**
   * A connection is gone. Queued jobs that nobody else wants are dropped. The running are left to their workers,
   * whose results nobody will hear.
   */
  leave(peer: Peer): void {
    for (const job of [...peer.followed]) {
      job.leave(peer);
      if (job.wanted || job.worker) continue;
      this.end(job);
      this.observer?.job("abandon", job, {});
    }
    this.resetAbilities(peer, "disconnect");
  }

  /** The server closes: no timer runs on. */
  close(): void {
    this.#delayed.close();
    for (const job of this.#byHandle.values()) clearTimeout(job.timer);
  }

  #nextHandle(): string {
    let handle: string;
    do {
      handle = `${this.#rules.handlePrefix}:${((this.#serial - 1) % LAST_NUMBER) + 1}`;
      // A job may still be there when the numbers come round to it again.
    } while (this.#byHandle.has(handle) && this.#serial++);
    return handle;
  }

  #due(job: Job): void {
    job.function.delayed--;
    this.#queue(job, this.#rules.wakeForDelayed);
    this.#changed();
  }

  #queue(job: Job, wake = true): void {
    if (wake && !this.#paused) this.#workforce.wake(job.function);
    job.function.queues[job.priority]?.push(job);
    this.#workforce.queued(job);
  }

  #assign({ job, ability }: Picked): Job {
    const { worker, timeout } = ability;
    const { function: fn, priority } = job;
    this.#workforce.turn(ability);
    fn.queues[priority]?.remove(job);
    fn.running++;
    job.worker = worker;
    worker.running.add(job);
    if (timeout > 0) job.timer = setTimeout(() => this.#late(job), timeout);
    this.observer?.job("start", job, {});
    return job;
  }

  /** A worker has had a job for too long. */
  #late(job: Job): void {
    if (this.#rules.failLate) {
      this.#release(job);
      this.#fail(job, "timeout");
    } else this.#requeue(job, "timeout");
    this.#changed();
  }

  /** Takes all jobs from a worker, or those of a function: the last one first, as gearmand does. */
  #takeAway(worker: Peer, reason: JobDetails["requeue"]["reason"], fn?: JobFunction): void {
    for (const job of [...worker.running].reverse()) if (!fn || job.function === fn) this.#requeue(job, reason);
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
  #requeue(job: Job, reason: JobDetails["requeue"]["reason"]): void {
    this.#release(job);
    job.retries++;
    job.numerator = 0;
    job.denominator = 0;
    if (job.wanted && job.retries < this.#rules.jobRetries) {
      this.#queue(job);
      this.observer?.job("requeue", job, { reason });
    } else this.#fail(job, "retries");
  }

  /** A job that is neither queued nor running fails. */
  #fail(job: Job, reason: "retries" | "timeout"): void {
    const { wanted, cancelled } = job;
    job.tell((client) => client.packet(PacketType.WORK_FAIL, [job.handle]));
    this.#forget(job);
    // A cancelled job has failed already.
    if (cancelled) return;
    if (wanted) this.observer?.job("fail", job, { reason });
    else this.observer?.job("abandon", job, {});
  }

  /** Nothing of a job that is neither queued nor running stays. */
  #forget(job: Job): void {
    job.ended = true;
    job.function.total--;
    this.#byHandle.delete(job.handle);
    this.#uniques.remove(job);
    job.end();
  }
}
