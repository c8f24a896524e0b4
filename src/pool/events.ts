import { Emitter } from "../events.js";

/** Why a worker of a pool left, or is about to. */
export type LeaveReason =
  /** `atomic`: it has done its one job. */
  | "atomic"
  /** It has done as many jobs as `count` says. */
  | "count"
  /** It had nothing to do for as long as `timeout` says. */
  | "idle"
  /** It took more than `maxMemory`. */
  | "memory"
  /** It lived for as long as `maxLifetime` says. */
  | "lifetime"
  /** A hook has stopped it. */
  | "hook"
  /** Another one takes its place: `restart()`. */
  | "restart"
  /** The pool stops. */
  | "stop"
  /** Somebody sent it, and not the pool, a SIGTERM. */
  | "signal"
  /** A handler or a hook could not be loaded. */
  | "load"
  /** It died. */
  | "crash";

/** Which worker of the pool an event is about. */
export interface MemberName {
  /** From 1: the smallest number that no other worker of the pool had when it was started. */
  readonly worker: number;
  /** Its process; the pool's own one when workers are threads. */
  readonly pid: number;
}

/** A job that a worker of the pool has in hand. */
export interface MemberJob extends MemberName {
  readonly function: string;
  readonly handle: string;
}

/**
 * What became of a job: `lost` when its worker died, or lost the job's server, `killed` when it was not waited for any
 * longer. Both kinds are given to another worker by their servers.
 */
export type JobOutcome = "complete" | "failure" | "exception" | "lost" | "killed";

/** The life of a pool and of its workers, in the order in which it comes. Durations are in milliseconds. */
export interface PoolEvents {
  /** A process, or a thread, was started. */
  "worker:start": MemberName;
  /** A connection to a server is about to be made. */
  "connect:before": MemberName & { readonly server: string };
  /** It is there. */
  connect: MemberName & { readonly server: string; readonly duration: number };
  /** The server is being told what the worker can do. */
  "register:before": MemberName & { readonly server: string };
  /** It has said that it knows. */
  register: MemberName & { readonly server: string; readonly functions: readonly string[] };
  /**
   * The worker can be given jobs: a first server knows it. Where functions have a `concurrency` of their own, each
   * of its connections has a server.
   */
  "worker:ready": MemberName;
  /** A server had no job. */
  "no-jobs": MemberName & { readonly server: string };
  /** The worker sleeps until a server wakes it. */
  idle: MemberName & { readonly server: string };
  /** A job's handler is about to be called. `workload` is there when the pool is asked to tell it: its first 1,024 characters. */
  "job:start": MemberJob & { readonly workload?: string };
  /** A job is over; `error` says of a failure, an exception or a lost one what was wrong. */
  "job:end": MemberJob & { readonly outcome: JobOutcome; readonly duration: number; readonly error?: string };
  /** A connection is gone; without `error`, the worker closed it. */
  disconnect: MemberName & { readonly server: string; readonly error?: string };
  /** A line that it has written: told of workers whose output the pool is asked to read. */
  output: MemberName & { readonly stream: "stdout" | "stderr"; readonly line: string };
  /** The worker grabs no more, and finishes what it has in hand. */
  "worker:leave": MemberName & { readonly reason: LeaveReason; readonly why?: string };
  /** Its process, or thread, has ended. `jobs` were worked off by it. */
  "worker:exit": MemberName & {
    readonly code: number | null;
    readonly signal: string | null;
    readonly reason: LeaveReason;
    readonly jobs: number;
  };
  /** Workers die again and again: `deaths` in a row. The next one is started in `delay`. */
  "crash-loop": { readonly deaths: number; readonly delay: number };
  /** All workers are being replaced, one by one. */
  "restart:before": { readonly workers: number };
  /** They were; or `error` says why the old ones go on. */
  restart: { readonly replaced: number; readonly error?: string };
  /** Something went wrong that the pool survives. */
  error: Partial<MemberName> & { readonly error: Error };
  /** The pool starts no worker any more, and its workers finish their jobs. */
  "stop:before": { readonly running: number };
  /** The pool has ended; `aborted` jobs were not waited for, and are given to others by their servers. `jobs`: all of its life. */
  stop: { readonly aborted: number; readonly jobs: Readonly<Record<JobOutcome, number>> };
}

/** What a worker of a pool is at. */
export interface WorkerState extends MemberName {
  /** `standby` is one that has loaded its handlers, and waits for its turn to connect. */
  readonly state: "starting" | "standby" | "connecting" | "ready" | "leaving";
  /** When it was started, in milliseconds since 1970. */
  readonly started: number;
  /** Jobs that it has in hand. */
  readonly running: number;
  /** Jobs that it has worked off, however they ended. */
  readonly jobs: number;
  /** Those of them that did not end well. */
  readonly failures: number;
  /** Bytes: what its process takes (RSS), or the heap of its thread; as it said last, 0 before that. */
  readonly memory: number;
  /** Milliseconds since its last job ended, or since it was there; 0 while it has one. */
  readonly idle: number;
  /** Servers that know it, with all its functions. */
  readonly servers: readonly string[];
}

/** The typed events of a pool. */
export class PoolEmitter extends Emitter<PoolEvents> {}
