import type { Client } from "edgear";
import { type Context, type Handler, Hono } from "hono";
import { readBody } from "./body.js";
import { nameInPath, noQuery, submitOptions } from "./parameters.js";
import { asRequested, Problem, problemOf } from "./problem.js";
import { type Env, makeClient, maxBody, serverNames } from "./settings.js";

type EdgeContext = Context<{ Bindings: Env }>;

/** HTTP in, jobs out. */
export const app = new Hono<{ Bindings: Env }>();

/** Submits a background job; the body is its workload, byte for byte. */
app.post("/jobs/:function", async (c) => {
  const { url, raw } = c.req;
  const name = nameInPath(url);
  const options = submitOptions(url);
  const workload = await readBody(raw, maxBody(c.env));
  const job = await withClient(c, (client) => asRequested(client.background(name, workload, options)));
  const { handle, server, unique } = job;
  return c.json({ handle, server, unique, function: name }, 202, { Location: `/jobs/${encodeURIComponent(handle)}` });
});

/** What the job server knows of a job. It can't tell one that is done from one that never was. */
app.get("/jobs/:handle", async (c) => {
  const handle = nameInPath(c.req.url);
  noQuery(c.req.url);
  const status = await withClient(c, (client) => asRequested(client.status(handle)));
  const { known, running, numerator, denominator, progress, state } = status;
  return c.json({ handle, known, running, numerator, denominator, progress, state });
});

/** Whether a job server answers, and how fast (in milliseconds). */
app.get("/health", async (c) => {
  noQuery(c.req.url);
  const latency = await withClient(c, (client) => client.ping());
  return c.json({ ok: true, servers: serverNames(c.env), latency });
});

app.all("/jobs/:name", allow("GET, HEAD, POST"));
app.all("/health", allow("GET, HEAD"));

app.notFound((c) => answer(c, new Problem(404, "NOT_FOUND", `there is no ${c.req.method} ${c.req.path} here`)));

app.onError((error, c) => {
  const problem = problemOf(error);
  if (problem.status === 500) console.error(error);
  return answer(c, problem);
});

/** Calls `use` with a client of this request's own, which is closed when the answer is out. */
async function withClient<T>(c: EdgeContext, use: (client: Client) => Promise<T>): Promise<T> {
  const client = makeClient(c.env);
  try {
    return await use(client);
  } finally {
    c.executionCtx.waitUntil(client.close());
  }
}

/** Refuses the methods that no route before has taken. */
function allow(methods: string): Handler<{ Bindings: Env }> {
  return (c) =>
    answer(
      c,
      new Problem(405, "METHOD_NOT_ALLOWED", `${c.req.method} is not for this address: it takes ${methods}`, {
        headers: { Allow: methods },
      }),
    );
}

function answer(c: EdgeContext, problem: Problem): Response {
  return c.json(problem.toJSON(), problem.status, problem.headers);
}
