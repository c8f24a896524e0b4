import { machinery } from "../config/machinery.js";
import { parseServers, type Servers } from "../connection/address.js";
import { checkFunction, checkMilliseconds, checkOptions, MAX_TIMER, show } from "../connection/check.js";
import { ClosedError, ConfigError } from "../errors.js";
import {
  type AnyJobs,
  checkValidators,
  type FunctionName,
  type JobMap,
  type JobValidators,
  validatorsOf,
} from "../jobs.js";
import { Connections } from "./connections.js";
import { WorkerEmitter } from "./events.js";
import type { Registration } from "./execute.js";
import type { Handler, HandlerOf } from "./handler.js";
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
import { attemptOf } from "./retry.js";
import { type Around, Runner } from "./runner.js";
import type { SessionOwner } from "./session.js";

export type { Handler } from "./handler.js";

/**
 * Works jobs off: one connection to each server, as many jobs at once as it is told.
 *
 * A job is worked off at least once: when its worker, or the connection, is lost before the server has the result,
 * the server gives it to another worker.
 */
export class Worker<Jobs extends JobMap<Jobs> = AnyJobs> extends WorkerEmitter implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #connections: Connections;
  readonly #validators: Readonly<Record<string, JobValidators>>;
  readonly #registrations = new Map<string, Registration>();
  readonly #runner: Runner;
  #around: Around | undefined;
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
  /** When a closing worker stops to wait. */
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param servers default `127.0.0.1:4730`; the worker connects to all of them
   * @throws TypeError when a server or an option is wrong
   */
  constructor(servers: Servers = "127.0.0.1", options: WorkerOptions<Jobs> = {}) {
    const settings = checkWorkerOptions(options);
    super(settings.logger);
    checkValidators(options.jobs);
    this.#settings = settings;
    this.#validators = options.jobs ?? {};
    const worker = this;
    this.#runner = new Runner({
      concurrency: settings.concurrency,
      get around() {
        return worker.#around;
      },
      registration: (name) => this.#registrations.get(name),
      emit: (name, event) => this.emit(name, event),
      changed: () => {
        if (this.#runner.size === 0) this.#restartIdle();
        if (this.#left <= 0 && this.#runner.size === 0) void this.close();
        this.#changed();
      },
    });
    this.#connections = new Connections(parseServers(servers), settings, this.#sessionOwner(), (name, event) =>
      this.emit(name, event),
    );
  }

  /**
   * A worker for a group of the configuration (docs/configuration.md), with its servers, its concurrency, and its
   * functions, whose handlers are loaded. It is still to be run. What the group says of pools is for `edgear pool`.
   * @param options stand before what the group says
   * @throws ConfigError (as a rejection) when there is no such group, a handler can't be loaded, a function has a
   * concurrency of its own next to others (which takes a worker of its own), and as `Client.for`
   * @throws TypeError (as a rejection) when an option is wrong
   */
  static async for(group: string, options: WorkerOptions = {}): Promise<Worker> {
    const { loadGroup, loadHandler, planWorkers } = await machinery();
    const { group: settings, connection } = await loadGroup(group);
    const [plan, ...others] = planWorkers(settings);
    if (!plan || others.length > 0) {
      const own = Object.entries(settings.functions).filter(([, { concurrency }]) => concurrency !== undefined);
      throw new ConfigError(
        `the group ${show(group)} takes several workers, as ${own.map(([name]) => show(name)).join(", ")} ` +
          "has a concurrency of its own: run it by edgear pool, or leave that out",
      );
    }
    const worker = new Worker(connection.servers, { concurrency: plan.concurrency, ...options });
    for (const [name, { timeout, retry, ...module }] of plan.functions)
      worker.add(name, (await loadHandler(module)) as Handler, { timeout, retry });
    return worker;
  }

  /**
   * Registers a function, before or while the worker runs. A function that is there already gets the new handler and
   * options; a job that runs goes on with the old ones.
   * @throws TypeError when the name, the handler or an option is wrong
   */
  add<Name extends FunctionName<Jobs>>(
    name: Name,
    handler: HandlerOf<Jobs, Name>,
    options: FunctionOptions = {},
  ): this {
    checkFunction(name);
    if (typeof handler !== "function")
      throw new TypeError(`the handler of ${show(name)} must be a function, not ${show(handler)}`);
    checkFunctionOptions(name, options);
    const validators = validatorsOf(this.#validators, name);
    this.#registrations.set(name, { handler, options, validators, words: `the result of ${show(name)}` });
    for (const session of this.#connections.sessions) {
      if (session.register(name, options.serverTimeout)) this.#connections.registered(session, [name]);
    }
    this.#share();
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
    // Connections that are made meanwhile no longer register it.
    await Promise.all([...this.#connections.sessions].map((session) => session.leave(name)));
    // Unless it was added again in the meantime.
    if (this.#registrations.get(name) === leaving) this.#registrations.delete(name);
    this.#share();
  }

  /** Has each job run within a function. @internal */
  around(around: Around): void {
    this.#around = around;
  }

  /** Jobs that run now. */
  get running(): number {
    return this.#runner.size;
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
    const time = deadline instanceof Date ? deadline.getTime() - Date.now() : (deadline ?? Number.POSITIVE_INFINITY);
    if (typeof time !== "number" || Number.isNaN(time)) {
      throw new TypeError(`deadline must be a Date or a number of milliseconds, not ${show(deadline)}`);
    }
    let done = 0;
    const count = () => {
      done++;
    };
    this.on("complete", count).on("fail", count).on("exception", count);
    // A timer takes 24 days at the most; whatever comes later is no limit.
    const timer = time > MAX_TIMER ? undefined : setTimeout(() => void this.close(), Math.max(0, time));
    try {
      await this.#start(
        () => {
          this.#draining = true;
          return time > 0 ? this.#connections.visit() : Promise.resolve();
        },
        maxJobs,
        signal,
        undefined,
      );
    } finally {
      clearTimeout(timer);
      this.off("complete", count).off("fail", count).off("exception", count);
    }
    return done;
  }

  /**
   * Stops grabbing, lets the jobs that run finish, and closes the connections once their results are sent. Past the
   * time limit the signals of jobs that still run abort, and their servers, losing the connection, give them to other
   * workers. Calling it again gives the same promise, and may shorten the time. A handler must not wait for it: it
   * waits for the handler.
   * @returns how many jobs were aborted
   */
  close(options: CloseOptions = {}): Promise<{ aborted: number }> {
    checkOptions(options, "close", ["timeout"]);
    if (options.timeout !== undefined) checkMilliseconds(options.timeout, "timeout");
    this.#closing ??= this.#close();
    const { timeout } = options;
    // One that waits for nothing any more needs no timer, which would only keep the program from ending.
    if (timeout !== undefined && this.#onQuiet) {
      clearTimeout(this.#closeTimer);
      this.#closeTimer = setTimeout(() => this.#onQuiet?.(), timeout);
    }
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

  async #close(): Promise<{ aborted: number }> {
    this.#leaving = true;
    clearTimeout(this.#idleTimer);
    this.#connections.stop(new ClosedError("this worker was closed"));
    const quiet = new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
    });
    this.#changed();
    await quiet;
    this.#onQuiet = undefined;
    clearTimeout(this.#closeTimer);
    const aborted = this.#runner.abort(
      new ClosedError("this worker was closed, and did not wait for the job any longer"),
    );
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
        const wanted = [...worker.#registrations].filter(([, { leaving }]) => !leaving);
        return wanted.map(([name, { options }]) => [name, options.serverTimeout] as const);
      },
      attempt: (name, unique) => {
        const retry = this.#registrations.get(name)?.options.retry;
        return retry ? attemptOf(unique, retry).attempt : 1;
      },
      assigned: (job, session) => {
        this.#left--;
        clearTimeout(this.#idleTimer);
        this.#runner.take(job, session);
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
    if (this.#runner.size > 0) return;
    if (this.#onQuiet && !this.#connections.grabbing) this.#onQuiet();
    if (this.#draining && !this.#leaving && !this.#connections.mayHaveJobs) void this.close();
  }

  #share(): void {
    if (this.#leaving || this.#paused) return;
    this.#connections.share(Math.min(this.#settings.concurrency - this.#runner.size, this.#left));
  }

  #restartIdle(): void {
    clearTimeout(this.#idleTimer);
    if (this.#idleTimeout !== undefined && !this.#leaving) {
      this.#idleTimer = setTimeout(() => void this.close(), this.#idleTimeout);
    }
  }
}
