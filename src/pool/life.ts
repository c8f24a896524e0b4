import { loadExport, loadHandler, planWorkers } from "../config/index.js";
import { sleep } from "../connection/wait.js";
import { type Job, Worker } from "../index.js";
import { type Assignment, pingFunction } from "./assignment.js";
import type { JobOutcome, LeaveReason } from "./events.js";
import { checkHooks, HookCalls, type HookContext } from "./hooks.js";
import type { FromWorker } from "./messages.js";
import { NewsDesk } from "./news.js";

/** How often a worker looks after itself, in milliseconds: what it takes, how long it idles. */
const LOOK = 1_000;

/** How often memory is asked for after jobs, in milliseconds at the least: the system takes a moment to say it. */
const MEMORY_LOOK = 50;

/**
 * How long the hooks of the last jobs are waited for at the end, and then the last one, in milliseconds: less in all than a
 * pool waits for a worker that has to end.
 */
const LATE_HOOKS = 500;
const LAST_HOOK = 1_250;

/** So many characters of a workload are told. */
const WORKLOAD = 1_024;

/** The life of one worker of a pool, in its process or thread: from its handlers to its last job. */
export class Life {
  readonly #assignment: Assignment;
  readonly #thread: boolean;
  readonly #send: (message: FromWorker) => void;
  readonly #end: (message: FromWorker) => void;
  readonly #news: NewsDesk;
  readonly #workers: Worker[] = [];
  /** Jobs in hand, with their numbers, and when they began. */
  readonly #running = new Map<Job, { readonly number: number; readonly begin: number }>();
  #hooks = new HookCalls({}, () => {});
  #started = 0;
  #jobs = 0;
  #lastEnd = performance.now();
  #lastMemoryLook = 0;
  #sleeping = false;
  #left = false;
  #looking: ReturnType<typeof setInterval> | undefined;
  #lifetime: ReturnType<typeof setTimeout> | undefined;

  constructor(
    assignment: Assignment,
    port: { readonly thread: boolean; send(message: FromWorker): void; end(message: FromWorker): void },
  ) {
    this.#assignment = assignment;
    this.#thread = port.thread;
    this.#send = (message) => port.send(message);
    this.#end = (message) => port.end(message);
    this.#news = new NewsDesk((news) => port.send({ type: "news", news }));
  }

  /** Bytes: of a thread, its heap, as the rest is the process's. */
  get #memory(): number {
    return this.#thread ? process.memoryUsage().heapUsed : process.memoryUsage.rss();
  }

  get #idle(): number {
    return this.#running.size > 0 ? 0 : performance.now() - this.#lastEnd;
  }

  /**
   * Loads the handlers and the hooks.
   * @throws what is wrong with one of them
   */
  async load(): Promise<void> {
    const { group, servers, worker: number } = this.#assignment;
    const { hooks } = group.pool;
    if (hooks) {
      const found = checkHooks(await loadExport(hooks), `${hooks.file}#${hooks.name}`);
      this.#hooks = new HookCalls(found, (error) => this.#news.tell({ at: "error", error: error.message }));
    }
    const plans = planWorkers(group);
    // A process that has one job has one connection, whatever its functions want to have at once.
    const wanted = group.pool.atomic
      ? [{ concurrency: 1, functions: plans.flatMap(({ functions }) => [...functions]) }]
      : plans;
    const id = `${group.name}-${number}`.replace(/\s/g, "_").slice(0, 64);
    for (const { concurrency, functions } of wanted) {
      const worker = new Worker([...servers], { concurrency, id });
      for (const [name, settings] of functions) {
        const handler = await loadHandler(settings);
        const { timeout, retry } = settings;
        worker.add(name, this.#hooked(handler as (job: Job) => unknown), {
          ...(timeout !== undefined && { timeout }),
          ...(retry && { retry }),
        });
      }
      this.#listen(worker, this.#workers.length);
      this.#workers.push(worker);
    }
    // Last, so that gearmand 1.x looks for it first.
    this.#workers[0]?.add(pingFunction(group.name), () => ({ worker: number, pid: process.pid }));
    for (const instance of this.#workers) await this.#hooks.call("beforeRun", () => ({ ...this.#context(), instance }));
    this.#send({ type: "loaded", memory: this.#memory, connections: this.#workers.length });
  }

  /** Connects and works, until something has it leave. */
  run(): void {
    if (this.#left) return;
    const { timeout, maxLifetime, count, atomic } = this.#assignment.group.pool;
    this.#lastEnd = performance.now();
    this.#looking = setInterval(() => this.#look(), Math.min(LOOK, Math.max(10, (timeout ?? LOOK) / 4)));
    // Workers that were started at once are not to leave at once.
    if (maxLifetime !== undefined)
      this.#lifetime = setTimeout(() => this.leave("lifetime"), maxLifetime * (0.9 + Math.random() / 10));
    const [only, ...others] = this.#workers;
    const limited = count !== undefined && !atomic && others.length === 0 && this.#concurrency > 1;
    for (const worker of this.#workers)
      worker.run(limited && worker === only ? { maxJobs: count } : {}).then(
        () => this.leave("count"),
        (error) => this.fail(error),
      );
  }

  /** Grabs no more, finishes what is in hand, within so many milliseconds where some are given, and ends the process. */
  leave(reason: LeaveReason, { grace, why }: { grace?: number; why?: string } = {}): void {
    const limit = grace === undefined ? {} : { timeout: grace };
    if (this.#left) {
      // Whoever calls again has less time.
      if (grace !== undefined) for (const worker of this.#workers) void worker.close(limit);
      return;
    }
    this.#left = true;
    clearInterval(this.#looking);
    clearTimeout(this.#lifetime);
    this.#news.flush();
    this.#send({ type: "leaving", reason, ...(why !== undefined && { why }) });
    void Promise.all(this.#workers.map((worker) => worker.close(limit))).then(async (closed) => {
      const aborted = closed.reduce((sum, worker) => sum + worker.aborted, 0);
      for (const job of [...this.#running.keys()]) this.#over(job, "killed", "it was not waited for any longer");
      await this.#lastHooks();
      this.#news.flush();
      this.#end({ type: "done", aborted });
    });
  }

  /** Says what is wrong, and ends the process. */
  fail(error: unknown): void {
    if (this.#left) return;
    this.#left = true;
    this.#news.flush();
    this.#end({ type: "failed", message: error instanceof Error ? error.message : String(error) });
  }

  get #concurrency(): number {
    const { group } = this.#assignment;
    return group.pool.atomic ? 1 : planWorkers(group).reduce((sum, { concurrency }) => sum + concurrency, 0);
  }

  /** Waits for the hooks of the last jobs, and for the last of all. */
  async #lastHooks(): Promise<void> {
    if (this.#hooks.late > 0) await Promise.race([this.#hooks.settled(), sleep(LATE_HOOKS)]);
    if (this.#hooks.has("afterRun"))
      await Promise.race([this.#hooks.call("afterRun", () => this.#context()), sleep(LAST_HOOK)]);
  }

  /** A handler with the hook that goes before it. */
  #hooked(handler: (job: Job) => unknown): (job: Job) => unknown {
    if (!this.#hooks.has("beforeFunction")) return handler;
    return async (job) => {
      await this.#hooks.call("beforeFunction", () => ({ ...this.#context(), job }));
      return handler(job);
    };
  }

  #listen(worker: Worker, via: number): void {
    const hook = (
      name: "beforeConnect" | "afterConnect" | "beforeRegister" | "afterRegister" | "noJobs",
      server: string,
    ) => void this.#hooks.call(name, () => ({ ...this.#context(), server }));
    const ping = pingFunction(this.#assignment.group.name);
    worker
      .on("connecting", ({ server }) => {
        this.#news.tell({ at: "connecting", server });
        hook("beforeConnect", server);
      })
      .on("connect", ({ server, duration }) => {
        this.#news.tell({ at: "connect", server, duration });
        hook("afterConnect", server);
        this.#news.tell({ at: "registering", server });
        hook("beforeRegister", server);
      })
      .on("register", ({ server, functions }) => {
        this.#news.tell({ at: "register", server, via, functions: functions.filter((name) => name !== ping) });
        hook("afterRegister", server);
      })
      .on("noJob", ({ server }) => {
        this.#news.tell({ at: "no-jobs", server });
        hook("noJobs", server);
      })
      .on("sleep", ({ server }) => {
        this.#news.tell({ at: "idle", server });
        this.#sleeping = true;
        void this.#hooks.call("idle", () => this.#context());
      })
      .on("start", ({ job }) => {
        if (job.function !== ping) this.#begin(job);
      })
      .on("complete", ({ job }) => this.#over(job, "complete"))
      .on("fail", ({ job, error }) => this.#over(job, "failure", error))
      .on("exception", ({ job, error }) => this.#over(job, "exception", error))
      .on("discard", ({ job, server }) => {
        if (job) this.#over(job, "lost", `the connection to ${server} was lost`);
      })
      .on("disconnect", ({ server, error }) =>
        this.#news.tell({ at: "disconnect", server, via, ...(error && { error: error.message }) }),
      )
      .on("error", ({ error }) => this.#news.tell({ at: "error", error: error.message }));
  }

  #begin(job: Job): void {
    const { group, workloads } = this.#assignment;
    const { atomic, count } = group.pool;
    this.#sleeping = false;
    const number = ++this.#started;
    this.#running.set(job, { number, begin: performance.now() });
    this.#news.tell({
      at: "start",
      job: number,
      function: job.function,
      handle: job.handle,
      ...(workloads && { workload: job.workload.text().slice(0, WORKLOAD) }),
    });
    if (atomic) this.leave("atomic");
    else if (count !== undefined && this.#started >= count) this.leave("count");
  }

  #over(job: Job, outcome: JobOutcome, error?: unknown): void {
    const running = this.#running.get(job);
    // A ping, or a job that was given up before.
    if (!running) return;
    this.#running.delete(job);
    this.#lastEnd = performance.now();
    const duration = this.#lastEnd - running.begin;
    if (outcome !== "lost" && outcome !== "killed") this.#jobs++;
    this.#news.tell({
      at: "end",
      job: running.number,
      function: job.function,
      handle: job.handle,
      outcome,
      duration,
      ...(error !== undefined && { error: error instanceof Error ? error.message : String(error) }),
    });
    const context = () => ({ ...this.#context(), job, duration, error });
    if (outcome !== "complete") void this.#hooks.call("failure", context);
    if (this.#hooks.has("afterFunction")) void this.#hooks.call("afterFunction", context);
    if (this.#lastEnd - this.#lastMemoryLook > MEMORY_LOOK) this.#lookAtMemory();
  }

  #look(): void {
    const { timeout } = this.#assignment.group.pool;
    const now = performance.now();
    if (now - this.#lastMemoryLook >= LOOK) {
      this.#lookAtMemory();
      this.#send({ type: "alive", memory: this.#memory });
      if (this.#sleeping && this.#running.size === 0) void this.#hooks.call("idle", () => this.#context());
    }
    if (timeout !== undefined && this.#idle >= timeout) this.leave("idle");
  }

  #lookAtMemory(): void {
    this.#lastMemoryLook = performance.now();
    const { maxMemory } = this.#assignment.group.pool;
    if (maxMemory === undefined || this.#left) return;
    const memory = this.#memory;
    if (memory > maxMemory) this.leave("memory", { why: `${memory} bytes of ${maxMemory}` });
  }

  #context(): HookContext {
    return {
      group: this.#assignment.group.name,
      worker: this.#assignment.worker,
      memory: this.#memory,
      idle: this.#idle,
      jobs: this.#jobs,
      running: this.#running.size,
      stop: (reason) => this.leave("hook", { why: String(reason) }),
    };
  }
}
