import type { JobHandle } from "edgear";
import { Hono } from "hono";
import { permit } from "./auth.js";
import { answerBatch } from "./batch.js";
import { readBody } from "./body.js";
import { callBack, callbackOf } from "./callback.js";
import { type EdgeContext, type EdgeEnv, withClient } from "./context.js";
import { jobParameters, nameInPath, noQuery, serverAskedFor, uniqueAskedFor } from "./parameters.js";
import { asRequested } from "./problem.js";
import { amount, type Env, serverNames } from "./settings.js";

/** Jobs that are handed over, and asked for. */
export const jobs = new Hono<EdgeEnv>();

/** Submits a background job; the body is its workload, byte for byte. */
jobs.post("/:function", async (c) => {
  const name = nameInPath(c.req.url);
  permit(c.env, name, c.get("token"));
  const { options, callback } = jobParameters(c.req.raw);
  const target = callback === undefined ? undefined : callbackOf(c.env, callback, options);
  const workload = await readBody(c.req.raw, amount(c.env, "MAX_BODY_BYTES"));
  const job = target
    ? await callBack(c, target, name, workload, options)
    : await withClient(c, (client) => asRequested(client.background(name, workload, options)));
  return accepted(c, name, job);
});

/** Submits a background job for each line of the body. */
jobs.post("/", (c) => {
  noQuery(c.req.url);
  return answerBatch(c);
});

/** What the job server knows of a job. It can't tell one that is done from one that never was. */
jobs.get("/:handle", async (c) => {
  const handle = nameInPath(c.req.url);
  const server = serverAskedFor(c.req.url);
  const status = await withClient(c, (client) => asRequested(client.status({ handle, server })));
  const { known, running, numerator, denominator, progress, state } = status;
  return c.json({ handle, known, running, numerator, denominator, progress, state });
});

/** The same, of the job with a unique. */
jobs.get("/", async (c) => {
  const unique = uniqueAskedFor(c.req.url);
  const status = await withClient(c, (client) => asRequested(client.statusOf(unique)));
  const { known, running, numerator, denominator, progress, state, waiting } = status;
  return c.json({ unique, known, running, numerator, denominator, progress, state, waiting });
});

function accepted(c: EdgeContext, name: string, { handle, server, unique }: JobHandle): Response {
  return c.json({ handle, server, unique, function: name }, 202, { Location: locationOf(c.env, handle, server) });
}

/** Where a job can be asked for. Servers of one host name give equal handles, so that of several one must be named. */
export function locationOf(env: Env, handle: string, server: string | undefined): string {
  const several = server !== undefined && serverNames(env).length > 1;
  return `/jobs/${encodeURIComponent(handle)}${several ? `?server=${encodeURIComponent(server)}` : ""}`;
}
