import { type Handler, Worker } from "edgear";
import type { EdgeHandler } from "./handlers.js";
import { amount, connections, type Env, wellSet } from "./settings.js";

/**
 * Works off what waits of these functions, and leaves: at the deadline at the latest, when nothing more is grabbed and
 * what runs is finished. A job that is cut off all the same goes back to its server.
 * @returns how many jobs that were
 */
export async function drain(env: Env, handlers: Readonly<Record<string, EdgeHandler>>): Promise<number> {
  const names = Object.keys(handlers);
  if (names.length === 0)
    throw new Error("the cron trigger has nothing to work off: add a function to worker/handlers.ts, or remove it");
  const { servers, options } = connections(env);
  const concurrency = amount(env, "DRAIN_CONCURRENCY");
  const deadline = amount(env, "DRAIN_DEADLINE");
  const worker = wellSet(() => new Worker(servers, { ...options, concurrency, id: "edge-drain", logger: warnings }));
  for (const [name, { handle, options: own = {} }] of Object.entries(handlers)) {
    const handler: Handler = (job) => handle(job, env) as ReturnType<Handler>;
    worker.add(name, handler, own);
  }
  const done = await worker.drain({ deadline });
  console.log(`worked off ${done} jobs of ${names.join(", ")}`);
  return done;
}

/** A line a job would be more log than a cron trigger is worth. */
const warnings = {
  debug() {},
  info() {},
  warn: (...words: unknown[]) => console.warn(...words),
  error: (...words: unknown[]) => console.error(...words),
};
