import { MAX_CLIENT_ID_SIZE } from "../../assembly/protocol.js";
import { checkMaxPacketSize, DEFAULT_MAX_PACKET_SIZE } from "../codec/codec.js";
import type { BackoffOptions } from "../connection/backoff.js";
import { checkFunction, checkMilliseconds, checkOptions, checkText, show } from "../connection/check.js";
import type { ConnectionOptions } from "../connection/connection.js";
import { type Connect, checkConnect } from "../connection/dial.js";
import type { AnyJobs, Validators } from "../jobs.js";
import type { Logger } from "./events.js";

/** Options of a worker. Times are in milliseconds. */
export interface WorkerOptions<Jobs = AnyJobs> {
  /** How many jobs run at once, over all servers; default 1. */
  concurrency?: number | undefined;
  /** What `workers` lists of a job server call this worker: up to 127 bytes without white space. */
  id?: string | undefined;
  /** How long to wait before a lost server is tried again. It is tried for ever. */
  reconnect?: BackoffOptions | undefined;
  /**
   * How often a worker that sleeps asks for a job all the same; default 10,000. gearmand 1.x wakes nobody when the
   * time of a delayed job has come, so that it may be late by as much; and a server that fell silent is noticed by it.
   */
  pollInterval?: number | undefined;
  /** Until a connection to a server must be there; default 5,000. */
  connectTimeout?: number | undefined;
  /** Until a server must have answered a request; default 10,000. */
  requestTimeout?: number | undefined;
  /** The largest packet body that is accepted, in bytes; default 64 MiB. */
  maxPacketSize?: number | undefined;
  /** Makes the sockets, instead of the runtime: a private network's, a tunnel's, a test's. Any WinterTC socket will do. */
  connect?: Connect | undefined;
  /** What is told of the worker's life: its events, in words. `console` and pino's loggers fit. Default: nothing is. */
  logger?: Logger | undefined;
  /** Validators by function: workloads and results are checked, as JSON. */
  jobs?: Validators<Jobs> | undefined;
}

/** How a function's failed background jobs are tried again: see docs/worker.md, "Retries". */
export interface RetryOptions {
  /** How often a job is tried in all, from 2. */
  attempts: number;
  /**
   * Milliseconds before the next attempt: a number is the first wait, doubled each time; a function gets the number of
   * the attempt that failed, from 1. Default 1,000. The server counts in whole seconds; under 500 ms there is no wait.
   */
  backoff?: number | ((attempt: number) => number) | undefined;
  /** The function that gets the workload of a job whose last attempt failed, as a background job. Default: none. */
  deadLetter?: string | undefined;
}

/** Options of `worker.add`. */
export interface FunctionOptions {
  /**
   * Milliseconds that a job may take; default: no limit. Then its `signal` aborts, the job fails (WORK_FAIL), and its
   * slot is free again, whether the handler has noticed or not. The worker's own timer; the server knows nothing of it.
   */
  timeout?: number | undefined;
  /**
   * Registers the function by CAN_DO_TIMEOUT, in milliseconds: the server itself takes a job back that takes longer,
   * and gives it to another worker. Think twice, and use it at `concurrency` 1: gearmand up to 1.1.22 has one such timer a
   * connection, leaves it running when the job is done, and may then give out a job twice; under 1,000 it takes 1,000; Perl's gearmand takes
   * it for seconds, and fails the job.
   */
  serverTimeout?: number | undefined;
  /** Tries failed background jobs again. Default: not; gearmand itself never does. */
  retry?: RetryOptions | undefined;
}

/** Options of `worker.run`. */
export interface RunOptions {
  /** Stops the worker as `close()` does. */
  signal?: AbortSignal | undefined;
  /** Stops after so many jobs. */
  maxJobs?: number | undefined;
  /** Stops after so many milliseconds without a job. */
  idleTimeout?: number | undefined;
}

/** Options of `worker.drain`. */
export interface DrainOptions {
  /** When to stop grabbing, though jobs may still wait: a time, or milliseconds from now. Default: no limit. */
  deadline?: Date | number | undefined;
  /** Stops the worker as `close()` does. */
  signal?: AbortSignal | undefined;
  /** Stops after so many jobs. */
  maxJobs?: number | undefined;
}

/** Options of `worker.close`. */
export interface CloseOptions {
  /** Milliseconds that running jobs are waited for; default: no limit. */
  timeout?: number | undefined;
}

/** Options, checked and complete. */
export interface Settings {
  readonly concurrency: number;
  readonly id: string | undefined;
  readonly reconnect: BackoffOptions;
  readonly pollInterval: number;
  readonly logger: Logger | undefined;
  readonly connection: ConnectionOptions;
}

const WORKER_OPTIONS: (keyof WorkerOptions)[] = [
  "concurrency",
  "id",
  "reconnect",
  "pollInterval",
  "connectTimeout",
  "requestTimeout",
  "maxPacketSize",
  "logger",
  "connect",
  "jobs",
];

/** @throws TypeError when one is wrong */
export function checkWorkerOptions(options: Omit<WorkerOptions, "jobs">): Settings {
  checkOptions(options, "Worker", WORKER_OPTIONS);
  const { concurrency = 1, id, reconnect = {}, pollInterval = 10_000, logger } = options;
  const { connectTimeout = 5_000, requestTimeout = 10_000, maxPacketSize = DEFAULT_MAX_PACKET_SIZE, connect } = options;
  checkCount(concurrency, "concurrency");
  checkMilliseconds(pollInterval, "pollInterval", 10);
  checkMilliseconds(connectTimeout, "connectTimeout", 1);
  checkMilliseconds(requestTimeout, "requestTimeout", 1);
  checkMaxPacketSize(maxPacketSize);
  if (id !== undefined) {
    checkText(id, "a worker's id", 1, MAX_CLIENT_ID_SIZE);
    if (/\s/.test(id))
      throw new TypeError(`a worker's id must not have white space, which would break the server's list: ${show(id)}`);
  }
  checkOptions(reconnect, "reconnect", ["minDelay", "maxDelay"]);
  if (reconnect.minDelay !== undefined) checkMilliseconds(reconnect.minDelay, "reconnect.minDelay", 1);
  if (reconnect.maxDelay !== undefined) checkMilliseconds(reconnect.maxDelay, "reconnect.maxDelay", 1);
  if (logger !== undefined) {
    for (const level of ["debug", "info", "warn", "error"] as const) {
      if (typeof logger?.[level] !== "function")
        throw new TypeError(`logger must have the functions debug, info, warn and error; ${level} is missing`);
    }
  }
  checkConnect(connect);
  return {
    concurrency,
    id,
    reconnect,
    pollInterval,
    logger,
    // A worker whose slots are all taken doesn't poll, and would not notice a dead line.
    connection: { connectTimeout, requestTimeout, maxPacketSize, heartbeat: pollInterval, connect },
  };
}

/** @throws TypeError when one is wrong */
export function checkFunctionOptions(name: string, options: FunctionOptions): void {
  checkOptions(options, "add", ["timeout", "serverTimeout", "retry"]);
  const { timeout, serverTimeout, retry } = options;
  if (timeout !== undefined) checkMilliseconds(timeout, "timeout", 1);
  if (serverTimeout !== undefined) {
    checkMilliseconds(serverTimeout, "serverTimeout", 1);
    if (!Number.isInteger(serverTimeout))
      throw new TypeError(`serverTimeout must be whole milliseconds, not ${serverTimeout}`);
  }
  if (retry === undefined) return;
  checkOptions(retry, "retry", ["attempts", "backoff", "deadLetter"]);
  checkCount(retry.attempts, "retry.attempts", 2);
  if (typeof retry.backoff !== "function" && retry.backoff !== undefined)
    checkMilliseconds(retry.backoff, "retry.backoff");
  if (retry.deadLetter === undefined) return;
  checkFunction(retry.deadLetter);
  if (retry.deadLetter === name) throw new TypeError(`the dead-letter function of ${show(name)} can't be itself`);
}

/** @throws TypeError when a number of something can't be one */
export function checkCount(value: unknown, name: string, least = 1): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < least)
    throw new TypeError(`${name} must be a whole number from ${least}, not ${show(value)}`);
}
