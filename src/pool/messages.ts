/*
 * What a pool and the processes, or threads, of its workers tell each other: JSON, which every runtime's channels take.
 */
import type { JobOutcome, LeaveReason } from "./events.js";

/** What a pool tells a worker. */
export type ToWorker =
  /** First of all: what it is to do, packed. It loads its handlers, and says `loaded` or `failed`. */
  | { readonly type: "assignment"; readonly assignment: string }
  /** Connect, and work. */
  | { readonly type: "run" }
  /** Grab no more, finish what is in hand, within so many milliseconds where some are given, and leave. */
  | { readonly type: "leave"; readonly reason: LeaveReason; readonly grace?: number };

/** What a worker tells its pool. */
export type FromWorker =
  /** `connections`: how many it is going to have to each server. */
  | { readonly type: "loaded"; readonly memory: number; readonly connections: number }
  /** It can't do what it was told; it leaves. */
  | { readonly type: "failed"; readonly message: string }
  /** What happened since the last of these, in order. */
  | { readonly type: "news"; readonly news: readonly News[] }
  /** What it takes, in bytes: every second. */
  | { readonly type: "alive"; readonly memory: number }
  /** It grabs no more. `why` is a hook's own reason. */
  | { readonly type: "leaving"; readonly reason: LeaveReason; readonly why?: string }
  /** It has nothing in hand any more, and its connections are closed: another may take its place. */
  | { readonly type: "done"; readonly aborted: number };

/** One thing that happened in a worker. */
export type News =
  | { readonly at: "connecting"; readonly server: string }
  | { readonly at: "connect"; readonly server: string; readonly duration: number }
  | { readonly at: "registering"; readonly server: string }
  /** `via`: which of its connections to the server. */
  | { readonly at: "register"; readonly server: string; readonly via: number; readonly functions: readonly string[] }
  | { readonly at: "no-jobs"; readonly server: string }
  | { readonly at: "idle"; readonly server: string }
  | {
      readonly at: "start";
      /** Its number in this worker: two servers may give the same handle to two jobs. */
      readonly job: number;
      readonly function: string;
      readonly handle: string;
      readonly workload?: string;
    }
  | {
      readonly at: "end";
      readonly job: number;
      readonly function: string;
      readonly handle: string;
      readonly outcome: JobOutcome;
      readonly duration: number;
      readonly error?: string;
    }
  | { readonly at: "disconnect"; readonly server: string; readonly via: number; readonly error?: string }
  | { readonly at: "error"; readonly error: string };
