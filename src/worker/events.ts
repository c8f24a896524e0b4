import { Emitter, harmless } from "../events.js";
import type { Job } from "./job.js";
import { messageOf } from "./message.js";

/** Anything that takes lines of a log: `console`, pino, winston, … */
export interface Logger {
  debug(...words: unknown[]): void;
  info(...words: unknown[]): void;
  warn(...words: unknown[]): void;
  error(...words: unknown[]): void;
}

/** A worker's life, in the order in which it comes. Durations are in milliseconds. */
export interface WorkerEvents {
  /** A connection to a server is about to be made. */
  connecting: { server: string };
  /** It is there. */
  connect: { server: string; duration: number };
  /** The server has said that it knows what this worker can do. */
  register: { server: string; functions: string[] };
  /** The server had no job. */
  noJob: { server: string };
  /** The worker told the server that it sleeps, and waits to be woken. */
  sleep: { server: string };
  /** A job's handler is about to be called. */
  start: { job: Job };
  /** The job is done: its result was sent. */
  complete: { job: Job; duration: number };
  /** The job failed (WORK_FAIL): its handler threw `JobFailed`, or its time was over. */
  fail: { job: Job; duration: number; error: Error };
  /** Its handler threw (WORK_EXCEPTION). */
  exception: { job: Job; duration: number; error: unknown };
  /** The job failed, and was submitted again; `attempt` will be its next one. */
  retry: { job: Job; attempt: number; delay: number; error: unknown };
  /** The job's last attempt failed, and its workload went to the dead-letter function. */
  deadLetter: { job: Job; function: string; error: unknown };
  /**
   * A result was not taken: the server had given the job to somebody else (JOB_NOT_FOUND), or, when `job` is there,
   * the connection that the job came by was lost. Such a job is worked off again, and its effects may come twice.
   */
  discard: { server: string; job?: Job };
  /** A connection is gone; `error` is undefined when the worker closed it. */
  disconnect: { server: string; error: Error | undefined };
  /** The server will be tried again in so many milliseconds. */
  reconnecting: { server: string; delay: number };
  /** Something went wrong that no job is to blame for: a server can't be reached, a retry can't be submitted. The worker goes on. */
  error: { server: string; error: Error };
  /** The worker is closed; `aborted` jobs were not waited for. */
  close: { aborted: number };
}

type Level = keyof Logger;

/** What a logger is told, and at which level. */
const WORDS: { [Name in keyof WorkerEvents]: (event: WorkerEvents[Name]) => [Level, string] } = {
  connecting: ({ server }) => ["debug", `connecting to ${server}`],
  connect: ({ server, duration }) => ["info", `connected to ${server} in ${round(duration)} ms`],
  register: ({ server, functions }) => ["info", `${server} knows that this worker can do ${functions.join(", ")}`],
  noJob: ({ server }) => ["debug", `${server} has no job`],
  sleep: ({ server }) => ["debug", `waiting for a job from ${server}`],
  start: ({ job }) => ["debug", `${name(job)} begins`],
  complete: ({ job, duration }) => ["info", `${name(job)} is done after ${round(duration)} ms`],
  fail: ({ job, duration, error }) => ["warn", `${name(job)} failed after ${round(duration)} ms: ${error.message}`],
  exception: ({ job, duration, error }) => [
    "error",
    `${name(job)} threw after ${round(duration)} ms: ${describe(error)}`,
  ],
  retry: ({ job, attempt, delay }) => [
    "warn",
    `${name(job)} is tried again in ${round(delay)} ms, for the ${attempt}. time`,
  ],
  deadLetter: ({ job, function: to }) => ["error", `${name(job)} failed for the last time, and goes to ${to}`],
  discard: ({ server, job }) => [
    "warn",
    `${server} did not take the result of ${job ? name(job) : "a job"}: it was given to another worker`,
  ],
  disconnect: ({ server, error }) =>
    error ? ["warn", `lost ${server}: ${error.message}`] : ["info", `left ${server}`],
  reconnecting: ({ server, delay }) => ["info", `trying ${server} again in ${round(delay)} ms`],
  error: ({ error }) => ["error", error.message],
  close: ({ aborted }) => [
    "info",
    aborted ? `closed; ${aborted === 1 ? "1 job was" : `${aborted} jobs were`} aborted` : "closed",
  ],
};

/** The events of a worker, told to its listeners, and to its logger in words. */
export class WorkerEmitter extends Emitter<WorkerEvents> {
  readonly #logger: Logger | undefined;

  constructor(logger: Logger | undefined) {
    super();
    this.#logger = logger;
  }

  protected override emit<Name extends keyof WorkerEvents>(event: Name, details: WorkerEvents[Name]): void {
    super.emit(event, details);
    const logger = this.#logger;
    if (!logger) return;
    harmless(() => {
      const [level, words] = WORDS[event](details);
      return logger[level](words);
    });
  }
}

function name(job: Job): string {
  return `${job.function} ${job.handle}`;
}

function describe(error: unknown): string {
  return messageOf(error);
}

function round(milliseconds: number): string {
  return milliseconds.toFixed(milliseconds < 10 ? 1 : 0);
}
