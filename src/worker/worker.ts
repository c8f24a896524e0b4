import { MAX_CLIENT_ID_SIZE, PacketType } from "../../assembly/protocol.js";
import { checkMaxPacketSize, DEFAULT_MAX_PACKET_SIZE } from "../codec/codec.js";
import { parseServers, type Servers, serverName } from "../connection/address.js";
import { Backoff, type BackoffOptions } from "../connection/backoff.js";
import { checkFunction, checkMilliseconds, checkOptions, checkText, show } from "../connection/check.js";
import type { ConnectionOptions } from "../connection/connection.js";
import { sleep } from "../connection/wait.js";
import { ClosedError, TimeoutError } from "../errors.js";
import { Emitter } from "../events.js";
import { type PayloadInput, toWire } from "../payload.js";
import type { Address } from "../platform/transport.js";
import { type Job, JobFailed } from "./job.js";
import { Session } from "./session.js";

/** What works jobs of a function off. What it returns is the result; what it throws, the client gets as an exception. */
export type Handler = (job: Job) => PayloadInput | Promise<PayloadInput>;

/** Options of `worker.add`. */
export interface FunctionOptions {
  /**
   * Milliseconds that a job may take; default: no limit. Then its `signal` aborts, the job fails (WORK_FAIL), and its
   * slot is free again, whether the handler has noticed or not.
   */
  timeout?: number;
}

/** Options of a worker. Times are in milliseconds. */
export interface WorkerOptions {
  /** How many jobs run at once, over all servers; default 1. */
  concurrency?: number;
  /** What `workers` lists of a job server call this worker: up to 127 bytes without white space. */
  id?: string;
  /** How long to wait before a lost server is tried again. It is tried for ever. */
  reconnect?: BackoffOptions;
  /** Until a connection to a server must be there; default 5,000. */
  connectTimeout?: number;
  /** Until a server must have answered a request; default 10,000. */
  requestTimeout?: number;
  /** The largest packet body that is accepted, in bytes; default 64 MiB. */
  maxPacketSize?: number;
}

/** Options of `worker.run`. */
export interface RunOptions {
  /** Stops the worker as `close()` does. */
  signal?: AbortSignal;
  /** Stops after so many jobs. */
  maxJobs?: number;
}

/** A worker's events. */
export interface WorkerEvents {
  /** A server was connected to, and knows the worker's functions. */
  connect: { server: string };
  /** A connection is gone; `error` is undefined when the worker closed it. */
  disconnect: { server: string; error: Error | undefined };
  /** A server could not be connected to, or a result could not be delivered. The worker goes on. */
  error: { server: string; error: Error };
}

interface Registration {
  readonly handler: Handler;
  readonly timeout: number | undefined;
}

/** Works jobs off: one connection to each server, as many jobs at once as it is told. */
export class Worker extends Emitter<WorkerEvents> implements AsyncDisposable {
  readonly #addresses: readonly Address[];
  readonly #options: ConnectionOptions;
  readonly #reconnect: BackoffOptions | undefined;
  readonly #id: string | undefined;
  readonly #concurrency: number;
  readonly #registrations = new Map<string, Registration>();
  readonly #sessions = new Set<Session>();
  /** The jobs whose handlers run, whatever became of their servers. */
  readonly #running = new Map<Job, AbortController>();
  /** Ends the waits and dials of the loops that keep the connections. */
  readonly #stopped = new AbortController();
  /** Jobs that may still be grabbed before the worker stops. */
  #left = Number.POSITIVE_INFINITY;
  #turn = 0;
  #run: Promise<void> | undefined;
  #closing: Promise<void> | undefined;
  #onQuiet: (() => void) | undefined;

  /**
   * @param servers default `127.0.0.1:4730`; the worker connects to all of them
   * @throws TypeError when a server or an option is wrong
   */
  constructor(servers: Servers = "127.0.0.1", options: WorkerOptions = {}) {
    super();
    checkOptions(options, "Worker", [
      "concurrency",
      "id",
      "reconnect",
      "connectTimeout",
      "requestTimeout",
      "maxPacketSize",
    ]);
    const { concurrency = 1, id, reconnect, connectTimeout = 5_000, requestTimeout = 10_000 } = options;
    const { maxPacketSize = DEFAULT_MAX_PACKET_SIZE } = options;
    checkCount(concurrency, "concurrency");
    checkMilliseconds(connectTimeout, "connectTimeout", 1);
    checkMilliseconds(requestTimeout, "requestTimeout", 1);
    checkMaxPacketSize(maxPacketSize);
    if (id !== undefined) {
      checkText(id, "a worker's id", 1, MAX_CLIENT_ID_SIZE);
      if (/\s/.test(id))
        throw new TypeError(
          `a worker's id must not have white space, which would break the server's list: ${show(id)}`,
        );
    }
    checkOptions(reconnect, "reconnect", ["minDelay", "maxDelay"]);
    if (reconnect?.minDelay !== undefined) checkMilliseconds(reconnect.minDelay, "reconnect.minDelay", 1);
    if (reconnect?.maxDelay !== undefined) checkMilliseconds(reconnect.maxDelay, "reconnect.maxDelay", 1);
    this.#addresses = parseServers(servers);
    this.#options = { connectTimeout, requestTimeout, maxPacketSize };
    this.#reconnect = reconnect;
    this.#id = id;
    this.#concurrency = concurrency;
  }

  /**
   * Registers a function, before or while the worker runs. A function that is there already gets the new handler.
   * @throws TypeError when the name, the handler or an option is wrong
   */
  add(name: string, handler: Handler, options?: FunctionOptions): this {
    checkFunction(name);
    if (typeof handler !== "function")
      throw new TypeError(`the handler of ${show(name)} must be a function, not ${show(handler)}`);
    checkOptions(options, "add", ["timeout"]);
    const timeout = options?.timeout;
    if (timeout !== undefined) checkMilliseconds(timeout, "timeout", 1);
    const known = this.#registrations.has(name);
    this.#registrations.set(name, { handler, timeout });
    if (!known) {
      for (const session of this.#sessions) session.register(name, true);
      this.#share();
    }
    return this;
  }

  /** Jobs that run now. */
  get running(): number {
    return this.#running.size;
  }

  /**
   * Works jobs off until the worker is closed, or what `options` say is reached; resolves once the running jobs are
   * done and the connections are closed. A server that is away is tried again for ever (`error` tells); the others
   * are not held up by it.
   * @throws TypeError (as a rejection) when no function was added, or an option is wrong
   * @throws ClosedError when the worker was closed before
   */
  async run(options: RunOptions = {}): Promise<void> {
    checkOptions(options, "run", ["signal", "maxJobs"]);
    const { signal, maxJobs } = options;
    if (maxJobs !== undefined) checkCount(maxJobs, "maxJobs");
    if (this.#registrations.size === 0) throw new TypeError("this worker has no function to work on: add one first");
    if (this.#closing) throw new ClosedError("this worker was closed");
    if (this.#run) throw new TypeError("this worker runs already");
    this.#left = maxJobs ?? Number.POSITIVE_INFINITY;
    const stop = () => void this.close();
    this.#run = Promise.all(this.#addresses.map((address) => this.#keep(address))).then(() => {});
    if (signal?.aborted) stop();
    signal?.addEventListener("abort", stop, { once: true });
    try {
      await this.#run;
      await this.#closing;
    } finally {
      signal?.removeEventListener("abort", stop);
    }
  }

  /**
   * Stops grabbing, lets the jobs that run finish, and closes the connections once their results are sent. Past
   * `timeout` milliseconds (default: no limit) the signals of jobs that still run abort, and their servers, losing
   * the connection, give them to other workers. Calling it again gives the same promise.
   */
  close(options: { timeout?: number } = {}): Promise<void> {
    checkOptions(options, "close", ["timeout"]);
    if (options.timeout !== undefined) checkMilliseconds(options.timeout, "timeout");
    this.#closing ??= this.#close(options.timeout);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number | undefined): Promise<void> {
    for (const session of this.#sessions) session.stop();
    this.#stopped.abort(new ClosedError("this worker was closed"));
    let timer: ReturnType<typeof setTimeout> | undefined;
    const quiet = new Promise<void>((resolve) => {
      this.#onQuiet = resolve;
      if (timeout !== undefined) timer = setTimeout(resolve, timeout);
    });
    this.#checkQuiet();
    await quiet;
    clearTimeout(timer);
    for (const controller of this.#running.values()) {
      controller.abort(new ClosedError("this worker was closed, and did not wait for the job any longer"));
    }
    for (const session of this.#sessions) session.end();
    await this.#run;
  }

  /** Keeps a connection to one server until the worker stops. */
  async #keep(address: Address): Promise<void> {
    const backoff = new Backoff(this.#reconnect);
    const { signal } = this.#stopped;
    const server = serverName(address);
    while (!signal.aborted) {
      try {
        const session = await Session.open(address, this.#options, this.#sessionOwner, signal);
        backoff.reset();
        this.#sessions.add(session);
        this.emit("connect", { server });
        this.#share();
        await session.gone;
      } catch (error) {
        if (signal.aborted) return;
        this.emit("error", { server, error: error as Error });
      }
      await sleep(backoff.next(), signal).catch(() => {});
    }
  }

  readonly #sessionOwner = (() => {
    const worker = this;
    return {
      get functions() {
        return worker.#registrations.keys();
      },
      get id() {
        return worker.#id;
      },
      assigned: (job: Job, controller: AbortController) => {
        this.#left--;
        this.#running.set(job, controller);
        // Not within the delivery of packets: a handler is a stranger, and may do anything.
        queueMicrotask(() => void this.#work(job, controller));
      },
      changed: () => {
        this.#share();
        this.#checkQuiet();
      },
      discarded: (session: Session) => {
        const error = new Error(
          "the server had taken the job back before its result came: another worker has it, or had it",
        );
        this.emit("error", { server: session.server, error });
      },
      lost: (error: Error | undefined, session: Session) => {
        this.#sessions.delete(session);
        this.emit("disconnect", { server: session.server, error });
        this.#checkQuiet();
      },
    };
  })();

  /** Shares the free slots out to the sessions whose servers may have jobs: in turn, so that none starves. */
  #share(): void {
    if (this.#closing) return;
    const sessions = [...this.#sessions];
    let free = this.#concurrency - this.#running.size;
    let left = this.#left;
    for (const session of sessions) {
      free -= session.grabs;
      left -= session.grabs;
    }
    free = Math.min(free, left);
    for (let idle = 0; free > 0 && idle < sessions.length; ) {
      const session = sessions[this.#turn++ % sessions.length];
      if (session?.hungry) {
        session.grab();
        free--;
        idle = 0;
      } else {
        idle++;
      }
    }
  }

  async #work(job: Job, controller: AbortController): Promise<void> {
    const registration = this.#registrations.get(job.function);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const done = () => {
      clearTimeout(timer);
      if (!this.#running.delete(job)) return;
      if (this.#left <= 0 && this.#running.size === 0) void this.close();
      this.#sessionOwner.changed();
    };
    try {
      if (!registration) throw new Error(`this worker has no function ${show(job.function)}`);
      const { handler, timeout } = registration;
      if (timeout !== undefined) {
        timer = setTimeout(() => {
          controller.abort(
            new TimeoutError("timeout", timeout, `the job ${job.handle} of ${show(job.function)} took too long`),
          );
          job.end(PacketType.WORK_FAIL);
          done();
        }, timeout);
      }
      const result = await handler(job);
      job.end(PacketType.WORK_COMPLETE, toWire(result, `the result of ${show(job.function)}`));
    } catch (error) {
      if (error instanceof JobFailed) job.end(PacketType.WORK_FAIL);
      else job.end(PacketType.WORK_EXCEPTION, message(error));
    } finally {
      done();
    }
  }

  /** Lets a closing worker go on once nothing runs, and no grab is out that might still bring a job. */
  #checkQuiet(): void {
    if (!this.#onQuiet || this.#running.size > 0) return;
    for (const session of this.#sessions) if (session.grabs > 0) return;
    this.#onQuiet();
  }
}

/** What a client is told of something thrown. */
function message(thrown: unknown): string {
  const text = thrown instanceof Error ? thrown.message || thrown.name : String(thrown);
  return text.toWellFormed();
}

function checkCount(value: unknown, name: string): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < 1)
    throw new TypeError(`${name} must be a whole number from 1, not ${show(value)}`);
}
