import { show } from "../connection/check.js";

/** How large a value may be, and how deep. */
export interface Limits {
  readonly maxDepth: number;
  readonly maxItems: number;
  readonly maxSize: number;
}

/** @throws TypeError when a limit can't be one */
export function checkLimits(options: Partial<Record<keyof Limits, number | undefined>>): Limits {
  const { maxDepth = 128, maxItems = 1_000_000, maxSize = 64 << 20 } = options;
  for (const [name, value] of Object.entries({ maxDepth, maxItems, maxSize }))
    if (!Number.isInteger(value) || value < 1)
      throw new TypeError(`${name} must be a whole number from 1, not ${show(value)}`);
  if (maxDepth > 1_000) throw new TypeError(`maxDepth may be 1000 at most, not ${maxDepth}`);
  return { maxDepth, maxItems, maxSize };
}
