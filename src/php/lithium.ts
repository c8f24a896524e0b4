/*
 * li3_gearman (Lithium): all its jobs are of one function, and their JSON says which static method to call, with which
 * arguments, and what the client's surroundings were.
 */
import { show } from "../connection/check.js";
import type { Payload } from "../payload.js";
import type { Job } from "../worker/job.js";
import type { MethodRouter } from "./router.js";
import { asText } from "./scalar.js";

/** What a job of li3_gearman says. */
export interface LithiumTask {
  id: string;
  /** The method, as PHP calls it: `\app\tasks\Hello::say`. */
  task: string;
  args: unknown[];
  /** What the client's `$_SERVER` had of HTTP_HOST and its like, and `environment`. It comes from outside: it is no more than words. */
  env: Readonly<Record<string, unknown>>;
  configName: string;
  background: boolean;
  retry: number;
  retries: unknown;
}

/** Options of `lithium.workload`. */
export interface LithiumOptions {
  /** Default: a random one. */
  id?: string | undefined;
  /** Default: `{ environment: "production" }`. */
  env?: Readonly<Record<string, unknown>> | undefined;
  /** The configuration that PHP's worker is to use; default `"default"`. */
  configName?: string | undefined;
  /** Whether nobody waits for the result; default `true`, as there. */
  background?: boolean | undefined;
  /** How often PHP's worker schedules a task again that has thrown (it needs its Redis for that); default: not. */
  retries?: { maximum: number; increment: readonly string[] } | undefined;
}

function workload(task: string, args: readonly unknown[] = [], options: LithiumOptions = {}): LithiumTask {
  const { id = crypto.randomUUID(), env = { environment: "production" }, configName = "default" } = options;
  const { background = true, retries = [] } = options;
  if (typeof task !== "string" || task === "")
    throw new TypeError(`a task must be a class or a method, not ${show(task)}`);
  const named = task.startsWith("\\") ? task : `\\${task}`;
  const full = named.includes("::") ? named : `${named}::run`;
  return { id, args: [...args], env, configName, task: full, background, retry: 0, retries };
}

/** @throws TypeError in words when it isn't what li3_gearman sends */
function task(payload: Payload): LithiumTask {
  const value = parsed(payload);
  const { id, task: name, args, env, configName, background, retry, retries } = value;
  if (typeof name !== "string") throw new TypeError(`a job of li3_gearman must have a task, not ${show(name)}`);
  const list = Array.isArray(args) ? args : isRecord(args) ? Object.values(args) : undefined;
  if (!list) throw new TypeError(`the args of ${show(name)} must be a list, not ${show(args)}`);
  return {
    id: String(id ?? ""),
    task: name,
    args: list,
    // An empty array of PHP's is a list in JSON.
    env: isRecord(env) ? env : {},
    configName: String(configName ?? "default"),
    background: Boolean(background),
    retry: Number(retry ?? 0),
    retries,
  };
}

function parsed(payload: Payload): Record<string, unknown> {
  let value: unknown;
  try {
    value = payload.json();
  } catch (cause) {
    throw new TypeError("a job of li3_gearman must be JSON", { cause });
  }
  if (!isRecord(value)) throw new TypeError("a job of li3_gearman must be an object, as JSON");
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** li3_gearman's clients and workers. */
export const lithium = {
  /** The function that all its jobs are of. */
  function: "li3_gearman\\extensions\\command\\Gearmand::run",
  /** A workload for its workers: `client.background(lithium.function, lithium.workload("app\\tasks\\Hello::say", ["Ada"]))`. */
  workload,
  /** What a job's workload says. */
  task,
  /** A result of its workers. */
  result: (payload: Payload): string => payload.text(),
  /**
   * A handler for its clients' jobs: calls the method that was listed under the task's name, with its arguments and then
   * the task itself. What it returns goes as PHP would send it: a scalar as its text, nothing as none; anything
   * else as JSON.
   */
  handler(router: MethodRouter): (job: Job) => Promise<string | Uint8Array> {
    return async (job) => {
      const what = task(job.workload);
      const result = await router.call(what.task, [...what.args, what]);
      return asText(result ?? "") ?? JSON.stringify(result);
    };
  },
};
