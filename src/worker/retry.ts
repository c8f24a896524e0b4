/*
 * A job that is tried again is a new job with the old workload, byte for byte: the attempt is counted in its unique,
 * `<unique>~try<attempt>`. It can't be the same unique, which the job that just failed still has: the server would join
 * the two, and end both. And the workload stays what it was for workers in other languages, and for those without
 * retries.
 */
import { MAX_UNIQUE_SIZE } from "../../assembly/protocol.js";
import type { Connection } from "../connection/connection.js";
import { ServerError } from "../errors.js";
import type { Job } from "./job.js";
import type { RetryOptions } from "./options.js";
import { isBackground, submit } from "./requests.js";

const FIRST_BACKOFF = 1_000;

/** Which attempt a job is, from 1, and the unique that it was first submitted with. */
export function attemptOf(unique: string, { attempts }: RetryOptions): { base: string; attempt: number } {
  const [, base, digits] = /^(.*)~try([1-9]\d{0,8})$/s.exec(unique) ?? [];
  // A count that can't be ours is part of somebody's unique.
  if (base === undefined || Number(digits) > attempts) return { base: unique, attempt: 1 };
  return { base, attempt: Number(digits) };
}

/** The unique of an attempt, or of the dead letter. One that has no room for the count is replaced. */
function uniqueFor(base: string, suffix: string): string {
  const unique = `${base}~${suffix}`;
  return new TextEncoder().encode(unique).length <= MAX_UNIQUE_SIZE ? unique : `${crypto.randomUUID()}~${suffix}`;
}

/** Milliseconds to wait after the attempt that failed. */
function delayAfter(attempt: number, { backoff = FIRST_BACKOFF }: RetryOptions): number {
  const delay = typeof backoff === "function" ? backoff(attempt) : backoff * 2 ** (attempt - 1);
  return Number.isFinite(delay) ? Math.max(0, delay) : FIRST_BACKOFF;
}

/** What a failed job goes on as. */
export type Again = { readonly attempt: number; readonly delay: number } | { readonly deadLetter: string };

/**
 * Submits a failed background job again, or to the dead-letter function. This comes before the job is ended: a worker
 * that dies in between leaves two jobs rather than none. Undefined when the job isn't one to try again.
 * @throws what the server, or the connection, has against it
 */
export async function tryAgain(job: Job, retry: RetryOptions, connection: Connection): Promise<Again | undefined> {
  // Without a unique, the server can't be asked whether somebody waits for the job.
  if (job.unique === "" || job.lost) return undefined;
  const { base, attempt } = attemptOf(job.unique, retry);
  const last = attempt >= retry.attempts;
  if (last && retry.deadLetter === undefined) return undefined;
  if (!(await isBackground(connection, job.unique))) return undefined;
  if (!last) {
    const delay = delayAfter(attempt, retry);
    try {
      await submit(connection, job.function, uniqueFor(base, `try${attempt + 1}`), job.given, delay);
      return { attempt: attempt + 1, delay };
    } catch (error) {
      // A full queue counts the job that failed, too. What can't be tried again is at least not thrown away.
      if (!(error instanceof ServerError) || retry.deadLetter === undefined) throw error;
    }
  }
  const deadLetter = retry.deadLetter as string;
  // Not in an envelope: that is agreed on by function, and nobody knows of this one.
  await submit(connection, deadLetter, uniqueFor(base, "dead"), job.workload.bytes, 0);
  return { deadLetter };
}
