import { type Handler, Hono, type MiddlewareHandler } from "hono";
import { authenticate, limitRate } from "./auth.js";
import { type EdgeContext, type EdgeEnv, withClient } from "./context.js";
import { cors } from "./cors.js";
import { jobs } from "./jobs.js";
import { openapi } from "./openapi.js";
import { noQuery } from "./parameters.js";
import { loggedProblemOf, Problem } from "./problem.js";
import { run } from "./run.js";
import { serverNames } from "./settings.js";

/** HTTP in, jobs out. */
export const app = new Hono<EdgeEnv>();

/** Lets in only who has a token, and as often as it may. */
const guard: MiddlewareHandler<EdgeEnv> = async (c, next) => {
  const token = await authenticate(c.req.raw, c.env);
  await limitRate(c.env, token);
  c.set("token", token);
  await next();
};

app.use(cors);
app.use("/jobs/*", guard);
app.use("/run/*", guard);
app.route("/jobs", jobs);
app.route("/run", run);

/** That this Worker is there, to anybody; whether a job server answers, and how fast (in milliseconds), by a token. */
app.get("/health", async (c) => {
  noQuery(c.req.url);
  // Whoever has no token can't have job servers called.
  if (c.req.header("Authorization") === undefined) return c.json({ ok: true });
  await limitRate(c.env, await authenticate(c.req.raw, c.env));
  const latency = await withClient(c, (client) => client.ping());
  return c.json({ ok: true, servers: serverNames(c.env), latency });
});

/** What this Worker takes and answers, as OpenAPI 3.1. It says nothing of this one's settings. */
app.get("/openapi.json", (c) => {
  noQuery(c.req.url);
  return c.json(openapi);
});

app.all("/jobs", allow("GET, HEAD, POST"));
app.all("/jobs/:name", allow("GET, HEAD, POST"));
app.all("/run/:name", allow("POST"));
app.all("/health", allow("GET, HEAD"));
app.all("/openapi.json", allow("GET, HEAD"));

app.notFound((c) => answer(c, new Problem(404, "NOT_FOUND", `there is no ${c.req.method} ${c.req.path} here`)));

// Whoever has left reads no answer, and it is nobody's fault.
app.onError((error, c) =>
  answer(c, c.req.raw.signal.aborted ? new Problem(503, "LEFT", "the client has left") : loggedProblemOf(error)),
);

/** Refuses the methods that no route before has taken. */
function allow(methods: string): Handler<EdgeEnv> {
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
