import type { PoolEvents } from "../../pool/index.js";
import { printable } from "../output.js";

/** How much a log says of an event: `debug` with --verbose, `trace` with -vv. */
export type Level = "trace" | "debug" | "info" | "warn" | "error";

/** An event in words, and how loud. */
export type Words = readonly [level: Level, words: string];

const REASONS: Record<PoolEvents["worker:exit"]["reason"], string> = {
  atomic: "it has done its job",
  count: "it has done its share of jobs",
  idle: "it had nothing to do",
  memory: "it took too much memory",
  lifetime: "it has lived long enough",
  hook: "a hook has stopped it",
  restart: "another takes its place",
  stop: "the pool stops",
  signal: "it was sent a SIGTERM",
  load: "it could not load what it is to do",
  crash: "it died",
};

/** What a log says of a pool's events. */
export const WORDS: { readonly [Name in keyof PoolEvents]: (event: PoolEvents[Name]) => Words } = {
  "worker:start": (event) => ["debug", `${name(event)} was started`],
  "connect:before": (event) => ["trace", `${name(event)} connects to ${event.server}`],
  connect: (event) => ["debug", `${name(event)} is connected to ${event.server} after ${round(event.duration)} ms`],
  "register:before": (event) => ["trace", `${name(event)} tells ${event.server} what it can do`],
  register: (event) => ["debug", `${event.server} knows that ${name(event)} can do ${event.functions.join(", ")}`],
  "worker:ready": (event) => ["info", `${name(event)} is ready`],
  "no-jobs": (event) => ["trace", `${event.server} has no job for ${name(event)}`],
  idle: (event) => ["trace", `${name(event)} waits for a job from ${event.server}`],
  "job:start": (event) => [
    "debug",
    `${job(event)} begins in ${name(event)}${event.workload === undefined ? "" : `: ${event.workload}`}`,
  ],
  "job:end": (event) => {
    const time = `after ${round(event.duration)} ms in ${name(event)}`;
    switch (event.outcome) {
      case "complete":
        return ["debug", `${job(event)} is done ${time}`];
      case "failure":
        return ["warn", `${job(event)} failed ${time}: ${event.error}`];
      case "exception":
        return ["error", `${job(event)} threw ${time}: ${event.error}`];
      default:
        return ["warn", `${job(event)} is given to another worker ${time}: ${event.error}`];
    }
  },
  disconnect: (event) =>
    event.error === undefined
      ? ["debug", `${name(event)} has left ${event.server}`]
      : ["warn", `${name(event)} has lost ${event.server}: ${event.error}`],
  output: (event) => ["info", `${name(event)}: ${event.line}`],
  "worker:leave": (event) => [
    "info",
    `${name(event)} leaves: ${REASONS[event.reason]}${event.why === undefined ? "" : ` (${event.why})`}`,
  ],
  "worker:exit": (event) => {
    const died = event.reason === "crash" || event.signal !== null || event.code !== 0;
    const how = event.signal ? `by ${event.signal}` : `with the exit code ${event.code}`;
    const jobs = event.jobs === 1 ? "1 job" : `${event.jobs} jobs`;
    return died
      ? ["warn", `${name(event)} ended ${how}, after ${jobs}`]
      : ["info", `${name(event)} is gone, after ${jobs}`];
  },
  "crash-loop": ({ deaths, delay }) => [
    "error",
    `workers die again and again, ${deaths} so far: the next one is started ${delay > 0 ? `in ${round(delay)} ms` : "at once"}`,
  ],
  "restart:before": ({ workers }) => [
    "info",
    `restarting ${workers === 1 ? "1 worker" : `${workers} workers`}, one by one`,
  ],
  restart: ({ replaced, error }) =>
    error === undefined
      ? ["info", `restarted: ${replaced === 1 ? "1 worker was" : `${replaced} workers were`} replaced`]
      : ["error", `not restarted, the old workers go on: ${error}`],
  error: (event) => [
    "error",
    event.worker === undefined ? event.error.message : `${name(event)}: ${event.error.message}`,
  ],
  "stop:before": ({ running }) => [
    "info",
    running === 0 ? "stopping" : `stopping, once ${running === 1 ? "a job is" : `${running} jobs are`} done`,
  ],
  stop: ({ aborted, jobs }) => {
    const done = jobs.complete + jobs.failure + jobs.exception;
    const words = `stopped, after ${done === 1 ? "1 job" : `${done} jobs`}`;
    if (aborted === 0) return ["info", words];
    return [
      "warn",
      `${words}; ${aborted === 1 ? "1 more was" : `${aborted} more were`} aborted, for other workers to do`,
    ];
  },
};

/** The names of all events. */
export const EVENTS = Object.keys(WORDS) as (keyof PoolEvents)[];

function name({ worker, pid }: { readonly worker?: number; readonly pid?: number }): string {
  return `worker ${worker} (${pid})`;
}

function job(event: { readonly function: string; readonly handle: string }): string {
  return `${printable(event.function)} ${event.handle}`;
}

function round(milliseconds: number): string {
  return milliseconds.toFixed(milliseconds < 10 ? 1 : 0);
}
