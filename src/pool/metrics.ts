import { Counter, Gauge, Histogram, Registry } from "prom-client";
import { VERSION } from "../version.js";
import type { JobOutcome, LeaveReason, WorkerState } from "./events.js";
import { Health, type MeteredPool } from "./health.js";
import { Queues, type QueuesOptions } from "./queues.js";

const OUTCOMES: readonly JobOutcome[] = ["complete", "failure", "exception", "lost", "killed"];
const STATES: readonly WorkerState["state"][] = ["starting", "standby", "connecting", "ready", "leaving"];
const REASONS: Record<LeaveReason, true> = {
  ...{ atomic: true, count: true, idle: true, memory: true, lifetime: true, hook: true },
  ...{ restart: true, stop: true, signal: true, load: true, crash: true },
};

/** Seconds: a job may be a row in a table, or a film. */
const BUCKETS = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800];

/**
 * The metrics of a pool, as Prometheus reads them. They count from when this is made, which is to be before the pool is
 * started, and are kept in a registry of their own: nothing global is touched. Their names and labels are told in
 * docs/observability.md.
 */
export class PoolMetrics {
  readonly registry = new Registry();
  readonly health: Health;
  readonly #pool: MeteredPool;
  readonly #queues: Queues;

  constructor(pool: MeteredPool, options: QueuesOptions = {}) {
    this.#pool = pool;
    this.health = new Health(pool);
    this.#queues = new Queues(this.registry, () => Object.keys(pool.group.functions), options);
    this.registry.setDefaultLabels({ group: pool.group.name });
    this.#tellJobs();
    this.#tellWorkers();
    this.#tellProcess();
  }

  /** What `text()` is, for the header. */
  get contentType(): string {
    return this.registry.contentType;
  }

  /** The metrics as text. Waits for servers that are asked for their queues, for a second or two at most. */
  async text(): Promise<string> {
    await this.#queues.refresh();
    return this.registry.metrics();
  }

  /** Lets go of the connections to servers. */
  close(): Promise<void> {
    return this.#queues.close();
  }

  #tellJobs(): void {
    const registers = [this.registry];
    const jobs = new Counter({
      ...{ name: "edgear_pool_jobs_total", registers, labelNames: ["function", "outcome"] },
      help: "Jobs that workers of the pool were given, by what became of them.",
    });
    const durations = new Histogram({
      ...{ name: "edgear_pool_job_duration_seconds", registers, labelNames: ["function"], buckets: BUCKETS },
      help: "How long jobs took that were worked off: completed, failed, or ended by an exception.",
    });
    const inFlight = new Gauge({
      ...{ name: "edgear_pool_jobs_in_flight", registers, labelNames: ["function"] },
      help: "Jobs that workers of the pool have in hand.",
    });
    // A series that is not there before its first job has no rate at that.
    const known = new Set<string>();
    const know = (name: string) => {
      if (known.has(name)) return;
      known.add(name);
      for (const outcome of OUTCOMES) jobs.inc({ function: name, outcome }, 0);
      durations.zero({ function: name });
      inFlight.set({ function: name }, 0);
    };
    for (const name of Object.keys(this.#pool.group.functions)) know(name);
    this.#pool
      .on("job:start", ({ function: name }) => {
        know(name);
        inFlight.inc({ function: name });
      })
      .on("job:end", ({ function: name, outcome, duration }) => {
        know(name);
        inFlight.dec({ function: name });
        jobs.inc({ function: name, outcome });
        if (outcome !== "lost" && outcome !== "killed") durations.observe({ function: name }, duration / 1_000);
      });
  }

  #tellWorkers(): void {
    const pool = this.#pool;
    const registers = [this.registry];
    new Gauge({
      ...{ name: "edgear_pool_workers", registers, labelNames: ["state"] },
      help: "Workers of the pool, by what they are at.",
      collect() {
        this.reset();
        for (const state of STATES) this.set({ state }, pool.workers.filter((worker) => worker.state === state).length);
      },
    });
    new Gauge({
      ...{ name: "edgear_pool_workers_wanted", registers },
      help: "Workers that the pool means to have.",
      collect() {
        this.set(pool.size);
      },
    });
    new Gauge({
      ...{ name: "edgear_pool_workers_registered", registers, labelNames: ["server"] },
      help: "Workers of the pool that a job server knows, and gives jobs to.",
      collect() {
        this.reset();
        for (const worker of pool.workers) for (const server of worker.servers) this.inc({ server });
      },
    });
    new Gauge({
      ...{ name: "edgear_pool_worker_memory_bytes", registers, labelNames: ["worker"] },
      help: "Resident memory of a worker's process, or the heap of its thread, as it said last.",
      collect() {
        this.reset();
        for (const { worker, memory } of pool.workers) if (memory > 0) this.set({ worker }, memory);
      },
    });
    const starts = new Counter({
      ...{ name: "edgear_pool_worker_starts_total", registers },
      help: "Workers that were started.",
    });
    const exits = new Counter({
      ...{ name: "edgear_pool_worker_exits_total", registers, labelNames: ["reason"] },
      help: "Workers that have ended, by why.",
    });
    for (const reason of Object.keys(REASONS)) exits.inc({ reason }, 0);
    const restarts = new Counter({
      ...{ name: "edgear_pool_restarts_total", registers, labelNames: ["result"] },
      help: "Rolling restarts of the pool, by whether all workers were replaced.",
    });
    for (const result of ["complete", "failure"]) restarts.inc({ result }, 0);
    const errors = new Counter({
      ...{ name: "edgear_pool_errors_total", registers },
      help: "What went wrong that no job is to blame for, e.g. a server that could not be reached.",
    });
    pool
      .on("worker:start", () => starts.inc())
      .on("worker:exit", ({ reason }) => exits.inc({ reason }))
      .on("restart", ({ error }) => restarts.inc({ result: error === undefined ? "complete" : "failure" }))
      .on("error", () => errors.inc());
  }

  #tellProcess(): void {
    const { health } = this;
    const registers = [this.registry];
    new Gauge({
      ...{ name: "edgear_pool_crash_loop", registers },
      help: "1 while workers die again and again without having done a job, else 0.",
      collect() {
        this.set(health.looping ? 1 : 0);
      },
    });
    new Gauge({
      ...{ name: "edgear_pool_ready", registers },
      help: "1 while enough workers are registered with a job server, as /readyz says, else 0.",
      collect() {
        this.set(health.ready().ok ? 1 : 0);
      },
    });
    new Gauge({
      ...{ name: "edgear_pool_supervisor_memory_bytes", registers },
      help: "Resident memory of the process that keeps the pool.",
      collect() {
        this.set(process.memoryUsage.rss());
      },
    });
    new Gauge({
      ...{ name: "edgear_pool_start_time_seconds", registers },
      help: "When the metrics began to count, in seconds since 1970.",
    }).set(Date.now() / 1_000);
    new Gauge({
      ...{ name: "edgear_build_info", registers, labelNames: ["version"] },
      help: "1, with the version of Edgear.",
    }).set({ version: VERSION }, 1);
  }
}
