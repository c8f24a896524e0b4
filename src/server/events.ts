import { Payload } from "../payload.js";
import type { Logger } from "../worker/events.js";
import { readable } from "./bytes.js";
import type { Job, Peer } from "./job.js";
import type { JobDetails } from "./observer.js";

/** A connection to a `JobServer`. */
export interface ServerConnection {
  /** Counts the connections, from 1; `workers` of the text protocol shows it where gearmand shows a file descriptor. */
  readonly number: number;
  /** The address that it comes from; `in-memory` for one of `connect()`. */
  readonly address: string;
  /** What it calls itself (SET_CLIENT_ID); `-` when it doesn't. */
  readonly id: string;
}

/** A job of a `JobServer`, as it was when this was asked for. */
export interface ServerJob {
  readonly handle: string;
  readonly function: string;
  /** Its unique id, `""` when it was given none. */
  readonly unique: string;
  /** The function that its results go to, `""` for none. */
  readonly reducer: string;
  readonly workload: Payload;
  readonly priority: "high" | "normal" | "low";
  /** Whether it runs whoever waits for it or doesn't. */
  readonly background: boolean;
  /** `delayed`: its time has not come; `ended`: the server has forgotten it. */
  readonly state: "delayed" | "queued" | "running" | "ended";
  /** When its time comes, for one that was submitted with a time. */
  readonly at: Date | undefined;
  /** Its progress, as its worker told it last; both 0 before. */
  readonly numerator: number;
  readonly denominator: number;
  /** How often it was taken from a worker and queued again. */
  readonly retries: number;
  /** Foreground submissions that wait for its result. */
  readonly waiting: number;
  /** Who has it, while it runs. */
  readonly worker: ServerConnection | undefined;
}

/** What happens in a `JobServer`. */
export interface JobServerEvents {
  /** Somebody has connected. */
  connect: { connection: ServerConnection };
  /** A connection is gone; `error` says why, when it was not its peer's wish. */
  disconnect: { connection: ServerConnection; error: Error | undefined };
  /** A worker can do a function, which it could not do before. */
  register: { connection: ServerConnection; function: string };
  /** A job was submitted; `joined`: the submission joined a job that was there, by its unique. */
  submit: { job: ServerJob; joined: boolean };
  /** A worker was given the job. */
  start: { job: ServerJob };
  /** Its worker told its progress. */
  status: { job: ServerJob };
  /** Its worker sent a part of the result. */
  data: { job: ServerJob; payload: Payload };
  /** Its worker warned. */
  warning: { job: ServerJob; payload: Payload };
  /** It is done: with this result. */
  complete: { job: ServerJob; payload: Payload };
  /** Its worker ended it by an exception. */
  exception: { job: ServerJob; payload: Payload };
  /** It failed: its worker said so, it lost too many workers, took too long (`timeouts: "fail"`), or was cancelled. */
  fail: { job: ServerJob; reason: JobDetails["fail"]["reason"] };
  /** It was taken from its worker, which disconnected, no longer does its function, or had it too long, and is queued again. */
  requeue: { job: ServerJob; reason: JobDetails["requeue"]["reason"] };
  /** Whoever waited for it left, and it was dropped. */
  abandon: { job: ServerJob };
  /** A request was answered with an ERROR packet. */
  refuse: { connection: ServerConnection; code: string; text: string };
}

const PRIORITIES = ["high", "normal", "low"] as const;

/** A job as its users see it. */
export function jobView(job: Job): ServerJob {
  const { handle, reducer, workload, background, when, numerator, denominator, retries, waiting, worker } = job;
  const payload = payloadOf(workload);
  return {
    handle,
    function: readable(job.function.name),
    unique: readable(job.unique),
    reducer: readable(reducer),
    get workload() {
      return payload();
    },
    priority: PRIORITIES[job.priority],
    background,
    state: job.ended ? "ended" : worker ? "running" : job.place >= 0 ? "delayed" : "queued",
    at: when > 0 ? new Date(Math.min(when * 1000, LAST_TIME)) : undefined,
    numerator,
    denominator,
    retries,
    waiting,
    worker: worker && connectionView(worker),
  };
}

/** Bytes that may be on their way to others: they are copied for whoever asks for them, who may write into them. */
export function payloadOf(bytes: Uint8Array): () => Payload {
  let payload: Payload | undefined;
  return () => {
    payload ??= new Payload(new Uint8Array(bytes));
    return payload;
  };
}

/** The last moment that a Date can be. */
const LAST_TIME = 8.64e15;

/** A connection as its users see it. */
export function connectionView({ number, address, id }: Peer): ServerConnection {
  return { number, address, id: readable(id) };
}

/** What a logger is told, and at which level. */
const WORDS: { [Name in keyof JobServerEvents]: (event: JobServerEvents[Name]) => [keyof Logger, string] } = {
  connect: ({ connection }) => ["debug", `${peer(connection)} connected`],
  disconnect: ({ connection, error }) =>
    error ? ["warn", `lost ${peer(connection)}: ${error.message}`] : ["debug", `${peer(connection)} left`],
  register: ({ connection, function: fn }) => ["info", `${peer(connection)} can do ${fn}`],
  submit: ({ job, joined }) => ["debug", joined ? `a submission joined ${name(job)}` : `${name(job)} was submitted`],
  start: ({ job }) => ["debug", `${name(job)} was given to ${job.worker ? peer(job.worker) : "a worker"}`],
  status: ({ job }) => ["debug", `${name(job)} is at ${job.numerator} of ${job.denominator}`],
  data: ({ job, payload }) => ["debug", `${name(job)} sent ${payload.bytes.length} bytes of data`],
  warning: ({ job, payload }) => ["warn", `${name(job)} warns: ${payload.text()}`],
  complete: ({ job }) => ["info", `${name(job)} is done`],
  exception: ({ job, payload }) => ["error", `${name(job)} threw: ${payload.text()}`],
  fail: ({ job, reason }) => ["warn", `${name(job)} failed: ${FAILURES[reason]}`],
  requeue: ({ job, reason }) => ["warn", `${name(job)} is queued again: ${REQUEUES[reason]}`],
  abandon: ({ job }) => ["info", `${name(job)} was dropped: nobody waits for it any more`],
  refuse: ({ connection, code, text }) => ["warn", `${peer(connection)} was refused: ${code} (${text})`],
};

const FAILURES: Record<JobDetails["fail"]["reason"], string> = {
  worker: "its worker said so",
  retries: "it lost too many workers",
  timeout: "its worker took too long",
  cancelled: "it was cancelled",
};

const REQUEUES: Record<JobDetails["requeue"]["reason"], string> = {
  disconnect: "its worker is gone",
  abilities: "its worker no longer does its function",
  timeout: "its worker took too long",
};

/** Tells a logger of an event, in words. */
export function log<Name extends keyof JobServerEvents>(logger: Logger, event: Name, details: JobServerEvents[Name]) {
  const [level, words] = WORDS[event](details);
  return logger[level](words);
}

function name(job: ServerJob): string {
  return `${job.function} ${job.handle}`;
}

function peer({ number, address, id }: ServerConnection): string {
  return `connection ${number} (${address}${id === "-" ? "" : `, ${id}`})`;
}
