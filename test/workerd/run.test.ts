import { connect } from "cloudflare:sockets";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { Admin } from "edgear";
import { describe, expect, inject, test, vi } from "vitest";
import { app } from "../../worker/app.ts";
import { AWAY, fresh } from "../conformance/names.ts";
import { TOKEN, TOKENS } from "../support/tokens.ts";
import { parseEvents, textOf } from "./conforms.ts";
import { ask, askWith, begin, post, problem, worked } from "./request.ts";

const [{ address } = { address: "" }] = inject("servers");
const events = { accept: "text/event-stream" };

describe("POST /run/:function", () => {
  test("answers with the result, byte for byte", async () => {
    const bytes = Uint8Array.from({ length: 70_000 }, (_, index) => index & 0xff);
    const response = await post("/run/echo", bytes);
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/octet-stream");
    expect(response.headers.get("x-content-type-options")).toBe("nosniff");
    expect(response.headers.get("edgear-handle")).toMatch(/^H:.+:\d+$/);
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(bytes);
  });

  test("says that the job failed", async () => {
    const { status, code } = await problem(await post("/run/fail"));
    expect([status, code]).toEqual([502, "JOB_FAILED"]);
  });

  test("says with what a job has ended", () =>
    worked(
      () => {
        throw new Error("no such picture");
      },
      async (name) => {
        const response = await post(`/run/${name}`);
        expect(await problem(response)).toMatchObject({
          status: 502,
          code: "JOB_EXCEPTION",
          message: "no such picture",
          handle: response.headers.get("edgear-handle"),
        });
      },
    ));

  test("says where a job can be asked for that takes too long", async () => {
    const response = await post("/run/nobody?timeout=100");
    const { status, code, message, ...more } = await problem(response);
    expect([status, code]).toEqual([504, "TIMEOUT"]);
    expect(message).toMatch(/did not come in time .*100 ms.*runs on/);
    const { handle } = more as unknown as { handle: string };
    expect(handle).toMatch(/^H:.+:\d+$/);
    expect(response.headers.get("location")).toBe(`/jobs/${encodeURIComponent(handle)}`);
    expect((await ask(response.headers.get("location") ?? "")).status).toBe(200);
  });

  test("waits for as long as it is set to, unless it is asked to wait less", async () => {
    const env = { GEARMAN_SERVERS: address, RUN_TIMEOUT: 100, STREAM_TIMEOUT: 20_000 };
    const { message } = await problem(await askWith(env, "/run/nobody", { method: "POST" }));
    expect(message).toContain("timeout: 100 ms");
  });

  test.for([{}, { unique: "of-its-own" }])("takes no result that is too large, and asks once: %j", async (query) => {
    let runs = 0;
    await worked(
      (job) => {
        runs++;
        return new Uint8Array(Number(job.workload.text()));
      },
      async (name) => {
        const ask = (size: number, headers = {}) => {
          const env = { GEARMAN_SERVERS: address, MAX_RESULT_BYTES: "2000" };
          const path = `/run/${name}?${new URLSearchParams(query)}`;
          return askWith(env, path, { method: "POST", body: String(size), headers });
        };
        expect((await ask(2_000)).status).toBe(200);
        for (const size of [2_001, 100_000]) {
          const response = await ask(size);
          expect(await problem(response)).toMatchObject({
            status: 502,
            code: "RESULT_TOO_LARGE",
            handle: response.headers.get("edgear-handle"),
          });
          const last = parseEvents(await textOf(await ask(size, events))).at(-1);
          expect(last).toMatchObject({ event: "problem", data: { code: "RESULT_TOO_LARGE" } });
        }
        await new Promise((resolve) => setTimeout(resolve, 300));
        expect(runs).toBe(5);
      },
    );
  });

  test("reads nothing that is too large, on the way neither", () =>
    worked(
      (job) => {
        job.data(new Uint8Array(Number(job.workload.text())));
        return "done";
      },
      async (name) => {
        const env = { GEARMAN_SERVERS: address, MAX_RESULT_BYTES: 2_000 };
        const told = async (size: string) => {
          const response = await askWith(env, `/run/${name}`, { method: "POST", body: size, headers: events });
          return parseEvents(await textOf(response)).at(-1);
        };
        expect(await told("2000")).toEqual({ event: "complete", data: { text: "done" } });
        expect(await told("3000")).toMatchObject({ event: "problem", data: { code: "RESULT_TOO_LARGE" } });
      },
    ));

  test("tells no more of an exception than is of use", () =>
    worked(
      () => {
        throw new Error("e".repeat(20_000));
      },
      async (name) => {
        expect((await problem(await post(`/run/${name}`))).message).toBe("e".repeat(10_000));
      },
    ));

  test.for(["text/event-stream;q=0", "*/*, Text/Event-Stream ; q=0.000"])(
    "is not to be a stream: %s",
    async (accept) => {
      const response = await post("/run/reverse", "abc", { accept });
      expect(await textOf(response)).toBe("cba");
    },
  );

  test.for([
    ["STREAM_KEEP_ALIVE", "soon"],
    ["IDLE_TIMEOUT", "soon"],
    ["MAX_RESULT_BYTES", "many"],
  ])("submits nothing when %s is set wrongly", async ([setting = "", value]) => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const unique = fresh("unset");
    const env = { GEARMAN_SERVERS: address, [setting]: value };
    const path = `/run/nobody?unique=${unique}`;
    const response = await askWith(env, path, { method: "POST", headers: events });
    expect(await problem(response)).toMatchObject({ status: 500, code: "MISCONFIGURED" });
    expect(await (await ask(`/jobs?unique=${unique}`)).json()).toMatchObject({ known: false });
    log.mockRestore();
  });

  test("says that a client has left, to whom it may concern", async () => {
    const log = vi.spyOn(console, "error").mockImplementation(() => {});
    const leaving = new AbortController();
    const answering = begin({}, "/run/nobody", { method: "POST", signal: leaving.signal });
    setTimeout(() => leaving.abort(), 100);
    expect(await problem(await answering)).toMatchObject({ status: 503, code: "LEFT" });
    expect(log).not.toHaveBeenCalled();
    log.mockRestore();
  });

  test.for([
    ["timeout=0", /from 1 to 30000, not 0$/],
    ["timeout=30001", /from 1 to 30000, not 30001$/],
    ["timeout=1s", /whole number of milliseconds .* not "1s"$/],
    ["delay=1", /"delay", which is not known here: it may have priority, unique, timeout$/],
  ] as const)("refuses %s in words", async ([query, words]) => {
    const response = await askWith({ GEARMAN_SERVERS: AWAY }, `/run/f?${query}`, { method: "POST" });
    const { status, message } = await problem(response);
    expect(status).toBe(400);
    expect(message).toMatch(words);
  });

  test.for([{}, events])("is a bad gateway when the job server is away: %j", async (headers) => {
    const response = await askWith({ GEARMAN_SERVERS: AWAY }, "/run/f", { method: "POST", headers });
    expect(await problem(response)).toMatchObject({ status: 502, code: "CONNECTION_FAILED" });
  });
});

describe("POST /run/:function, Accept: text/event-stream", () => {
  test("tells all that the job tells", () =>
    worked(
      (job) => {
        job.status(1, 4);
        job.data("line\nfeeds\n\nevent: complete");
        job.data(Uint8Array.of(0xff, 0));
        job.warn("careful");
        return "done";
      },
      async (name) => {
        const response = await post(`/run/${name}`, "x", { accept: "text/html, Text/Event-Stream;q=0.9" });
        expect(response.status).toBe(200);
        expect(response.headers.get("content-type")).toBe("text/event-stream");
        const handle = response.headers.get("edgear-handle");
        expect(parseEvents(await response.text())).toEqual([
          { event: "created", data: { handle, server: address, unique: expect.any(String) } },
          { event: "status", data: { numerator: 1, denominator: 4, progress: 0.25 } },
          { event: "data", data: { text: "line\nfeeds\n\nevent: complete" } },
          { event: "data", data: { base64: "/wA=" } },
          { event: "warning", data: { text: "careful" } },
          { event: "complete", data: { text: "done" } },
        ]);
      },
    ));

  test("tells a large result in pieces, and any bytes", () =>
    worked(
      (job) => {
        const size = Number(job.workload.text());
        const bytes = new Uint8Array(size).fill(0xff);
        // Of a text no character may be torn apart, wherever a piece ends.
        return job.unique.startsWith("text") ? "aü€😀\n".repeat(size / 6) : bytes;
      },
      async (name) => {
        for (const size of [0, 1, 24_576, 24_577, 1_000_000]) {
          const bytes = await post(`/run/${name}?unique=${fresh("bytes")}`, String(size), events);
          const { data } = parseEvents(await textOf(bytes)).at(-1) as { data: { base64?: string } };
          if (size > 0) expect(data.base64).toBe(btoa("\xff".repeat(size)));
          const text = await post(`/run/${name}?unique=${fresh("text")}`, String(size), events);
          const told = parseEvents(await textOf(text)).at(-1) as { data: { text?: string } };
          expect(told.data.text).toBe("aü€😀\n".repeat(size / 6));
        }
      },
    ));

  test("is kept by nobody, and waited for as long as it is set to", async () => {
    const env = { GEARMAN_SERVERS: address, STREAM_TIMEOUT: 100, RUN_TIMEOUT: 20_000 };
    const response = await askWith(env, "/run/nobody", { method: "POST", headers: events });
    expect(response.headers.get("cache-control")).toBe("no-store");
    const last = parseEvents(await textOf(response)).at(-1);
    expect(last).toMatchObject({ data: { message: expect.stringContaining("timeout: 100 ms") } });
  });

  test("ends with the job's failure", async () => {
    const [, last] = parseEvents(await (await post("/run/fail", "", events)).text());
    expect(last).toEqual({
      event: "fail",
      data: { code: "JOB_FAILED", message: expect.any(String), handle: expect.stringMatching(/^H:/) },
    });
  });

  test("ends with the job's exception", () =>
    worked(
      () => {
        throw new Error("no such picture");
      },
      async (name) => {
        const [, last] = parseEvents(await (await post(`/run/${name}`, "", events)).text());
        expect(last).toMatchObject({ event: "exception", data: { message: "no such picture" } });
      },
    ));

  test("ends when it takes too long", async () => {
    const [, last] = parseEvents(await (await post("/run/nobody?timeout=100", "", events)).text());
    expect(last).toMatchObject({ event: "problem", data: { code: "TIMEOUT", handle: expect.any(String) } });
  });
});

test("a stream that its reader cancels frees its connection", async () => {
  await using admin = new Admin(address);
  const connections = async () => (await admin.workers()).length;
  await admin.version();
  const before = await connections();
  const context = createExecutionContext();
  const headers = { ...events, authorization: `Bearer ${TOKEN}` };
  const request = new Request("https://edge.example/run/nobody", { method: "POST", body: "x", headers });
  // Without `ask`, which reads an answer to its end.
  const response = await app.fetch(request, { GEARMAN_SERVERS: address, GEARMAN_TOKENS: TOKENS }, context);
  const reader = (response.body as ReadableStream<Uint8Array>).getReader();
  await reader.read();
  expect(await connections()).toBe(before + 1);
  await reader.cancel();
  await expect.poll(connections, { timeout: 3_000 }).toBe(before);
  await waitOnExecutionContext(context);
});

describe("a network binding", () => {
  test.for(["gearmans://10.0.1.50", "GEARMANS://10.0.1.50", "10.0.1.51, Gearmans://10.0.1.50:4731"])(
    "carries no TLS, and is not given what is to be encrypted: %s",
    async (servers) => {
      const log = vi.spyOn(console, "error").mockImplementation(() => {});
      const net = { connect: vi.fn(() => connect(address)) };
      const env = { GEARMAN_SERVERS: servers, GEARMAN_NET: net };
      for (const path of ["/jobs/nobody", "/run/reverse"]) {
        const { status, message } = await problem(await askWith(env, path, { method: "POST" }));
        expect([status, message]).toEqual([500, expect.stringContaining("carries no TLS")]);
      }
      expect(net.connect).not.toHaveBeenCalled();
      log.mockRestore();
    },
  );

  test("is the road to the job servers", async () => {
    const asked: unknown[] = [];
    const net = {
      connect(to: { hostname: string; port: number }) {
        asked.push(to);
        return connect(address);
      },
    };
    const env = { GEARMAN_SERVERS: "10.0.1.50, jobs.internal:4731", GEARMAN_NET: net };
    expect(await textOf(await askWith(env, "/run/reverse", { method: "POST", body: "abc" }))).toBe("cba");
    expect((await askWith(env, "/jobs/nobody", { method: "POST", body: "abc" })).status).toBe(202);
    expect(asked).toEqual(Array(2).fill({ hostname: "10.0.1.50", port: 4730 }));
  });

  test("that can't connect makes it a bad gateway", async () => {
    const net = { connect: () => Promise.reject(new Error("the tunnel is down")) };
    const env = { GEARMAN_SERVERS: "10.0.1.50", GEARMAN_NET: net };
    const { status, message } = await problem(await askWith(env, "/jobs/f", { method: "POST" }));
    expect(status).toBe(502);
    expect(message).toContain("the tunnel is down");
  });
});
