import {
  type Client,
  ConnectionError,
  ConnectionLostError,
  type JobReference,
  type JobStatus,
  TimeoutError,
} from "../index.js";
import { printable, say, sayJson } from "./output.js";
import { ProgressBar } from "./progress.js";

/** The job to follow: by its reference, or by its unique id. */
export type Followed = { job: JobReference } | { unique: string };

export interface FollowOptions {
  /** Milliseconds between two looks. */
  interval?: number;
  /** Milliseconds until the job must be done. */
  timeout?: number;
  /** Whether to print what was seen as JSON, a line for each change. */
  json: boolean;
  /** Whether to print a line for each change where there is no terminal to move a bar on. */
  lines: boolean;
}

const INTERVAL = 500;

/**
 * Watches a job until its server no longer knows it, and shows how far it is.
 * @throws TimeoutError when that takes too long
 */
export async function follow(client: Client, followed: Followed, options: FollowOptions): Promise<void> {
  const { interval = INTERVAL, timeout, json, lines } = options;
  const name = nameOf(followed);
  const bar = new ProgressBar(name);
  const until = performance.now() + (timeout ?? Number.POSITIVE_INFINITY);
  // A bar moves where nothing else is to be read: lines that go to a file are wanted there.
  const moves = process.stderr.isTTY && !json && (!lines || process.stdout.isTTY);
  let seen = "";
  let state = "unanswered for";
  try {
    for (;;) {
      const status = await statusOrLoss(client, followed, until);
      if (status) {
        state = status.state;
        const words = describeStatus(status);
        if (json) {
          const text = JSON.stringify(status);
          if (text !== seen) await sayJson({ ...naming(followed), ...status });
          seen = text;
        } else if (moves && status.known) bar.show(status.progress, status.state);
        else if (moves) {
          bar.clear();
          if (lines) await say(`${printable(name)} ${words}`);
          else process.stderr.write(`${printable(name)} ${words}\n`);
        } else if (lines && words !== seen) await say(`${printable(name)} ${words}`);
        if (!json) seen = words;
        if (!status.known) return;
      }
      const left = until - performance.now();
      if (left <= 0) throw new TimeoutError("timeout", timeout ?? 0, `the job ${name} is still ${state}`);
      await new Promise((resolve) => setTimeout(resolve, Math.min(interval, left)));
    }
  } finally {
    bar.end();
  }
}

/** A job's status, or undefined when its server is away for a while, and there is still time. */
async function statusOrLoss(client: Client, followed: Followed, until: number): Promise<JobStatus | undefined> {
  try {
    return await ("job" in followed ? client.status(followed.job) : client.statusOf(followed.unique));
  } catch (error) {
    const away = error instanceof ConnectionError || error instanceof ConnectionLostError;
    if (away && Number.isFinite(until) && performance.now() < until) return undefined;
    throw error;
  }
}

/** What a status says, in words. */
export function describeStatus({ state, numerator, denominator, progress }: JobStatus): string {
  if (state === "unknown") return "unknown: done, failed, cancelled, or never there (gearmand can't tell)";
  return denominator > 0 ? `${state} ${Math.floor(progress * 100)} % (${numerator} of ${denominator})` : state;
}

function nameOf(followed: Followed): string {
  if ("unique" in followed) return followed.unique;
  return typeof followed.job === "string" ? followed.job : followed.job.handle;
}

function naming(followed: Followed): object {
  return "unique" in followed ? { unique: followed.unique } : { handle: nameOf(followed) };
}
