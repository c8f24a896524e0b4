import { checkOptions } from "../connection/check.js";
import { Emitter } from "../events.js";
import type { AnyJobs, FunctionName, GivenWorkload, JobMap, WorkloadArguments } from "../jobs.js";
import type { PayloadInput } from "../payload.js";
import type { SchedulerEvents } from "./events.js";
import { checkName, newJob, type PlanOptions, type ScheduledJob, timing, toScheduled, type When } from "./job.js";
import { Memory } from "./memory.js";
import { checkSchedulerOptions, type SchedulerOptions, type SchedulerSettings } from "./options.js";
import { Run } from "./run.js";
import type { StoredJob } from "./store.js";
import { within } from "./within.js";

/** Options of `every`. */
export interface EveryOptions extends PlanOptions {
  /** One of the slots, which the others lie around; none comes before it. Default: the first one is `every` from now. */
  readonly from?: Date | number | undefined;
}

/** Options of `cron`. */
export interface CronOptions extends PlanOptions {
  /** The time zone that the expression is meant in, e.g. `"Europe/Berlin"`; default `"UTC"`. */
  readonly timeZone?: string | undefined;
}

/** Options of `run`. */
export interface SchedulerRunOptions {
  /** Ends the run, in peace: what was taken from the store is submitted first. */
  readonly signal?: AbortSignal | undefined;
}

/** How many jobs of a store are held at once. */
const PAGE = 100;

/** How often `reschedule` tries anew, when others change the same job at the same time. */
const TRIES = 10;

/**
 * Submits jobs to Gearman when they are due: once at a time, or repeatedly. Jobs wait in a store, by name, and leave it
 * only after a job server has taken them. Any number of schedulers may share a store, on as many machines as you like;
 * each job goes out with the unique `name:slot`, so that one that goes out twice is one, as long as it is queued or runs.
 *
 * `Jobs` maps function names to what they take, as `Client`'s does. docs/scheduler.md tells the rest.
 */
export class Scheduler<Jobs extends JobMap<Jobs> = AnyJobs>
  extends Emitter<SchedulerEvents>
  implements AsyncDisposable
{
  readonly #settings: SchedulerSettings;
  readonly #memory: Memory;
  #run: Run | undefined;
  #running: Promise<unknown> | undefined;

  /** @throws TypeError when an option is wrong */
  constructor(options: SchedulerOptions<Jobs>) {
    super();
    this.#settings = checkSchedulerOptions(options as SchedulerOptions);
    this.#memory = new Memory(this.#settings.maxDelay);
  }

  /**
   * Has a job run once, at a time; one gone by is now. A job of the same name is replaced.
   * @throws TypeError (as a rejection) when an argument is wrong; otherwise what the store throws
   */
  at<Name extends FunctionName<Jobs>>(
    name: string,
    time: Date | number,
    called: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, PlanOptions>
  ): Promise<ScheduledJob> {
    return this.#plan(name, () => ({ at: time }), called, args as Plan);
  }

  /** Has a job run once, in so many milliseconds; otherwise as `at`. */
  delay<Name extends FunctionName<Jobs>>(
    name: string,
    milliseconds: number,
    called: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, PlanOptions>
  ): Promise<ScheduledJob> {
    return this.#plan(name, () => ({ delay: milliseconds }), called, args as Plan);
  }

  /**
   * Has a job run every so many milliseconds. A job of the same name that is repeated in the same way keeps its slots,
   * and its workload and options are replaced: a program may say at each start what it wants. Otherwise as `at`.
   */
  every<Name extends FunctionName<Jobs>>(
    name: string,
    milliseconds: number,
    called: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, EveryOptions>
  ): Promise<ScheduledJob> {
    const [workload, options] = args as Plan<EveryOptions>;
    const when = () => {
      checkOptions(options, "every", ["from", "priority", "missed"]);
      return { every: milliseconds, from: options?.from };
    };
    const { from: _, ...rest } = options ?? {};
    return this.#plan(name, when, called, [workload, rest]);
  }

  /**
   * Has a job run by a cron expression: `"0 3 * * *"`, with seconds before it if there are six parts, or `"@daily"`.
   * Otherwise as `every`.
   */
  cron<Name extends FunctionName<Jobs>>(
    name: string,
    expression: string,
    called: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, CronOptions>
  ): Promise<ScheduledJob> {
    const [workload, options] = args as Plan<CronOptions>;
    const when = () => {
      checkOptions(options, "cron", ["timeZone", "priority", "missed"]);
      return { cron: expression, timeZone: options?.timeZone };
    };
    const { timeZone: _, ...rest } = options ?? {};
    return this.#plan(name, when, called, [workload, rest]);
  }

  /** The jobs that wait, by name, read a few at a time. */
  async *list(): AsyncGenerator<ScheduledJob, void, undefined> {
    for await (const job of this.#stored()) yield toScheduled(job);
  }

  /** A job that waits; undefined: there is none of this name. */
  async get(name: string): Promise<ScheduledJob | undefined> {
    checkName(name);
    const job = await this.#ask(() => this.#settings.store.get(name));
    return job && toScheduled(job);
  }

  /** Takes a job back. One that is being submitted at this moment still goes out. @returns whether there was one */
  async cancel(name: string): Promise<boolean> {
    checkName(name);
    return this.#ask(() => this.#settings.store.remove(name));
  }

  /**
   * Gives a job other times; the rest of it stays: `{ at }`, `{ delay }`, `{ every, from }` or `{ cron, timeZone }`.
   * @returns the job; undefined: there is none of this name (any more)
   * @throws TypeError (as a rejection) when `when` can't be
   */
  async reschedule(name: string, when: When): Promise<ScheduledJob | undefined> {
    checkName(name);
    const { store } = this.#settings;
    const time = timing(when, this.#now());
    for (let tries = 0; tries < TRIES; tries++) {
      const job = await this.#ask(() => store.get(name));
      if (!job) return undefined;
      const changed = { ...job, ...time, id: crypto.randomUUID() };
      if (await this.#ask(() => store.put(changed, job.id))) return this.#planned(changed);
    }
    throw new Error(`the scheduled job ${JSON.stringify(name)} is being changed by others all the time`);
  }

  /**
   * Submits what is due, until the signal aborts or the scheduler is closed. A store or a job server that is away is
   * tried again and again; the events tell of it.
   * @throws TypeError (as a rejection) without a client, and when it runs already
   */
  async run(options?: SchedulerRunOptions): Promise<void> {
    checkOptions(options, "run", ["signal"]);
    await this.#work((run) => run.toEnd(options?.signal));
    this.emit("close", {});
  }

  /**
   * Submits what is due now, and returns: for whoever is woken by something else (an alarm, a cron trigger). Call it of the
   * same scheduler, as long as you have it: it remembers what was away, and which jobs hold others up.
   * @param limit milliseconds after which it begins no further batch
   * @returns in how many milliseconds it should be called again; undefined: nothing waits
   */
  async runDue(limit: number = Number.POSITIVE_INFINITY): Promise<number | undefined> {
    return this.#work((run) => run.due(limit));
  }

  /** Ends the run: what was taken from the store is submitted first. */
  async close(): Promise<void> {
    this.#run?.stop();
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #work<T>(work: (run: Run) => Promise<T>): Promise<T> {
    const { client } = this.#settings;
    if (!client)
      throw new TypeError("this scheduler has no client, and can only plan: new Scheduler({ store, client })");
    if (this.#run) throw new TypeError("this scheduler runs already");
    const run = new Run(this.#settings, client, this.#memory, (name, event) => this.emit(name, event));
    this.#run = run;
    const running = work(run);
    this.#running = running;
    try {
      return await running;
    } finally {
      this.#run = undefined;
    }
  }

  async #plan(name: string, when: () => When, called: string, [workload, options]: Plan): Promise<ScheduledJob> {
    const job = newJob(name, when(), this.#now(), called, workload, options);
    await this.#ask(() => this.#settings.store.put(job));
    if (job.rule === "") return this.#planned(job);
    // It may have kept the slot that it had.
    const kept = await this.#ask(() => this.#settings.store.get(name));
    return this.#planned(kept ?? job);
  }

  #planned(job: StoredJob): ScheduledJob {
    this.#run?.wake();
    return toScheduled(job);
  }

  async *#stored(): AsyncGenerator<StoredJob, void, undefined> {
    for (let after = ""; ; ) {
      const from = after;
      const page = await this.#ask(() => this.#settings.store.list(from, PAGE));
      const last = page.at(-1);
      if (!last) return;
      yield* page;
      after = last.name;
    }
  }

  #ask<T>(call: () => Promise<T>): Promise<T> {
    return within(call, this.#settings.storeTimeout);
  }

  #now(): number {
    return Math.floor(this.#settings.now());
  }
}

type Plan<Options = PlanOptions> = [workload?: PayloadInput, options?: Options];
