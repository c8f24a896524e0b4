import { checkOptions, show } from "../connection/check.js";

/** Limits by priority, of all jobs of the function. What is left out, 0 and `Infinity` are no limit. */
export interface QueueLimits {
  high?: number;
  normal?: number;
  low?: number;
}

/** The largest that gearmand reads. */
const MAX_LIMIT = 2 ** 31 - 1;

/**
 * What `maxqueue` is told behind the function's name: nothing, where there is no limit. To gearmand 0 would be the
 * same, but to Perl's gearmand it is a queue that takes nothing.
 * @throws TypeError when a limit can't be one
 */
export function limitArguments(max: number | QueueLimits | undefined): string[] {
  if (max === undefined || typeof max === "number") {
    const limit = check(max, "maxQueue");
    return limit === 0 ? [] : [String(limit)];
  }
  if (typeof max !== "object" || max === null)
    throw new TypeError(`maxQueue must be a number, or { high, normal, low }, not ${show(max)}`);
  checkOptions(max, "maxQueue", ["high", "normal", "low"]);
  const limits = [check(max.high, "high"), check(max.normal, "normal"), check(max.low, "low")];
  return limits.every((limit) => limit === 0) ? [] : limits.map(String);
}

function check(limit: unknown, name: string): number {
  if (limit === undefined || limit === Number.POSITIVE_INFINITY) return 0;
  if (!Number.isInteger(limit) || (limit as number) < 0 || (limit as number) > MAX_LIMIT)
    throw new TypeError(`${name} must be a whole number of jobs from 0 to ${MAX_LIMIT}, not ${show(limit)}`);
  return limit as number;
}
