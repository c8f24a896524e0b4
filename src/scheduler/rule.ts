import { Cron } from "croner";
import { checkOptions, show } from "../check.js";

/** When a job is repeated. Times are in milliseconds. */
export type Repetition =
  | { readonly every: number; readonly from?: Date | number | undefined }
  | { readonly cron: string; readonly timeZone?: string | undefined };

/** The latest time that `Date` knows, in milliseconds. */
export const LATEST = 8.64e15;

/** Patterns that were read; a program has a few of them, and uses each again and again. */
const patterns = new Map<string, Cron>();
const MOST_PATTERNS = 1_000;

/** A repetition as the text that stores keep, and as jobs are compared by. @throws TypeError in words when it can't be one */
export function ruleText(repetition: Repetition): string {
  if ("cron" in repetition) {
    checkOptions(repetition, "a cron repetition", ["cron", "timeZone"]);
    const { cron, timeZone = "UTC" } = repetition;
    if (typeof cron !== "string" || !/\S/.test(cron))
      throw new TypeError(`a cron expression must be a text like "0 3 * * *", not ${show(cron)}`);
    return `cron ${checkZone(timeZone)} ${cron.trim().replace(/\s+/g, " ")}`;
  }
  checkOptions(repetition, "a repetition", ["every", "from"]);
  const { every, from } = repetition;
  if (!Number.isInteger(every) || every < 1 || every > LATEST)
    throw new TypeError(`every must be a whole number of milliseconds from 1, not ${show(every)}`);
  return from === undefined ? `every ${every}` : `every ${every} from ${checkTime(from, "from")}`;
}

/** A time, in whole milliseconds since 1970. @throws TypeError when it can't be one */
export function checkTime(time: unknown, name: string): number {
  const value = time instanceof Date ? time.getTime() : time;
  if (typeof value !== "number" || !(value >= 0 && value <= LATEST))
    throw new TypeError(
      `${name} must be a valid Date, or milliseconds since 1970, not ${time instanceof Date ? "an invalid Date" : show(time)}`,
    );
  return Math.ceil(value);
}

/** What a rule's text says. */
export function readRule(rule: string): Repetition | undefined {
  const [kind = "", first = "", ...rest] = rule.split(" ");
  if (kind === "cron") return { cron: rest.join(" "), timeZone: first };
  if (kind === "every") return { every: Number(first), ...(rest.length > 0 && { from: new Date(Number(rest[1])) }) };
  return undefined;
}

/** The first slot of a new job. @throws TypeError when it has none, or isn't one at all */
export function firstSlot(rule: string, now: number): number {
  const repetition = readRule(rule);
  // Without a slot that they lie around, slots begin now.
  const slot = repetition && "every" in repetition ? Number(repetition.from ?? now) : now;
  const first = nextSlot(rule, slot, now);
  if (first !== undefined) return first;
  const given =
    repetition && "cron" in repetition ? `the cron expression ${show(repetition.cron)}` : `every ${repetition?.every}`;
  throw new TypeError(`${given} never comes to pass again`);
}

/**
 * The first slot of a rule after a time. Slots of `every` lie so many milliseconds before and after each other slot.
 * @param slot any slot of it
 * @returns undefined when there is none any more
 */
export function nextSlot(rule: string, slot: number, after: number): number | undefined {
  const repetition = readRule(rule);
  if (!repetition) return undefined;
  if ("cron" in repetition)
    return pattern(repetition.cron, repetition.timeZone ?? "UTC")
      .nextRun(new Date(after))
      ?.getTime();
  const { every, from } = repetition;
  const next = slot + (Math.floor((after - slot) / every) + 1) * every;
  const least = from === undefined ? next : Math.max(next, Number(from));
  return least <= LATEST ? least : undefined;
}

function pattern(text: string, timeZone: string): Cron {
  const key = `${timeZone} ${text}`;
  let cron = patterns.get(key);
  if (!cron) {
    // The library takes a date, too, of which nothing would be repeated.
    if (!/^(@\w+|\S+( \S+){4,6})$/.test(text))
      throw new TypeError(`a cron expression has five parts, six with seconds, seven with years, not ${show(text)}`);
    try {
      cron = new Cron(text, { timezone: timeZone, paused: true });
    } catch (cause) {
      const words = cause instanceof Error ? cause.message : String(cause);
      throw new TypeError(`${show(text)} is no cron expression: ${words}`, { cause });
    }
    if (patterns.size >= MOST_PATTERNS) patterns.clear();
    patterns.set(key, cron);
  }
  return cron;
}

function checkZone(timeZone: unknown): string {
  try {
    if (typeof timeZone !== "string" || /\s/.test(timeZone)) throw new RangeError();
    return new Intl.DateTimeFormat("en", { timeZone }) && timeZone;
  } catch {
    throw new TypeError(`timeZone must be a time zone like "Europe/Berlin", not ${show(timeZone)}`);
  }
}
