import type { Priority } from "../client/submission.js";
import { checkFunction, checkOptions, checkText, checkWord, show } from "../connection/check.js";
import { Payload, type PayloadInput, toWire } from "../payload.js";
import { checkTime, firstSlot, LATEST, type Repetition, readRule, ruleText } from "./rule.js";
import type { Form, Missed, StoredJob } from "./store.js";

/** A unique has 63 bytes, of which the slot and a colon take up to 17. */
const MAX_NAME_SIZE = 46;

/** Options of a scheduled job. */
export interface PlanOptions {
  /** Which of the function's jobs go first, once it is submitted; default `"normal"`. */
  readonly priority?: Priority | undefined;
  /**
   * What becomes of slots that went by while no scheduler ran: `"once"` (default) submits one for all of them, `"all"`
   * each of them, `"skip"` none.
   */
  readonly missed?: Missed | undefined;
}

/** When a job is to run: once at a time, once after so many milliseconds, or repeatedly. */
export type When = { readonly at: Date | number } | { readonly delay: number } | Repetition;

/** A job that waits in a store. */
export interface ScheduledJob {
  readonly name: string;
  readonly function: string;
  readonly workload: Payload;
  readonly priority: Priority;
  readonly missed: Missed;
  /** When it runs next. */
  readonly next: Date;
  /** When it is repeated; undefined: it isn't. */
  readonly repetition: Repetition | undefined;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

/** @throws TypeError in words when it can't be the name of a scheduled job */
export function checkName(name: unknown): asserts name is string {
  checkText(name, "a scheduled job's name", 1, MAX_NAME_SIZE);
}

/** What a job's unique is at its slot. */
export function uniqueOf({ name, due }: { readonly name: string; readonly due: number }): string {
  return `${name}:${due}`;
}

/** A job as it goes to a store. @throws TypeError in words when something is wrong with it */
export function newJob(
  name: string,
  when: When,
  now: number,
  called: string,
  workload: PayloadInput,
  options: PlanOptions | undefined,
): StoredJob {
  checkName(name);
  const time = timing(when, now);
  checkFunction(called);
  checkOptions(options, "a scheduled job", ["priority", "missed"]);
  const { priority = "normal", missed = "once" } = options ?? {};
  checkWord(priority, "priority", ["high", "normal", "low"]);
  checkWord(missed, "missed", ["once", "all", "skip"]);
  return { name, id: crypto.randomUUID(), ...time, function: called, ...toStored(workload), priority, missed };
}

/** The rule and the first slot of a job. @throws TypeError in words when there is none */
export function timing(when: When, now: number): { rule: string; due: number } {
  if (typeof when !== "object" || when === null)
    throw new TypeError(`when must be { at }, { delay }, { every } or { cron }, not ${show(when)}`);
  if ("at" in when) {
    checkOptions(when, "when", ["at"]);
    // One gone by is now: a job that is planned anew is another one than that which was submitted for that time.
    return { rule: "", due: Math.max(now, checkTime(when.at, "at")) };
  }
  if ("delay" in when) {
    checkOptions(when, "when", ["delay"]);
    const { delay } = when;
    if (typeof delay !== "number" || !(delay >= 0) || now + delay > LATEST)
      throw new TypeError(`delay must be a number of milliseconds from 0, not ${show(delay)}`);
    return { rule: "", due: Math.ceil(now + delay) };
  }
  if (!("every" in when || "cron" in when)) throw new TypeError("when must have one of at, delay, every and cron");
  const rule = ruleText(when);
  return { rule, due: firstSlot(rule, now) };
}

/** What a store is to keep of a workload. A copy: whoever gave it may change it. */
function toStored(workload: PayloadInput): { workload: Uint8Array; form: Form } {
  const wire = toWire(workload, "the workload");
  if (typeof wire !== "string") return { workload: wire.slice(), form: "bytes" };
  const form = typeof workload === "string" ? "text" : workload === undefined ? "bytes" : "json";
  return { workload: encoder.encode(wire), form };
}

/** The workload as it was given: a client with validators looks at values. */
export function workloadOf({ workload, form }: StoredJob): PayloadInput {
  if (form === "text") return decoder.decode(workload);
  if (form === "json") return JSON.parse(decoder.decode(workload));
  return workload.byteLength === 0 ? undefined : workload;
}

/** A job as its owner sees it. */
export function toScheduled(job: StoredJob): ScheduledJob {
  const { name, function: called, workload, priority, missed, due, rule } = job;
  return {
    ...{ name, function: called, workload: new Payload(workload), priority, missed, next: new Date(due) },
    repetition: readRule(rule),
  };
}
