import { PacketType } from "../../assembly/protocol.js";
import { parseServers, type Servers } from "../connection/address.js";
import { checkFunction, checkMilliseconds, checkOptions, show } from "../connection/check.js";
import { ClosedError } from "../errors.js";
import type { AnyJobs, FunctionName, ResultOf, Validators, WorkloadOf } from "../jobs.js";
import { Connections } from "./connections.js";
import { WorkerEmitter } from "./events.js";
import { execute, messageOf, type Outcome, type Registration } from "./execute.js";
import type { Job } from "./job.js";
import {
  type CloseOptions,
  checkCount,
  checkFunctionOptions,
  checkWorkerOptions,
  type DrainOptions,
  type FunctionOptions,
  type RunOptions,
  type Settings,
  type WorkerOptions,
} from "./options.js";
import { attemptOf, tryAgain } from "./retry.js";
import type { Session, SessionOwner } from "./session.js";

/**
 * What works jobs of a function off. What it returns is the result: a string, bytes, JSON, nothing, or an async
 * iterable, whose parts go out as data, and whose return value is the result. What it throws, the client gets as an
 * exception; `JobFailed` fails the job without a reason.
 */
export type Handler<Workload = unknown, Result = unknown> = (
  job: Job<Workload>,
) => Result | Promise<Result> | AsyncIterable<unknown> | Promise<AsyncIterable<unknown>>;

/**
 * Works jobs off: one connection to each server, as many jobs at once as it is told.
 *
 * A job is worked off at least once: when its worker, or the connection, is lost before the server has the result,
 * the server gives it to another worker.
 */
export class Worker<Jobs extends object = AnyJobs> extends WorkerEmitter implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #connections: Connections;
  readonly #validators: Validators<Jobs>;
  readonly #registrations = new Map<string, Registration>();
  /** The jobs whose handlers run, whatever became of their servers. */
  readonly #running = new Map<Job, AbortController>();
  /** Jobs that may still be grabbed before the worker stops. */
  #left = Number.POSITIVE_INFINITY;
  /** Whether the worker leaves once no server has a job any more. */
  #draining = false;
  #paused = false;
  /** Whether the worker grabs no more, for good. */
  #leaving = false;
  #idleTimer: ReturnType<typeof setTimeout> | undefined;
  #idleTimeout: number | undefined;
  #run: Promise<void> | undefined;
  #closing: Promise<{ aborted: number }> | undefined;
  #onQuiet: (() => void) | undefined;

  /**
   * @param servers default `127.0.0.1:4730`; the worker connects to all of them
   * @throws TypeError when a server or an option is wrong
   */
  constructor(servers: Servers = "127.0.0.1", options: WorkerOptions<Jobs> = {}) {
    const settings = checkWorkerOptions(options);
    super(settings.logger);
    this.#settings = settings;
    this.#validators = options.jobs ?? {};
    this.#connections = new Connections(parseServers(servers), settings, this.#sessionOwner(), (name, event) =>
      this.emit(name, event),
    );
  }

  /**
   * Registers a function, before or while the worker runs. A function that is there already gets the new handler and
   * options; a job that runs goes on with the old ones.
   * @throws TypeError when the name, the handler or an option is wrong
   */
  add<Name extends FunctionName<Jobs>>(
    name: Name,
    handler: Handler<WorkloadOf<Jobs, Name>, ResultOf<Jobs, Name>>,
    options: FunctionOptions = {},
  ): this {
    checkFunction(name);
    if (typeof handler !== "function")
      throw new TypeError(`the handler of ${show(name)} must be a function, not ${show(handler)}`);
    checkFunctionOptions(options);
    const known = this.#registrations.get(name);
    this.#registrations.set(name, { handler, options, validators: this.#validators[name] ?? {} });
    if (!known || known.leaving || known.options.serverTimeout !== options.serverTimeout) {
      for (const session of this.#connections.sessions) session.register(name, options.serverTimeout);
      this.#share();
    }
    return this;
  }

  /**
   * Takes a function back. Jobs of it that run, or were given out meanwhile, are finished first; until then the worker
   * grabs no others from their servers. Resolves when every server knows.
   */
  async remove(name: FunctionName<Jobs>): Promise<void> {
    const registration = this.#registrations.get(name);
    if (!registration) return;
    const leaving = { ...registration, leaving: true };
    this.#registrations.set(name, leaving);
    await Promise.all([...this.#connections.sessions].map((session) => session.leave(name)));
    // Unless it was added again in the meantime.
    if (this.#registrations.get(name) === leaving) this.#registrations.delete(name);
    this.#share();
  }

  /** Jobs that run now. */
  get running(): number {
    return this.#running.size;
  }

  /** Grabs no jobs until `resume()`. Those that run go on. */
  pause(): void {
    this.#paused = true;
  }

  /** Grabs jobs again. */
  resume(): void {
    this.#paused = false;
    this.#share();
  }

  /**
   * Works jobs off until the worker is closed, or what `options` say is reached; resolves once the running jobs are
   * done and the connections are closed. A server that is away is tried again for ever (`error` tells); the others
   * are not held up by it.
   * @throws TypeError (as a rejection) when no function was added, the worker runs already, or an option is wrong
   * @throws ClosedError when the worker was closed before
   */
  async run(options: RunOptions = {}): Promise<void> {
    checkOptions(options, "run", ["signal", "maxJobs", "idleTimeout"]);
    const { signal, maxJobs, idleTimeout } = options;
    if (maxJobs !== undefined) checkCount(maxJobs, "maxJobs");
    if (idleTimeout !== undefined) checkMilliseconds(idleTimeout, "idleTimeout", 1);
    await this.#start(() => this.#connections.keep(), maxJobs, signal, idleTimeout);
  }

  /**
   * Works off what waits, and closes the worker: when no server has a job any more and none runs, at the deadline, or
   * after `maxJobs`. Made for places that are given a limited time, as a `scheduled()` handler of a Cloudflare Worker.
   * Each server is tried once.
   * @returns how many jobs were worked off
   * @throws ConnectionError (as a rejection) when no server could be reached
   * @throws as `run`
   */
  async drain(options: DrainOptions = {}): Promise<number> {
    checkOptions(options, "drain", ["deadline", "signal", "maxJobs"]);
    const { signal, maxJobs, deadline } = options;
    if (maxJobs !== undefined) checkCount(maxJobs, "maxJobs");
    const time = deadline instanceof Date ? deadline.getTime() - Date.now() : deadline;
    if (time !== undefined && Number.isNaN(time))
      throw new TypeError("deadline must be a time or a number of milliseconds");
    let done = 0;
    const count = () => {
      done++;
    };
    this.#draining = true;
    this.on("complete", count).on("fail", count).on("exception", count);
    const timer = time === undefined ? undefined : setTimeout(() => void this.close(), Math.max(0, time));
    try {
      await this.#start(() => this.#connections.visit(), maxJobs, signal, undefined);
    } finally {
      clearTimeout(timer);
      this.off("complete", count).off("fail", count).off("exception", count);
    }
    return done;
  }

  /**
   * Stops grabbing, lets the jobs that run finish, and closes the connections once their results are sent. Past the
   * time limit the signals of jobs that still run abort, and their servers, losing the connection, give them to other
   * workers. Calling it again gives the same promise.
   * @returns how many jobs were aborted
   */
  close(options: CloseOptions = {}): Promise<{ aborted: number }> {
    checkOptions(options, "close", ["timeout"]);
    if (options.timeout !== undefined) checkMilliseconds(options.timeout, "timeout");
    this.#closing ??= this.#close(options.timeout);
    return this.#closing;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  async #start(
    serve: () => Promise<void>,
    maxJobs: number | undefined,
    signal: AbortSignal | undefined,
    idleTimeout: number | undefined,
  ): Promise<void> {
    if (this.#registrations.size === 0) throw new TypeError("this worker has no function to work on: add one first");
    if (this.#closing) throw new ClosedError("this worker was closed");
    if (this.#run) throw new TypeError("this worker runs already");
    this.#left = maxJobs ?? Number.POSITIVE_INFINITY;
    this.#idleTimeout = idleTimeout;
    const stop = () => void this.close();
    this.#run = serve();
    this.#restartIdle();
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await this.#run;
      await this.close();
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  async #close(timeout: number | undefined): Promise<{ aborted: number }> {
    this.#leaving = true;
    clearTimeout(this.#idleTimer);
    this.#connections.stop(new ClosedError("this worker was closed"));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
      if (timeout !== undefined) timer = setTimeout(resolve, timeout);
    });
    this.#changed();
    await quiet;
    clearTimeout(timer);
    const aborted = this.#running.size;
    for (const [job, controller] of this.#running) {
      // First, so that what the handler still sends doesn't end the job for its server.
      job.abandon();
      controller.abort(new ClosedError("this worker was closed, and did not wait for the job any longer"));
    }
    this.#connections.end();
    await this.#run?.catch(() => {});
    this.emit("close", { aborted });
    return { aborted };
  }

  #sessionOwner(): SessionOwner {
    const worker = this;
    return {
      id: this.#settings.id,
      pollInterval: this.#settings.pollInterval,
      get functions() {
        return [...worker.#registrations].map(([name, { options }]) => [name, options.serverTimeout] as const);
      },
      attempt: (name, unique) => (this.#registrations.get(name)?.options.retry ? attemptOf(unique).attempt : 1),
      assigned: (job, controller, session) => {
        this.#left--;
        this.#running.set(job, controller);
        clearTimeout(this.#idleTimer);
        // Not within the delivery of packets: a handler is a stranger, and may do anything.
        queueMicrotask(() => void this.#work(job, controller, session));
      },
      told: (what, { server }) => this.emit(what, { server }),
      changed: () => this.#changed(),
      discarded: ({ server }) => this.emit("discard", { server }),
      dropped: ({ server }) => {
        const error = new Error(
          `${server} can't forward a job's data and warnings (Perl's gearmand can't): they are dropped`,
        );
        this.emit("error", { server, error });
      },
      lost: (error, session) => {
        this.#connections.lost(session);
        this.emit("disconnect", { server: session.server, error });
        this.#changed();
      },
    };
  }

  /** Goes on with whatever slots, jobs or servers were waited for. */
  #changed(): void {
    this.#share();
    if (this.#running.size > 0) return;
    if (this.#onQuiet && !this.#connections.grabbing) this.#onQuiet();
    if (this.#draining && !this.#leaving && !this.#connections.mayHaveJobs) void this.close();
  }

  #share(): void {
    if (this.#leaving || this.#paused) return;
    this.#connections.share(Math.min(this.#settings.concurrency - this.#running.size, this.#left));
  }

  async #work(job: Job, controller: AbortController, session: Session): Promise<void> {
    const begin = performance.now();
    const registration = this.#registrations.get(job.function);
    this.emit("start", { job });
    try {
      const outcome = await execute(job, controller, registration);
      await this.#finish(job, outcome, registration, session, performance.now() - begin);
    } finally {
      this.#running.delete(job);
      if (this.#running.size === 0) this.#restartIdle();
      if (this.#left <= 0 && this.#running.size === 0) void this.close();
      this.#changed();
    }
  }

  async #finish(
    job: Job,
    outcome: Outcome,
    registration: Registration | undefined,
    session: Session,
    duration: number,
  ): Promise<void> {
    const again = outcome.end !== "complete" && (await this.#tryAgain(job, registration, session, outcome.error));
    if (job.lost) {
      this.emit("discard", { server: job.server, job });
      return;
    }
    switch (outcome.end) {
      case "complete":
        job.end(PacketType.WORK_COMPLETE, outcome.result);
        this.emit("complete", { job, duration });
        return;
      case "fail":
        job.end(PacketType.WORK_FAIL);
        this.emit("fail", { job, duration, error: outcome.error });
        return;
      case "exception":
        // Nobody waits for the exception of a job that goes on as another one.
        if (again) job.end(PacketType.WORK_FAIL);
        else job.end(PacketType.WORK_EXCEPTION, messageOf(outcome.error));
        this.emit("exception", { job, duration, error: outcome.error });
    }
  }

  /** Whether a failed job goes on as another one. */
  async #tryAgain(
    job: Job,
    registration: Registration | undefined,
    session: Session,
    error: unknown,
  ): Promise<boolean> {
    const retry = registration?.options.retry;
    if (!retry) return false;
    try {
      const again = await tryAgain(job, retry, session);
      if (!again) return false;
      if ("deadLetter" in again) this.emit("deadLetter", { job, function: again.deadLetter, error });
      else this.emit("retry", { job, ...again, error });
      return true;
    } catch (cause) {
      // A lost connection gives the job to another worker anyway.
      if (!job.lost) {
        const failure = new Error(`the job ${job.handle} could not be submitted again: ${messageOf(cause)}`, { cause });
        this.emit("error", { server: job.server, error: failure });
      }
      return false;
    }
  }

  #restartIdle(): void {
    clearTimeout(this.#idleTimer);
    if (this.#idleTimeout !== undefined && !this.#leaving) {
      this.#idleTimer = setTimeout(() => void this.close(), this.#idleTimeout);
    }
  }
}
