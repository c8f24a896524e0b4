import type { Client, JobHandle, Task } from "edgear";
import { Hono } from "hono";
import { permit } from "./auth.js";
import { readBody } from "./body.js";
import { type EdgeContext, type EdgeEnv, streamed } from "./context.js";
import { Events } from "./events.js";
import { locationOf } from "./jobs.js";
import { nameInPath, runParameters, wantsEvents } from "./parameters.js";
import { asRequested, loggedProblemOf, Problem, problemOf } from "./problem.js";
import { makeRunner, resultOf } from "./results.js";
import { amount, type Env } from "./settings.js";

/** Jobs that are waited for. */
export const run = new Hono<EdgeEnv>();

/** Runs a job: answers with its result, byte for byte, or with a stream of what it tells. */
run.post("/:function", async (c) => {
  const name = nameInPath(c.req.url);
  permit(c.env, name, c.get("token"));
  const asEvents = wantsEvents(c.req.raw.headers);
  const options = runParameters(c.req.raw, amount(c.env, asEvents ? "STREAM_TIMEOUT" : "RUN_TIMEOUT"));
  // What is set wrongly must show before anything is submitted.
  for (const setting of ["STREAM_KEEP_ALIVE", "IDLE_TIMEOUT"] as const) amount(c.env, setting);
  const workload = await readBody(c.req.raw, amount(c.env, "MAX_BODY_BYTES"));
  const client = makeRunner(c.env, workload);
  // Somebody who leaves takes the job's connection along.
  const task = await asRequested(
    (async () => client.submit(name, workload, { ...options, signal: c.req.raw.signal }))(),
  );
  return asEvents ? answerEvents(c, client, task) : answerResult(c, client, task);
});

async function answerResult(c: EdgeContext, client: Client, task: Task): Promise<Response> {
  let job: JobHandle | undefined;
  try {
    job = await task.handle;
    const bytes = await resultOf(c.env, task);
    return c.body(bytes, 200, {
      "Content-Type": "application/octet-stream",
      // What a job gives may be anything: no browser is to guess that it is a page.
      "X-Content-Type-Options": "nosniff",
      "Edgear-Handle": job.handle,
    });
  } catch (error) {
    throw placed(c.env, error, job);
  } finally {
    c.executionCtx.waitUntil(client.close());
  }
}

async function answerEvents(c: EdgeContext, client: Client, task: Task): Promise<Response> {
  let job: JobHandle;
  try {
    job = await task.handle;
  } catch (error) {
    // As long as nothing was streamed, a status says it best.
    c.executionCtx.waitUntil(client.close());
    throw error;
  }
  const { handle, server, unique } = job;
  // Whoever takes the time to read the rest takes none of the job server's.
  const close = () => c.executionCtx.waitUntil(client.close());
  task.result.then(close, close);
  const headers = { "Content-Type": "text/event-stream", "Edgear-Handle": handle };
  return streamed(c, client, headers, async ({ write, left }) => {
    const events = new Events(write, amount(c.env, "STREAM_KEEP_ALIVE"));
    try {
      await events.send("created", { handle, server, unique });
      await Promise.race([tell(c.env, task, job, events, left), events.failed]);
    } finally {
      events.end();
    }
  });
}

/** Writes what a job tells, to its end. */
async function tell(env: Env, task: Task, job: JobHandle, events: Events, left: AbortSignal): Promise<void> {
  let result: Uint8Array;
  try {
    for await (const event of task) {
      if (event.type === "status") {
        const { numerator, denominator, progress } = event;
        await events.send("status", { numerator, denominator, progress });
      } else await events.send(event.type, event.payload.bytes);
    }
    result = await resultOf(env, task);
  } catch (error) {
    left.throwIfAborted();
    const problem = loggedProblemOf(placed(env, error, job));
    // There is nobody to tell.
    if (problem.code === "IDLE") throw error;
    const ends: Record<string, string> = { JOB_FAILED: "fail", JOB_EXCEPTION: "exception" };
    await events.send(ends[problem.code] ?? "problem", problem.toJSON().error);
    return;
  }
  await events.send("complete", result);
}

/** A problem with a job that is known, and where to ask for it. */
function placed(env: Env, error: unknown, job: JobHandle | undefined): unknown {
  const { status, code, message, handle: named = job?.handle } = problemOf(error, job?.handle);
  if (named === undefined || status === 500) return error;
  // One that was submitted again has another handle, at who knows which server.
  const server = named === job?.handle ? job.server : undefined;
  const headers = { Location: locationOf(env, named, server), "Edgear-Handle": named };
  if (code !== "TIMEOUT") return new Problem(status, code, message, { cause: error, handle: named, headers });
  const words = `${message}: a job that runs by now runs on, and one that still waits may be dropped by its server`;
  return new Problem(status, code, words, { cause: error, handle: named, headers });
}
