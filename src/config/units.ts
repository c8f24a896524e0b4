/* Times and sizes, as a configuration's file has them. */
import { MAX_TIMER } from "../connection/check.js";

const TIMES: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const SIZES: Record<string, number> = { B: 1, KB: 2 ** 10, MB: 2 ** 20, GB: 2 ** 30 };

/** What a time may look like, for the JSON schema. */
export const TIME_PATTERN = "^\\d+(\\.\\d+)? ?(ms|s|m|h|d)$";
/** What a size may look like, for the JSON schema. */
export const SIZE_PATTERN = "^\\d+(\\.\\d+)? ?([kKmMgG]i?)?B$";

/** Milliseconds; undefined when it is no time that a timer takes. Words need their unit: a bare `"30"` might be either. */
export function readTime(value: unknown): number | undefined {
  const [, number, unit = ""] =
    typeof value === "string" ? (new RegExp(TIME_PATTERN).exec(value) ? split(value) : []) : [];
  const milliseconds = typeof value === "number" ? value : Number(number) * (TIMES[unit] ?? Number.NaN);
  return milliseconds >= 0 && milliseconds <= MAX_TIMER ? milliseconds : undefined;
}

/** Bytes; undefined when it is no size. */
export function readSize(value: unknown): number | undefined {
  const [, number, unit = ""] =
    typeof value === "string" ? (new RegExp(SIZE_PATTERN).exec(value) ? split(value) : []) : [];
  const bytes =
    typeof value === "number" ? value : Number(number) * (SIZES[unit.toUpperCase().replace("I", "")] ?? Number.NaN);
  return bytes >= 1 && Number.isFinite(bytes) ? Math.round(bytes) : undefined;
}

function split(text: string): string[] {
  return /^([\d.]+) ?(\w+)$/.exec(text) ?? [];
}
