import type { FunctionOptions, Job } from "edgear";
import type { Env } from "./settings.js";

/** What works off the jobs of a function: returns the result, or throws, as a handler of `Worker.add` does. */
export interface EdgeHandler {
  handle(job: Job, env: Env): unknown;
  options?: FunctionOptions;
}

/**
 * The functions that this Worker works off when its cron trigger fires (wrangler.toml, [triggers]). Add yours:
 *
 *     wordcount: {
 *       handle: (job) => job.workload.text().split(/\s+/).filter(Boolean).length,
 *       options: { timeout: 30_000 },
 *     },
 */
export const handlers: Readonly<Record<string, EdgeHandler>> = {};
