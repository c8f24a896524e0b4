import { describe, expect, inject, test, vi } from "vitest";
import { AWAY, fresh } from "../conformance/names.ts";
import { ask, askWith, inPieces, post, problem } from "./request.ts";

const [{ address } = { address: "" }] = inject("servers");

describe("a request that is wrong", () => {
  test("of a function of 8,001 bytes is refused in words", async () => {
    const response = await askWith({ GEARMAN_SERVERS: AWAY }, `/jobs/${"f".repeat(8_001)}`, { method: "POST" });
    const { status, code, message } = await problem(response);
    expect([status, code]).toEqual([400, "BAD_REQUEST"]);
    expect(message).toMatch(/8000 bytes at most.* has 8001$/);
  });

  test.for([
    ["/jobs/f?delay=abc", /^delay must be a whole number of milliseconds from 0, not "abc"$/],
    ["/jobs/f?delay=", /^delay must be .* not ""$/],
    ["/jobs/f?delay=-1", /^delay must be .* not "-1"$/],
    ["/jobs/f?delay=1.5", /^delay must be .* not "1.5"$/],
    ["/jobs/f?delay=1e3", /^delay must be .* not "1e3"$/],
    ["/jobs/f?delay=99999999999999999999", /^delay must be a number of milliseconds/],
    ["/jobs/f?delay=1&priority=high", /always has the normal priority/],
    ["/jobs/f?priority=urgent", /^priority must be one of "high", "normal", "low", not "urgent"$/],
    ["/jobs/f?priority=", /^priority must be one of .* not ""$/],
    ["/jobs/f?Priority=high", /"Priority", which is not known here: it may have priority, unique, delay, callback$/],
    ["/jobs/f?uniqe=x", /"uniqe", which is not known here/],
    ["/jobs/f?__proto__=x", /"__proto__", which is not known here/],
    ["/jobs/f?unique=a&unique=b", /^the query has the parameter unique twice$/],
    ["/jobs/f?unique=", /^unique must not be empty/],
    ["/jobs/f?unique=-", /^unique must not be "-"/],
    ["/run/f?unique=", /^unique must not be empty/],
    ["/jobs/f?unique=&unique=", /^the query has the parameter unique twice$/],
    ["/jobs/f?unique=%zz", /^unique has "%zz", which is no percent-encoded UTF-8$/],
    ["/jobs/f?unique=%C3", /^unique has "%C3", which is no percent-encoded UTF-8$/],
    ["/jobs/f?%zz=1", /^the query has "%zz", which is no percent-encoded UTF-8$/],
    ["/jobs/f?unique=a%00b", /^a unique id must not have a NUL/],
    [`/jobs/f?unique=${"u".repeat(64)}`, /63 bytes at most.* has 64$/],
    ["/jobs/%00", /^a function name must not have a NUL/],
    ["/jobs/a%00b", /^a function name must not have a NUL/],
    ["/jobs/%zz", /^the path has "%zz", which is no percent-encoded UTF-8$/],
    ["/jobs/%FF", /^the path has "%FF", which is no percent-encoded UTF-8$/],
  ] as const)("POST %s is refused in words", async ([path, message]) => {
    // There is no server: whoever asks for one gets another error.
    const response = await askWith({ GEARMAN_SERVERS: AWAY }, path, { method: "POST", body: "x" });
    const { status, code, message: said } = await problem(response);
    expect([status, code]).toEqual([400, "BAD_REQUEST"]);
    expect(said).toMatch(message);
  });

  test.for([
    ["/jobs/H:x:1?verbose=1", /"verbose", which is not known here: it may have server$/],
    ["/jobs/H:x:1?server=other:1", /other:1, which isn't one of this client's servers/],
    ["/jobs/H:x:1?server=a%0Ab", /^server must not have control characters/],
    [`/jobs/${"H".repeat(64)}`, /^a job handle may have 63 bytes at most/],
    ["/jobs/H%00", /^a job handle must not have a NUL/],
    ["/jobs/%E0%A4", /^the path has "%E0%A4"/],
    ["/health?x", /"x", which is not known here: it takes none$/],
  ] as const)("GET %s is refused in words", async ([path, message]) => {
    const { status, code, message: said } = await problem(await askWith({ GEARMAN_SERVERS: AWAY }, path));
    expect([status, code]).toEqual([400, "BAD_REQUEST"]);
    expect(said).toMatch(message);
  });

  test.for(["/", "/jobs/", "/jobs/a/b", "/run", "/run/", "/run/a/b", "/job/a", "/health/", "/favicon.ico", "/%00"])(
    "%s is nowhere",
    async (path) => {
      for (const method of ["GET", "POST", "DELETE"]) {
        const { status, code } = await problem(await ask(path, { method }));
        expect([status, code]).toEqual([404, "NOT_FOUND"]);
      }
    },
  );

  test.for([
    ["/jobs/f", "GET, HEAD, POST", ["PUT", "PATCH", "DELETE", "OPTIONS"]],
    ["/jobs", "GET, HEAD, POST", ["PUT", "PATCH", "DELETE", "OPTIONS"]],
    ["/run/f", "POST", ["GET", "HEAD", "PUT", "PATCH", "DELETE", "OPTIONS"]],
    ["/health", "GET, HEAD", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]],
    ["/openapi.json", "GET, HEAD", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"]],
  ] as const)("%s takes only %s", async ([path, allowed, others]) => {
    for (const method of others) {
      const response = await ask(path, { method });
      expect(response.headers.get("allow")).toBe(allowed);
      if (method === "HEAD") continue;
      const { status, code, message } = await problem(response);
      expect([status, code]).toEqual([405, "METHOD_NOT_ALLOWED"]);
      expect(message).toContain(method);
    }
  });
});

describe("a body that is too large", () => {
  const path = `/jobs/nobody?unique=${fresh("large")}`;

  test("is refused", async () => {
    const { status, code, message } = await problem(await post(path, new Uint8Array(1_048_577)));
    expect([status, code]).toEqual([413, "PAYLOAD_TOO_LARGE"]);
    expect(message).toBe("the workload may have 1048576 bytes at most, and this one has 1048577 bytes");
  });

  test("is refused when its length was not announced", async () => {
    const { status, message } = await problem(await post(path, inPieces(1_048_577)));
    expect(status).toBe(413);
    expect(message).toContain("at most, and this one has more");
  });

  test("is refused by its announced length, before it comes", async () => {
    const env = { GEARMAN_SERVERS: address, MAX_BODY_BYTES: "10" };
    const init = { method: "POST", body: inPieces(11), headers: { "content-length": "11" } };
    expect((await problem(await askWith(env, path, init))).message).toContain("has 11 bytes");
    expect((await askWith(env, path, { method: "POST", body: new Uint8Array(10) })).status).toBe(202);
  });
});

describe("a job server that", () => {
  const requests = [
    ["/jobs/nobody", { method: "POST", body: "x" }],
    ["/jobs/H:x:1", {}],
    ["/health", {}],
  ] as const;

  test.for(requests)("is away makes %s a bad gateway", async ([path, init]) => {
    const { status, code, message } = await problem(await askWith({ GEARMAN_SERVERS: AWAY }, path, init));
    expect([status, code]).toEqual([502, "CONNECTION_FAILED"]);
    expect(message).toContain(`${AWAY}: nothing listens there`);
  });

  test.for(requests)("breaks the protocol makes %s a bad gateway", async ([path, init]) => {
    const response = await askWith({ GEARMAN_SERVERS: inject("babbling") }, path, init);
    const { status, code, message } = await problem(response);
    expect([status, code]).toEqual([502, "CONNECTION_LOST"]);
    expect(message).toContain(inject("babbling"));
  });

  test.for(requests)("is silent makes %s a gateway time-out", async ([path, init]) => {
    const response = await askWith({ GEARMAN_SERVERS: inject("faulty").silent, REQUEST_TIMEOUT: 100 }, path, init);
    const { status, code, message } = await problem(response);
    expect([status, code]).toEqual([504, "TIMEOUT"]);
    expect(message).toContain("100 ms");
  });

  test("has a full queue makes the service unavailable", async () => {
    // Whoever is first gets the only place.
    await post(`/jobs/full?unique=${fresh("first")}`);
    const { status, code, message } = await problem(await post(`/jobs/full?unique=${fresh("second")}`));
    expect([status, code]).toEqual([503, "QUEUE_ERROR"]);
    expect(message).toContain("Job queue is full");
  });

  test("is away is made up for by another one", async () => {
    const env = { GEARMAN_SERVERS: `${AWAY}, ${address}` };
    const response = await askWith(env, "/jobs/nobody", { method: "POST", body: "x" });
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ server: address });
    expect(await (await askWith(env, "/health")).json()).toMatchObject({ ok: true, servers: [AWAY, address] });
  });
});

describe("a Worker that is set up wrongly", () => {
  test.for([
    [{ GEARMAN_SERVERS: "" }, /GEARMAN_SERVERS must name the job servers/],
    [{ GEARMAN_SERVERS: "jobs 1" }, /"jobs 1" is no server/],
    [{ GEARMAN_SERVERS: "jobs:99999" }, /a port is a whole number/],
    [{ GEARMAN_SERVERS: AWAY, MAX_BODY_BYTES: "1 MB" }, /MAX_BODY_BYTES must be a number, not "1 MB"/],
    [{ GEARMAN_SERVERS: AWAY, MAX_BODY_BYTES: -1 }, /MAX_BODY_BYTES must be a whole number from 0 to 16777216, not -1/],
    [
      { GEARMAN_SERVERS: [AWAY] as never },
      /GEARMAN_SERVERS must name the job servers, separated by commas, not an array/,
    ],
    [{ GEARMAN_SERVERS: AWAY, MAX_BODY_BYTES: " " }, /MAX_BODY_BYTES must be a number, not " "/],
    [{ GEARMAN_SERVERS: AWAY, MAX_BODY_BYTES: "1e3" }, /MAX_BODY_BYTES must be a number, not "1e3"/],
    [{ GEARMAN_SERVERS: AWAY, MAX_BODY_BYTES: null as never }, /MAX_BODY_BYTES must be a number, not null/],
    [
      { GEARMAN_SERVERS: AWAY, REQUEST_TIMEOUT: true as never },
      /REQUEST_TIMEOUT must be a number of milliseconds .* not true/,
    ],
    [{ GEARMAN_SERVERS: AWAY, GEARMAN_FUNCTIONS: "" }, /GEARMAN_FUNCTIONS is empty: leave it out/],
    [{ GEARMAN_SERVERS: AWAY, CORS_ORIGINS: "app.example.com" }, /CORS_ORIGINS has "app.example.com": write an origin/],
    [{ GEARMAN_SERVERS: AWAY, CORS_ORIGINS: "https://*.example.com" }, /CORS_ORIGINS has "https:\/\/\*/],
    [{ GEARMAN_SERVERS: AWAY, CORS_ORIGINS: "https://example.com/app" }, /CORS_ORIGINS has .* write an origin/],
    [{ GEARMAN_SERVERS: AWAY, CORS_ORIGINS: ["null"] }, /CORS_ORIGINS has "null"/],
    [
      { GEARMAN_SERVERS: AWAY, REQUEST_TIMEOUT: "soon" },
      /REQUEST_TIMEOUT must be a number of milliseconds .* not "soon"/,
    ],
    [{ GEARMAN_SERVERS: AWAY, CONNECT_TIMEOUT: 0 }, /CONNECT_TIMEOUT must be a number of milliseconds from 1/],
  ] as const)("says so, and logs it: %j", async ([env, words]) => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const response = await askWith(env, "/jobs/nobody", { method: "POST", body: "x" });
    const { status, code, message } = await problem(response);
    expect([status, code]).toEqual([500, "MISCONFIGURED"]);
    expect(message).toMatch(words);
    expect(log).toHaveBeenCalledExactlyOnceWith(expect.objectContaining({ message }));
    log.mockRestore();
  });
});

test("a Worker that fails doesn't tell how: its log does", async () => {
  const log = vi.spyOn(console, "error").mockImplementation(() => {});
  const error = new Error("the secret of this Worker");
  const env = { GEARMAN_SERVERS: AWAY, RATE_LIMITER: { limit: () => Promise.reject(error) } };
  const { status, code, message } = await problem(await askWith(env, "/jobs/nobody", { method: "POST" }));
  expect([status, code]).toEqual([500, "INTERNAL"]);
  expect(message).not.toContain("secret");
  expect(log).toHaveBeenCalledExactlyOnceWith(error);
  log.mockRestore();
});

test("of several job servers, Location names the one that has the job", async () => {
  const env = { GEARMAN_SERVERS: `${AWAY}, ${address}` };
  const response = await askWith(env, "/jobs/nobody", { method: "POST" });
  const location = response.headers.get("location") ?? "";
  expect(location).toMatch(new RegExp(`\\?server=${encodeURIComponent(address)}$`));
  expect(await (await askWith(env, location)).json()).toMatchObject({ known: true });
  // It is asked for there and nowhere else, as another one may have given the same handle.
  const elsewhere = location.replace(encodeURIComponent(address), encodeURIComponent(AWAY));
  expect((await askWith(env, elsewhere)).status).toBe(502);
});
