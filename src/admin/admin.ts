import { machinery } from "../config/machinery.js";
import { parseServers, type ServerOptions, serverName } from "../connection/address.js";
import { checkHandle, checkMilliseconds, checkOptions, show } from "../connection/check.js";
import type { Connect } from "../connection/dial.js";
import { ClosedError, ConfigError, ConnectionLostError, ProtocolError, ServerError } from "../errors.js";
import type { Address } from "../platform/transport.js";
import { checkDroppable, checkSpeakable, jobsOf, refuseUnspeakable } from "./check.js";
import {
  type ConnectionEntry,
  type FunctionStatus,
  type JobEntry,
  type PriorityStatus,
  readConnections,
  readJobs,
  readPriorityStatus,
  readStatus,
} from "./entries.js";
import { limitArguments, type QueueLimits } from "./limits.js";
import { type AnswerKind, Link, type LinkOptions } from "./link.js";
import { errorOf, isUnknownCommand, okOf, unexpected } from "./reply.js";

export type { QueueLimits } from "./limits.js";

/** Options of an admin client. Times are in milliseconds. */
export interface AdminOptions {
  /** Until the connection must be there; default 5,000. */
  connectTimeout?: number;
  /** Until the server must have answered; default 10,000. An answer that still comes in is not late. */
  requestTimeout?: number;
  /** The most bytes that an answer may have; default 64 MiB, some three million jobs. */
  maxAnswerSize?: number;
  /** Opens the socket, in place of the runtime's own way. */
  connect?: Connect;
}

/** Options of calls that only wait. */
interface WaitOptions {
  /** Gives up waiting for the answer, with the signal's reason. A command that was sent is not taken back. */
  signal?: AbortSignal;
}

/** Options of `admin.dropFunction`. */
export interface DropOptions extends WaitOptions {
  /** Whether to drop a function that has jobs, too. They are lost, and swallow later jobs of the same uniques. Default: false. */
  force?: boolean;
}

/** Options of `admin.shutdown`. */
export interface ShutdownOptions extends WaitOptions {
  /** Whether the server is to work off its jobs first. Default: false. */
  graceful?: boolean;
}

/** 64 MiB. */
const MAX_ANSWER_SIZE = 67_108_864;

/**
 * Administers one job server, by gearmand's text protocol. It connects when it is first used; calls are sent at once,
 * on one connection, and answered in order. When the connection is lost, what waits rejects, and the next call makes a
 * new one. On Cloudflare Workers, make one inside each handler.
 *
 * gearmand asks nobody who they are: whoever reaches its port can do all of this.
 *
 * Every call rejects with `ServerError` when the server answers with an ERR line, as to a command that it doesn't know;
 * otherwise with `ConnectionError`, `TimeoutError`, `ConnectionLostError`, `ProtocolError`, `ClosedError`, or the
 * signal's reason; and with `TypeError` when an argument is wrong, in which case nothing was sent.
 */
export class Admin implements AsyncDisposable {
  /** The server, as `host:port`. */
  readonly server: string;
  readonly #address: Address;
  readonly #options: LinkOptions;
  #link: Link | undefined;
  #closed: ClosedError | undefined;
  #closing: Promise<void> | undefined;

  /**
   * @param server one server: each has its own functions and jobs; default `127.0.0.1:4730`
   * @throws TypeError when the server or an option is wrong
   */
  constructor(server: string | ServerOptions = "127.0.0.1", options: AdminOptions = {}) {
    checkOptions(options, "Admin", ["connectTimeout", "requestTimeout", "maxAnswerSize", "connect"]);
    const { connectTimeout = 5_000, requestTimeout = 10_000, maxAnswerSize = MAX_ANSWER_SIZE, connect } = options;
    checkMilliseconds(connectTimeout, "connectTimeout", 1);
    checkMilliseconds(requestTimeout, "requestTimeout", 1);
    if (!Number.isInteger(maxAnswerSize) || maxAnswerSize < 1)
      throw new TypeError(`maxAnswerSize must be a whole number of bytes from 1, not ${show(maxAnswerSize)}`);
    if (connect !== undefined && typeof connect !== "function")
      throw new TypeError(`connect must be a function that gives a socket, not ${show(connect)}`);
    const [address, second] = parseServers(server);
    if (!address || second)
      throw new TypeError(`an Admin is of one server, and ${show(server)} are several: make one for each`);
    this.#address = address;
    this.server = serverName(address);
    this.#options = { connectTimeout, requestTimeout, maxAnswerSize, connect };
  }

  /**
   * Administers the server of a connection that the configuration names (docs/configuration.md).
   * @param connection default `default`
   * @throws ConfigError (as a rejection) when there is none, when it has several servers, and as `Client.for`
   */
  static async for(connection?: string, options?: AdminOptions): Promise<Admin> {
    const { name, servers } = await (await machinery()).loadConnection(connection);
    const [server, ...others] = servers;
    if (others.length > 0) {
      const names = servers.map(({ host, port }) => `${host}:${port}`).join(", ");
      throw new ConfigError(`the connection ${show(name)} has several servers: make an Admin for one of ${names}`);
    }
    return new Admin(server, options);
  }

  /** The functions that the server knows: how many jobs they have, and workers. In the server's order, which is none. */
  async status(options?: WaitOptions): Promise<FunctionStatus[]> {
    return this.#table("status", readStatus, options, "status");
  }

  /** The functions, with the jobs that wait by their priority. Perl's gearmand doesn't know it. */
  async priorityStatus(options?: WaitOptions): Promise<PriorityStatus[]> {
    return this.#table("prioritystatus", readPriorityStatus, options, "priorityStatus");
  }

  /** All connections, clients and this one included: who they are, and what functions workers have registered. */
  async workers(options?: WaitOptions): Promise<ConnectionEntry[]> {
    return this.#table("workers", readConnections, options, "workers");
  }

  /** The jobs: their handles, and little else. Perl's gearmand doesn't know it. */
  async jobs(options?: WaitOptions): Promise<JobEntry[]> {
    return this.#table("show jobs", readJobs, options, "jobs");
  }

  /** The unique ids of the jobs; `""` for one without. Nothing says which job has which. Perl's gearmand doesn't know it. */
  async uniqueJobs(options?: WaitOptions): Promise<string[]> {
    return this.#table("show unique jobs", (lines) => [...lines], options, "uniqueJobs");
  }

  /** The server's version, as it writes it: `1.1.20+ds`; `v1.130.1` for Perl's gearmand. */
  async version(options?: WaitOptions): Promise<string> {
    // Perl's gearmand says it without an OK.
    const read = (line: string) => (/^v?\d\S*$/.test(line) ? line : okOf(line, "version"));
    return this.#line("version", read, options, "version");
  }

  /** The number of the server's process. Perl's gearmand doesn't know it. */
  async pid(options?: WaitOptions): Promise<number> {
    const read = (line: string) => {
      const pid = okOf(line, "getpid");
      if (!/^\d+$/.test(pid)) throw unexpected(line, "getpid");
      return Number(pid);
    };
    return this.#line("getpid", read, options, "pid");
  }

  /** What the server logs: `FATAL`, `ALERT`, `CRITICAL`, `ERROR`, `WARNING`, `NOTICE`, `INFO` or `DEBUG`. Perl's gearmand doesn't know it. */
  async verbosity(options?: WaitOptions): Promise<string> {
    return this.#line("verbose", (line) => okOf(line, "verbose"), options, "verbosity");
  }

  /**
   * Limits how many jobs a function may have, those that run included: a submit above that is answered with an error
   * (`QUEUE_ERROR`). gearmand forgets a limit of a function that it doesn't know, so that the function is made first.
   * The limit can't be asked for, and is gone when the server restarts.
   * @param max for all priorities, or by priority; 0, `Infinity` or nothing is no limit. Each is a limit of all the
   * function's jobs: with `{ high: 5, normal: 2 }` and three jobs, one of high priority is still taken, one of normal isn't
   */
  async maxQueue(name: string, max?: number | QueueLimits, options?: WaitOptions): Promise<void> {
    checkSpeakable(name);
    checkOptions(options, "maxQueue", ["signal"]);
    const limits = limitArguments(max);
    const signal = options?.signal;
    try {
      await this.#done(`create function ${name}`, signal);
    } catch (error) {
      if (!isUnknown(error)) throw error;
      // Perl's gearmand knows no such command, needs none, and would take the first of several limits for all jobs.
      if (limits.length > 1)
        throw new ServerError(error.serverCode, "this server has one limit for all priorities: give a number");
    }
    await this.#done(["maxqueue", name, ...limits].join(" "), signal);
  }

  /**
   * Cancels a job. A queued one is not given out any more; one that runs, runs on, and its result goes nowhere.
   * Clients that wait for it are told that it failed. Perl's gearmand doesn't know it.
   * @param job its handle, or what a submit gave
   * @throws ServerError (as a rejection) `UNKNOWN_JOB` when the server doesn't know the job
   */
  async cancel(
    job: string | { readonly handle: string; readonly server?: string },
    options?: WaitOptions,
  ): Promise<void> {
    const { handle, server } = typeof job === "object" && job !== null ? job : { handle: job, server: undefined };
    checkHandle(handle);
    refuseUnspeakable(handle, "a job handle");
    // Another server may have a job of the same handle.
    if (server !== undefined && server !== this.server)
      throw new TypeError(`the job ${handle} was submitted to ${show(server)}, and this Admin is of ${this.server}`);
    checkOptions(options, "cancel", ["signal"]);
    await this.#done(`cancel job ${handle}`, options?.signal);
  }

  /** Makes a function known to the server, with neither jobs nor workers. One that is there stays as it is. */
  async createFunction(name: string, options?: WaitOptions): Promise<void> {
    checkSpeakable(name);
    checkOptions(options, "createFunction", ["signal"]);
    await this.#done(`create function ${name}`, options?.signal);
  }

  /**
   * Makes the server forget a function. gearmand would do so with jobs still queued, which no worker could get any
   * more, and with all functions whose names differ only in case; so the function is looked at first. A job that is
   * submitted in the moment between is lost all the same.
   * A `JobServer` keeps a function that has jobs, with `force`, too.
   * @throws RefusedError (as a rejection) when it has jobs, or others would go with it, and `force` isn't given
   * @throws ServerError (as a rejection) when the server doesn't know it, or there are workers for it
   */
  async dropFunction(name: string, options?: DropOptions): Promise<void> {
    checkSpeakable(name);
    checkOptions(options, "dropFunction", ["force", "signal"]);
    const { force = false, signal } = options ?? {};
    if (typeof force !== "boolean") throw new TypeError(`force must be true or false, not ${show(force)}`);
    if (!force) {
      const functions = await this.status(signal ? { signal } : undefined);
      checkDroppable(name, functions, jobsOf(name, functions) > 0 && (await this.#isOurs(signal)));
    }
    await this.#done(`drop function ${name}`, signal);
  }

  /**
   * Ends the server. gearmand has lost this command in 1.1.15, and wants a signal to its process (`pid()`) instead: the error says which.
   * Perl's gearmand, and old ones of gearmand, do it.
   */
  async shutdown(options?: ShutdownOptions): Promise<void> {
    checkOptions(options, "shutdown", ["graceful", "signal"]);
    const { graceful = false, signal } = options ?? {};
    if (typeof graceful !== "boolean") throw new TypeError(`graceful must be true or false, not ${show(graceful)}`);
    try {
      await this.#done(graceful ? "shutdown graceful" : "shutdown", signal);
    } catch (error) {
      // It may be gone before its answer is out.
      if (error instanceof ConnectionLostError && error.sent && isOrderly(error.cause)) return;
      if (!isUnknown(error)) throw error;
      // To a process of Node a SIGUSR1 means that its debugger is to listen.
      const words = (await this.#isOurs(signal))
        ? "this server can't be shut down by a command: it is a JobServer, which its program closes; " +
          "where that is `edgear server`, send its process a SIGTERM"
        : "this server can't be shut down by a command, as gearmand from 1.1.15 on: " +
          "send its process a SIGTERM to end it at once, or a SIGUSR1 to end it when its jobs are done";
      throw new ServerError(error.serverCode, words);
    }
  }

  /** Closes: new calls reject with `ClosedError`, and what waits for an answer gets it first. Calling it again gives the same promise. */
  close(): Promise<void> {
    this.#closed ??= new ClosedError("this Admin was closed");
    this.#closing ??= this.#close(this.#closed);
    return this.#closing;
  }

  /** Closes at once: what waits for an answer rejects with `ClosedError`. */
  destroy(): void {
    this.#closed ??= new ClosedError("this Admin was closed");
    const cause = "this Admin was destroyed while this was in flight: whether the server did it is not known";
    this.#link?.destroy(new ClosedError(cause));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Whether the server is a `JobServer`. What can't be known isn't so: it is asked only to say something else better. */
  async #isOurs(signal: AbortSignal | undefined): Promise<boolean> {
    const version = await this.version(signal ? { signal } : undefined).catch(() => "");
    return version.includes("+edgear");
  }

  async #close(cause: ClosedError): Promise<void> {
    const link = this.#link;
    await link?.quiet();
    await link?.close(cause);
  }

  /** Asks for a list. */
  async #table<T>(
    command: string,
    read: (lines: readonly string[]) => T,
    options: WaitOptions | undefined,
    call: string,
  ): Promise<T> {
    checkOptions(options, call, ["signal"]);
    return this.#ask(command, "lines", read, options?.signal);
  }

  /** Asks for something that one line says. */
  async #line<T>(
    command: string,
    read: (line: string) => T,
    options: WaitOptions | undefined,
    call: string,
  ): Promise<T> {
    checkOptions(options, call, ["signal"]);
    return this.#ask(command, "line", ([line = ""]) => read(line), options?.signal);
  }

  /** Has something done. */
  async #done(command: string, signal: AbortSignal | undefined): Promise<void> {
    await this.#ask(command, "line", ([line = ""]) => okOf(line, command), signal);
  }

  async #ask<T>(
    command: string,
    kind: AnswerKind,
    read: (lines: readonly string[]) => T,
    signal: AbortSignal | undefined,
  ): Promise<T> {
    if (this.#closed) throw this.#closed;
    signal?.throwIfAborted();
    const link = this.#connection;
    const answer = await link.ask(command, kind, signal);
    if (answer.error !== undefined) throw errorOf(answer.error, command);
    try {
      return read(answer.lines);
    } catch (error) {
      // Whoever answers so is no job server, or its answers are no longer those to our commands.
      if (error instanceof ProtocolError) link.destroy(error);
      throw error;
    }
  }

  get #connection(): Link {
    if (this.#link) return this.#link;
    const link = new Link(this.#address, this.#options, () => {
      if (this.#link === link) this.#link = undefined;
    });
    this.#link = link;
    return link;
  }
}

function isUnknown(error: unknown): error is ServerError {
  return error instanceof ServerError && isUnknownCommand(error.serverCode);
}

/** Whether a connection was closed, and not broken: then no error of the runtime is behind it. */
function isOrderly(cause: unknown): boolean {
  return cause === undefined || (cause instanceof Error && !("code" in cause) && cause.cause === undefined);
}
