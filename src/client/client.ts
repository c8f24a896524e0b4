import { CLOSE_LIMIT } from "#platform";
import { checkMaxPacketSize, DEFAULT_MAX_PACKET_SIZE } from "../codec/codec.js";
import { parseServers, type Servers } from "../connection/address.js";
import { checkHandle, checkMilliseconds, checkOptions, checkText, checkUnique, show } from "../connection/check.js";
import { abortable, sleep } from "../connection/wait.js";
import { ClosedError, ConnectionError, ConnectionLostError, TimeoutError } from "../errors.js";
import type { Payload, PayloadInput } from "../payload.js";
import type { JobHandle } from "./handle.js";
import type { Session } from "./session.js";
import { Sessions } from "./sessions.js";
import type { JobStatus, UniqueStatus } from "./status.js";
import {
  type BackgroundOptions,
  checkBackground,
  checkForeground,
  type ForegroundOptions,
  type SubmissionDefaults,
  Uniques,
} from "./submission.js";
import { Task } from "./task.js";

/** Options of a client. Times are in milliseconds. */
export interface ClientOptions {
  /** Until a connection to a server must be there; default 5,000. */
  connectTimeout?: number;
  /** Until a server must have answered a request (a job's result is none); default 10,000. */
  requestTimeout?: number;
  /** The largest packet body that is sent or accepted, in bytes; default 64 MiB. */
  maxPacketSize?: number;
}

/** Options of calls that only wait. */
export interface WaitOptions {
  signal?: AbortSignal;
}

/** Options of `client.completed`. Times are in milliseconds. */
export interface CompletedOptions extends WaitOptions {
  /** Between two looks; default 500. */
  interval?: number;
  /** Until the job must be done; then a `TimeoutError`. Default: no limit. */
  timeout?: number;
  /** Called with each status that was seen. */
  onStatus?: (status: JobStatus) => void;
}

/** Options of `client.close`. */
export interface CloseOptions {
  /** Milliseconds until what is in flight is given up. */
  timeout?: number;
}

/** A job to ask for: what a submit gave (as it is, or as it was stored), or its handle. */
export type JobReference = string | { readonly handle: string; readonly server?: string };

/**
 * Submits jobs to Gearman job servers and asks for them. It connects when it is first used, with one connection a
 * server. On Cloudflare Workers, make one inside each handler, and close it with `ctx.waitUntil(client.close())`.
 */
export class Client implements AsyncDisposable {
  readonly #sessions: Sessions;
  readonly #defaults: SubmissionDefaults;
  #closed: ClosedError | undefined;
  #closing: Promise<void> | undefined;
  /** Calls that wait for a connection, and who waits for them. */
  #acquiring = 0;
  #acquired: (() => void) | undefined;

  /**
   * @param servers default `127.0.0.1:4730`; of several, the first that can be reached is used
   * @throws TypeError when a server or an option is wrong
   */
  constructor(servers: Servers = "127.0.0.1", options: ClientOptions = {}) {
    checkOptions(options, "Client", ["connectTimeout", "requestTimeout", "maxPacketSize"]);
    const { connectTimeout = 5_000, requestTimeout = 10_000, maxPacketSize = DEFAULT_MAX_PACKET_SIZE } = options;
    checkMilliseconds(connectTimeout, "connectTimeout", 1);
    checkMilliseconds(requestTimeout, "requestTimeout", 1);
    checkMaxPacketSize(maxPacketSize);
    const uniques = new Uniques();
    this.#defaults = { uniques, maxPacketSize };
    this.#sessions = new Sessions(parseServers(servers), {
      connectTimeout,
      requestTimeout,
      maxPacketSize,
      uniquePrefix: uniques.prefix,
    });
  }

  /**
   * Submits a background job: resolves when a server has taken it.
   *
   * When the connection is lost before the server's answer, it rejects with `ConnectionLostError`, whose `sent` says
   * whether the server may have taken the job all the same.
   * @throws TypeError (as a rejection) when an argument is wrong; nothing was sent then
   * @throws ConnectionError, TimeoutError, ConnectionLostError, ServerError (e.g. a full queue), ClosedError
   */
  async background(name: string, workload?: PayloadInput, options?: BackgroundOptions): Promise<JobHandle> {
    const submission = checkBackground(name, workload, options, this.#defaults);
    const signal = options?.signal;
    signal?.throwIfAborted();
    return abortable(
      this.#use((session) => session.background(submission), signal),
      signal,
    );
  }

  /**
   * Submits a foreground job and resolves with its result.
   * @throws TypeError (as a rejection) when an argument is wrong; nothing was sent then
   * @throws whatever `Task.result` rejects with
   */
  async run(name: string, workload?: PayloadInput, options?: ForegroundOptions): Promise<Payload> {
    return this.#start(name, workload, options, false).result;
  }

  /**
   * Submits a foreground job, to follow it: its data, warnings and status as they come, and its result.
   * @throws TypeError when an argument is wrong; nothing was sent then
   */
  submit(name: string, workload?: PayloadInput, options?: ForegroundOptions): Task {
    return this.#start(name, workload, options, true);
  }

  /** @param told whether somebody may read what the job tells on the way */
  #start(name: string, workload: PayloadInput, options: ForegroundOptions | undefined, told: boolean): Task {
    const submission = checkForeground(name, workload, options, this.#defaults);
    const task = new Task(name, told);
    const { signal, timeout } = options ?? {};
    if (timeout !== undefined) {
      const late = new TimeoutError("timeout", timeout, `the result of the ${show(name)} job did not come in time`);
      const timer = setTimeout(() => task.fail(late), timeout);
      task.onSettled(() => clearTimeout(timer));
    }
    if (signal) {
      const abort = () => task.fail(signal.reason);
      if (signal.aborted) abort();
      else signal.addEventListener("abort", abort, { once: true });
      task.onSettled(() => signal.removeEventListener("abort", abort));
    }
    const submit = async (session: Session) => {
      if (!task.done) session.submit(submission, task);
    };
    if (!task.done) this.#use(submit, signal).catch((error) => task.fail(error));
    return task;
  }

  /**
   * Asks for a job's status. A handle string is asked for at every server, until one knows it.
   * @throws TypeError (as a rejection) when the handle can't be one
   * @throws ConnectionError when no server knows the job and one could not be asked; TimeoutError, ConnectionLostError, ClosedError
   */
  async status(job: JobReference, options?: WaitOptions): Promise<JobStatus> {
    checkOptions(options, "status", ["signal"]);
    const { handle, server } = reference(job);
    const servers = server === undefined ? this.#sessions.names : [server];
    return this.#ask(servers, (session) => session.status(handle), options?.signal);
  }

  /**
   * Asks for the job with a unique id, whichever function it is of. Perl's gearmand can't say: a `ServerError`.
   * @throws as `status`
   */
  async statusOf(unique: string, options?: WaitOptions): Promise<UniqueStatus> {
    checkUnique(unique);
    if (unique === "") throw new TypeError("a job without a unique can't be asked for by it: ask by its handle");
    checkOptions(options, "statusOf", ["signal"]);
    return this.#ask(this.#sessions.names, (session) => session.uniqueStatus(unique), options?.signal);
  }

  /**
   * Waits until the server no longer knows a job: until it is done, failed, or cancelled. Gearman keeps no results of
   * background jobs and can't say which. A job that is unknown from the start counts as done.
   * @throws TimeoutError when `timeout` is over, and as `status`
   */
  async completed(job: JobReference, options: CompletedOptions = {}): Promise<void> {
    checkOptions(options, "completed", ["interval", "timeout", "signal", "onStatus"]);
    const { interval = 500, timeout, signal, onStatus } = options;
    checkMilliseconds(interval, "interval", 1);
    if (timeout !== undefined) checkMilliseconds(timeout, "timeout", 1);
    if (onStatus !== undefined && typeof onStatus !== "function")
      throw new TypeError(`onStatus must be a function, not ${show(onStatus)}`);
    const controller = new AbortController();
    const abort = () => controller.abort(signal?.reason);
    if (signal?.aborted) abort();
    signal?.addEventListener("abort", abort, { once: true });
    let state = "unanswered for";
    const late = () => {
      const words = `the job ${reference(job).handle} is still ${state}`;
      controller.abort(new TimeoutError("timeout", timeout ?? 0, words));
    };
    const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
    try {
      for (;;) {
        const status = await this.#statusOrLoss(job, controller.signal, timeout !== undefined);
        if (status) {
          state = status.state;
          onStatus?.(status);
        }
        if (status && !status.known) return;
        await sleep(interval, controller.signal);
      }
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
  }

  /** A job's status, or undefined when a connection was lost, or could not be had, and it is worth another try. */
  async #statusOrLoss(job: JobReference, signal: AbortSignal, again: boolean): Promise<JobStatus | undefined> {
    try {
      return await this.status(job, { signal });
    } catch (error) {
      if (again && (error instanceof ConnectionLostError || error instanceof ConnectionError)) return undefined;
      throw error;
    }
  }

  /** The round trip of an echo to the server that serves the next call, in milliseconds. */
  async ping(options?: WaitOptions): Promise<number> {
    checkOptions(options, "ping", ["signal"]);
    const signal = options?.signal;
    return abortable(
      this.#use((session) => session.ping(), signal),
      signal,
    );
  }

  /**
   * Closes: new calls reject with `ClosedError`, what is in flight (foreground jobs included) is waited for, then
   * the connections are closed. Past `timeout` milliseconds what is in flight is given up as by `destroy`; default: no
   * limit, and 5,000 on Cloudflare Workers. Calling it again gives the same promise.
   */
  close(options: CloseOptions = {}): Promise<void> {
    checkOptions(options, "close", ["timeout"]);
    const { timeout = CLOSE_LIMIT } = options;
    if (timeout !== undefined) checkMilliseconds(timeout, "timeout");
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  /** Closes at once: what is in flight rejects with `ClosedError`. */
  destroy(): void {
    this.#closed ??= new ClosedError("this client was closed");
    this.#sessions.destroy(
      new ClosedError("this client was destroyed while this was in flight: whether the server took it is not known"),
    );
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number | undefined): Promise<void> {
    const timer = timeout === undefined ? undefined : setTimeout(() => this.destroy(), timeout);
    this.#closed ??= new ClosedError("this client was closed");
    // Calls that wait for a connection have yet to use it.
    if (this.#acquiring > 0) await new Promise<void>((resolve) => (this.#acquired = resolve));
    await Promise.all(this.#sessions.open.map((session) => session.close()));
    // A better server may be being tried behind the calls' backs: that connection must not come after all.
    this.#sessions.destroy(this.#closed);
    clearTimeout(timer);
  }

  /** Calls `use` with the session that serves the next call: at once when there is one. */
  #use<T>(use: (session: Session) => Promise<T>, signal: AbortSignal | undefined): Promise<T> {
    if (this.#closed) return Promise.reject(this.#closed);
    const { ready } = this.#sessions;
    return ready ? use(ready) : this.#acquire(() => this.#sessions.acquire(signal), use);
  }

  async #acquire<T>(acquire: () => Promise<Session>, use: (session: Session) => Promise<T>): Promise<T> {
    this.#acquiring++;
    let result: Promise<T>;
    try {
      result = use(await acquire());
    } finally {
      this.#acquiring--;
      if (this.#acquiring === 0) this.#acquired?.();
    }
    return result;
  }

  /** Asks servers in turn for a job, until one knows it. */
  async #ask<T extends JobStatus>(
    servers: readonly string[],
    ask: (session: Session) => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    if (this.#closed) throw this.#closed;
    let unknown: T | undefined;
    let failure: unknown;
    for (const server of servers) {
      try {
        const status = await abortable(
          this.#acquire(() => this.#sessions.of(server, signal), ask),
          signal,
        );
        if (status.known) return status;
        unknown ??= status;
      } catch (error) {
        signal?.throwIfAborted();
        failure ??= error;
      }
    }
    // "Unknown" is the truth only when everybody was asked.
    if (unknown && failure === undefined) return unknown;
    throw failure;
  }
}

function reference(job: JobReference): { handle: string; server: string | undefined } {
  const { handle, server } = typeof job === "object" && job !== null ? job : { handle: job, server: undefined };
  checkHandle(handle);
  if (server !== undefined) checkText(server, "a server's name", 1, 300);
  return { handle, server };
}
