import type { Client, JobHandle, Task } from "edgear";
import { Hono } from "hono";
import { permit } from "./auth.js";
import { readBody } from "./body.js";
import { type EdgeContext, type EdgeEnv, streamed, type Write } from "./context.js";
import { locationOf } from "./jobs.js";
import { nameInPath, runParameters, wantsEvents } from "./parameters.js";
import { asRequested, loggedProblemOf, Problem, problemOf } from "./problem.js";
import { amount, makeClient } from "./settings.js";
import { forJson } from "./spec.js";

/** Jobs that are waited for. */
export const run = new Hono<EdgeEnv>();

/** Runs a job: answers with its result, byte for byte, or with a stream of what it tells. */
run.post("/:function", async (c) => {
  const name = nameInPath(c.req.url);
  permit(c.env, name, c.get("token"));
  const asEvents = wantsEvents(c.req.raw.headers);
  const options = runParameters(c.req.raw, amount(c.env, asEvents ? "STREAM_TIMEOUT" : "RUN_TIMEOUT"));
  const workload = await readBody(c.req.raw, amount(c.env, "MAX_BODY_BYTES"));
  const client = makeClient(c.env);
  // Somebody who leaves takes the job's connection along.
  const task = await asRequested(
    (async () => client.submit(name, workload, { ...options, signal: c.req.raw.signal }))(),
  );
  return asEvents ? answerEvents(c, client, task) : answerResult(c, client, task);
});

async function answerResult(c: EdgeContext, client: Client, task: Task): Promise<Response> {
  let handle: string | undefined;
  try {
    handle = (await task.handle).handle;
    const { bytes } = await task.result;
    return c.body(bytes as Uint8Array<ArrayBuffer>, 200, {
      "Content-Type": "application/octet-stream",
      // What a job gives may be anything: no browser is to guess that it is a page.
      "X-Content-Type-Options": "nosniff",
      "Edgear-Handle": handle,
    });
  } catch (error) {
    throw placed(error, handle);
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
  const headers = { "Content-Type": "text/event-stream", "Edgear-Handle": handle };
  return streamed(c, client, headers, async (write, left) => {
    await write(frame("created", { handle, server, unique }));
    const stop = keepAlive(write, amount(c.env, "STREAM_KEEP_ALIVE"));
    try {
      await tell(task, handle, write, left);
    } finally {
      stop();
    }
  });
}

/** Writes what a job tells, to its end. */
async function tell(task: Task, handle: string, write: Write, left: AbortSignal): Promise<void> {
  try {
    for await (const event of task) {
      if (event.type === "status") {
        const { numerator, denominator, progress } = event;
        await write(frame("status", { numerator, denominator, progress }));
      } else await write(frame(event.type, forJson(event.payload.bytes)));
    }
    const { bytes } = await task.result;
    await write(frame("complete", forJson(bytes)));
  } catch (error) {
    left.throwIfAborted();
    const problem = loggedProblemOf(placed(error, handle));
    const ends: Record<string, string> = { JOB_FAILED: "fail", JOB_EXCEPTION: "exception" };
    await write(frame(ends[problem.code] ?? "problem", problem.toJSON().error));
  }
}

/**
 * Says now and then that there is nothing to say, in lines that readers of events pass over: proxies cut what looks
 * dead, and a client that has left in silence is noticed only by a write.
 */
function keepAlive(write: Write, interval: number): () => void {
  let writing = false;
  const timer = setInterval(async () => {
    // A reader that is behind gets no heap of them.
    if (writing) return;
    writing = true;
    await write(": still here\n\n").catch(() => {});
    writing = false;
  }, interval);
  return () => clearInterval(timer);
}

/** A Server-Sent Event. JSON has no line feeds of its own, which would end it early. */
function frame(event: string, data: object): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}

/** A problem with a job that is known, and where to ask for it. */
function placed(error: unknown, handle: string | undefined): unknown {
  const { status, code, message, handle: named = handle } = problemOf(error, handle);
  if (named === undefined || status === 500) return error;
  const headers = { Location: locationOf(named), "Edgear-Handle": named };
  if (code !== "TIMEOUT") return new Problem(status, code, message, { cause: error, handle: named, headers });
  const words = `${message}: a job that runs by now runs on, and one that still waits may be dropped by its server`;
  return new Problem(status, code, words, { cause: error, handle: named, headers });
}
