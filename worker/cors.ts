import type { MiddlewareHandler } from "hono";
import { misconfigured } from "./problem.js";
import { type Env, list } from "./settings.js";

const ANSWERED = "Location, Retry-After, Edgear-Handle";

/** Lets the pages of CORS_ORIGINS read the answers. Unless that is set, browsers let none. */
export const cors: MiddlewareHandler<{ Bindings: Env }> = async (c, next) => {
  const origins = originsOf(c.env);
  const origin = c.req.header("Origin");
  const allowed = origin !== undefined && (origins?.includes(origin) || origins?.includes("*"));
  if (allowed && c.req.method === "OPTIONS" && c.req.header("Access-Control-Request-Method")) {
    c.header("Access-Control-Allow-Methods", "GET, HEAD, POST");
    c.header("Access-Control-Allow-Headers", "Authorization, Content-Type, Idempotency-Key");
    c.header("Access-Control-Max-Age", "7200");
    c.res = c.body(null, 204);
  } else await next();
  if (!origins?.length) return;
  // What a cache keeps for one origin is not for the others.
  c.header("Vary", "Origin", { append: true });
  if (!allowed) return;
  c.header("Access-Control-Allow-Origin", origin);
  c.header("Access-Control-Expose-Headers", ANSWERED);
};

/** The origins as browsers write them: one that is written otherwise would never match. */
function originsOf(env: Env): readonly string[] | undefined {
  return list(env, "CORS_ORIGINS")?.map((text) => {
    if (text === "*") return text;
    const url = !text.includes("*") && URL.canParse(text) ? new URL(text) : undefined;
    const { protocol, host } = url ?? {};
    if (!host || url?.href.replace(/\/$/, "") !== `${protocol}//${host}`)
      throw misconfigured(
        `CORS_ORIGINS has ${JSON.stringify(text.slice(0, 80))}: write an origin, such as https://app.example.com, or * for all`,
      );
    return `${protocol}//${host}`;
  });
}
