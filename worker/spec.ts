import type { BackgroundOptions, PayloadInput, Priority } from "edgear";
import { checkedUnique, plain } from "./parameters.js";
import { badRequest } from "./problem.js";

/** A job as a line of a batch, or a message of a queue, describes it. */
export interface JobSpec {
  readonly name: string;
  readonly workload: PayloadInput;
  readonly options: BackgroundOptions;
}

const KEYS = ["function", "workload", "base64", "unique", "priority", "delay"];

/**
 * Reads `{ function, workload | base64, unique, priority, delay }`.
 * @throws Problem in words when it is anything else
 */
export function jobOf(value: unknown): JobSpec {
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw badRequest(`a job must be an object with ${KEYS.join(", ")}`);
  const { function: name, workload, base64, unique, priority, delay } = value as Record<string, unknown>;
  const unknown = Object.keys(value).find((key) => !KEYS.includes(key));
  if (unknown !== undefined)
    throw badRequest(`a job has no ${JSON.stringify(unknown.slice(0, 80))}: it may have ${KEYS.join(", ")}`);
  if (typeof name !== "string") throw badRequest("a job must have a function, its name");
  const options: BackgroundOptions = {};
  if (unique !== undefined) options.unique = checkedUnique(text(unique, "unique"));
  if (priority !== undefined) options.priority = text(priority, "priority") as Priority;
  if (delay !== undefined) {
    if (typeof delay !== "number") throw badRequest("delay must be a number of milliseconds");
    options.delay = delay;
  }
  if (base64 === undefined) return { name: plain(name, "function"), workload: workload as PayloadInput, options };
  if (workload !== undefined) throw badRequest("workload and base64 say the same thing twice: give one of them");
  return { name: plain(name, "function"), workload: bytesOfBase64(text(base64, "base64")), options };
}

function text(value: unknown, key: string): string {
  if (typeof value !== "string") throw badRequest(`${key} must be a text`);
  return value;
}

function bytesOfBase64(base64: string): Uint8Array {
  let binary: string;
  try {
    binary = atob(base64);
  } catch (cause) {
    throw badRequest("base64 must be base64", cause);
  }
  // `Uint8Array.from` would make a list of all characters first, ten times as large.
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < bytes.length; at++) bytes[at] = binary.charCodeAt(at);
  return bytes;
}
