import { describe, expect, inject, test, vi } from "vitest";
import { AWAY } from "../conformance/names.ts";
import { NARROW, TOKEN, TOKENS } from "../support/tokens.ts";
import { textOf } from "./conforms.ts";
import { ask, askWith, post, problem } from "./request.ts";

const [{ address } = { address: "" }] = inject("servers");
const HASH = "0".repeat(64);

const GUARDED = [
  ["POST", "/jobs/nobody"],
  ["GET", "/jobs/H:x:1"],
  ["GET", "/jobs?unique=x"],
  ["POST", "/jobs"],
  ["POST", "/run/reverse"],
] as const;

describe.each(GUARDED)("%s %s", (method, path) => {
  test("lets nobody in without a token", async () => {
    const response = await ask(path, { method, headers: { authorization: "" } });
    expect(response.headers.get("www-authenticate")).toBe('Bearer realm="edgear"');
    const { status, message } = await problem(response);
    expect(status).toBe(401);
    expect(message).toMatch(/Authorization: Bearer/);
  });

  test.for([
    "Bearer nobody-knows-this",
    `Bearer ${TOKEN}x`,
    `Bearer ${TOKEN.slice(0, -1)}`,
    `Bearer ${JSON.parse(TOKENS)[0].hash}`,
    `Basic ${TOKEN}`,
    TOKEN,
    "Bearer",
    `Bearer ${TOKEN} ${TOKEN}`,
    `Bearer ${TOKEN}, Bearer ${TOKEN}`,
  ])("nor by %s", async (authorization) => {
    const { status, message } = await problem(await ask(path, { method, headers: { authorization } }));
    expect(status).toBe(401);
    expect(message).not.toContain(TOKEN);
  });

  test.for([undefined, "", [], "[]"])("nor anybody, as long as no token is set: %j", async (tokens) => {
    const env = { GEARMAN_SERVERS: AWAY, GEARMAN_TOKENS: tokens };
    const { status, code, message } = await problem(await askWith(env, path, { method }));
    expect([status, code]).toEqual([503, "NO_TOKENS"]);
    expect(message).toContain("wrangler secret put GEARMAN_TOKENS");
  });
});

test.for([0, 31, 63])("a token whose hash is another one by a single digit is none: digit %s", async (at) => {
  const [{ hash }] = JSON.parse(TOKENS) as [{ hash: string }];
  const other = hash.slice(0, at) + (hash[at] === "0" ? "1" : "0") + hash.slice(at + 1);
  const env = { GEARMAN_SERVERS: AWAY, GEARMAN_TOKENS: [{ name: "other", hash: other }] };
  expect((await askWith(env, "/jobs/f", { method: "POST" })).status).toBe(401);
});

test.for([
  ["no json", /GEARMAN_TOKENS is no JSON$/],
  ["{}", /GEARMAN_TOKENS must be a list$/],
  [[null], /token 0 .* name must be a text$/],
  [[{ name: "" }], /name must be a text$/],
  [[{ name: "a", hash: "secret" }], /hash must be a SHA-256 in hex/],
  [[{ name: "a", hash: HASH, functions: "f" }], /functions must be a list of texts$/],
  [
    [{ name: "a", hash: HASH, function: ["f"] }],
    /token 0 .* it may have name, hash and functions, and nothing else$/,
    /the key "function"/,
  ],
  [
    [
      { name: "insider", hash: HASH },
      { name: "insider", hash: HASH },
    ],
    /token 1 .* there is another one of its name$/,
    /the name "insider"/,
  ],
] as const)("tokens that are set up wrongly let nobody in: %j", async ([tokens, words, logged]) => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const env = { GEARMAN_SERVERS: AWAY, GEARMAN_TOKENS: tokens };
  const { status, code, message } = await problem(await askWith(env, "/jobs/f", { method: "POST" }));
  expect([status, code]).toEqual([500, "MISCONFIGURED"]);
  expect(message).toMatch(words);
  // Who has no token is told nothing of the setting; the log is.
  expect(message).not.toMatch(/secret|insider|"function"/);
  if (logged) expect(log.mock.calls[0]?.[0].cause).toMatch(logged);
  log.mockRestore();
});

describe("functions", () => {
  const narrow = { authorization: `Bearer ${NARROW}` };

  test("of its token's list are all that may be submitted", async () => {
    expect((await post("/jobs/nobody", "x", narrow)).status).toBe(202);
    expect(await textOf(await post("/run/reverse", "abc", narrow))).toBe("cba");
    for (const path of ["/jobs/echo", "/run/echo", "/jobs/Nobody", "/jobs/nobody%20", "/jobs/%00"]) {
      const { status, code, message } = await problem(await post(path, "x", narrow));
      expect([status, code]).toEqual([403, "FORBIDDEN"]);
      expect(message).toContain('the token "narrow" may not');
    }
  });

  test.for([[["nobody"]], ['["nobody"]'], ["nobody, other"]])("may be limited for everybody: %j", async ([list]) => {
    const env = { GEARMAN_SERVERS: address, GEARMAN_FUNCTIONS: list ?? "" };
    expect((await askWith(env, "/jobs/nobody", { method: "POST" })).status).toBe(202);
    for (const path of ["/jobs/echo", "/run/echo"]) {
      const { status, message } = await problem(await askWith(env, path, { method: "POST" }));
      expect(status).toBe(403);
      expect(message).toContain("GEARMAN_FUNCTIONS doesn't list it");
    }
  });

  test("are none when the list is empty", async () => {
    const env = { GEARMAN_SERVERS: AWAY, GEARMAN_FUNCTIONS: [] };
    expect((await askWith(env, "/jobs/f", { method: "POST" })).status).toBe(403);
  });
});

describe("GET /health", () => {
  test("tells somebody without a token no more than that it is there, and calls no job server", async () => {
    const response = await askWith({ GEARMAN_SERVERS: AWAY }, "/health", { headers: { authorization: "" } });
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ ok: true });
  });

  test("is limited as everything else is", async () => {
    const limit = vi.fn(async () => ({ success: false }));
    const response = await askWith({ GEARMAN_SERVERS: AWAY, RATE_LIMITER: { limit } }, "/health");
    expect((await problem(response)).status).toBe(429);
    expect(limit).toHaveBeenCalledExactlyOnceWith({ key: "tests" });
  });

  test("is no way to try tokens quietly", async () => {
    expect((await ask("/health", { headers: { authorization: "Bearer x" } })).status).toBe(401);
  });
});

test("the description can be had by anybody, and is OpenAPI 3.1", async () => {
  const response = await ask("/openapi.json", { headers: { authorization: "" } });
  expect(response.status).toBe(200);
  expect(await response.json()).toMatchObject({ openapi: "3.1.0", paths: { "/run/{name}": {} } });
});

describe("pages of other origins", () => {
  const origin = "https://app.example.com";
  const preflight = {
    method: "OPTIONS",
    headers: { origin, authorization: "", "access-control-request-method": "POST" },
  };

  test("may read nothing by default", async () => {
    const response = await ask("/jobs/nobody", { method: "POST", headers: { origin } });
    expect([...response.headers.keys()].filter((name) => name.startsWith("access-control"))).toEqual([]);
    expect((await ask("/jobs/nobody", preflight)).status).toBe(401);
  });

  test("may when they are listed, errors included", async () => {
    const env = { GEARMAN_SERVERS: address, CORS_ORIGINS: [origin] };
    const asked = await askWith(env, "/jobs/nobody", preflight);
    expect(asked.status).toBe(204);
    expect(asked.headers.get("access-control-allow-origin")).toBe(origin);
    expect(asked.headers.get("access-control-allow-headers")).toBe("Authorization, Content-Type, Idempotency-Key");
    for (const path of ["/jobs/nobody", "/jobs/nobody?priority=no", "/nowhere"]) {
      const response = await askWith(env, path, { method: "POST", headers: { origin } });
      expect(response.headers.get("access-control-allow-origin")).toBe(origin);
      expect(response.headers.get("access-control-expose-headers")).toBe("Location, Retry-After, Edgear-Handle");
      expect(response.headers.get("vary")).toBe("Origin");
    }
  });

  test.for([
    "*",
    "HTTPS://App.Example.com",
    "https://app.example.com/",
    "https://app.example.com:443",
    "https://a.example, https://app.example.com",
  ])("may when they are listed otherwise than browsers write them: %s", async (list) => {
    const env = { GEARMAN_SERVERS: address, CORS_ORIGINS: list };
    const response = await askWith(env, "/health", { headers: { origin } });
    expect(response.headers.get("access-control-allow-origin")).toBe(origin);
  });

  test.for(["https://evil.example", "https://app.example.com.evil.example", "null"])(
    "may not otherwise: %s",
    async (other) => {
      const env = { GEARMAN_SERVERS: address, CORS_ORIGINS: [origin] };
      const response = await askWith(env, "/jobs/nobody", { method: "POST", headers: { origin: other } });
      expect(response.headers.has("access-control-allow-origin")).toBe(false);
      expect(response.headers.get("vary")).toBe("Origin");
      const refused = await askWith(env, "/jobs/nobody", {
        ...preflight,
        headers: { ...preflight.headers, origin: other },
      });
      expect(refused.status).toBe(401);
    },
  );
});
