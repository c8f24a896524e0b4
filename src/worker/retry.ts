/*
 * A job that is tried again is a new job with the old workload, byte for byte: the attempt is counted in its unique,
 * `<unique>~<attempt>`. It can't be the same unique, which the job that just failed still has: the server would join
 * the two, and end both. And the workload stays what it was for workers in other languages, and for those without
 * retries.
 */
import { MAX_UNIQUE_SIZE } from "../../assembly/protocol.js";
import type { RetryOptions } from "./options.js";

const FIRST_BACKOFF = 1_000;

/** Which attempt a job is, from 1, and the unique that it was first submitted with. */
export function attemptOf(unique: string): { base: string; attempt: number } {
  const [, base, digits] = /^(.*)~([1-9]\d{0,3})$/s.exec(unique) ?? [];
  return base === undefined ? { base: unique, attempt: 1 } : { base, attempt: Number(digits) };
}

/** The unique of an attempt, or of the dead letter. One that has no room for the count is replaced. */
export function uniqueFor(base: string, suffix: string): string {
  const unique = `${base}~${suffix}`;
  return new TextEncoder().encode(unique).length <= MAX_UNIQUE_SIZE ? unique : `${crypto.randomUUID()}~${suffix}`;
}

/** Milliseconds to wait after the attempt that failed. */
export function delayAfter(attempt: number, { backoff = FIRST_BACKOFF }: RetryOptions): number {
  const delay = typeof backoff === "function" ? backoff(attempt) : backoff * 2 ** (attempt - 1);
  return Number.isFinite(delay) ? Math.max(0, delay) : FIRST_BACKOFF;
}
