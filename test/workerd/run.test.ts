import { connect } from "cloudflare:sockets";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { Admin, Worker } from "edgear";
import { describe, expect, inject, test } from "vitest";
import { app } from "../../worker/app.ts";
import { AWAY, fresh } from "../conformance/names.ts";
import { TOKEN, TOKENS } from "../support/tokens.ts";
import { textOf } from "./conforms.ts";
import { ask, askWith, post, problem } from "./request.ts";

const [{ address } = { address: "" }] = inject("servers");
const events = { accept: "text/event-stream" };

/** Server-Sent Events, parsed. */
function parse(text: string): { event: string; data: unknown }[] {
  const blocks = text.split("\n\n").filter((block) => block !== "" && !block.startsWith(":"));
  return blocks.map((block) => {
    const [, event = "", data = ""] = /^event: (.+)\ndata: (.+)$/.exec(block) ?? [];
    return { event, data: JSON.parse(data) };
  });
}

/** Works off jobs of a new function for as long as a request is answered. */
async function worked(handler: Parameters<Worker["add"]>[1], use: (name: string) => Promise<void>): Promise<void> {
  const name = fresh("edge");
  await using worker = new Worker(address);
  worker.add(name, handler);
  const running = worker.run();
  await use(name);
  await worker.close({ timeout: 1_000 });
  await running;
}

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
        expect(parse(await response.text())).toEqual([
          { event: "created", data: { handle, server: address, unique: expect.any(String) } },
          { event: "status", data: { numerator: 1, denominator: 4, progress: 0.25 } },
          { event: "data", data: { text: "line\nfeeds\n\nevent: complete" } },
          { event: "data", data: { base64: "/wA=" } },
          { event: "warning", data: { text: "careful" } },
          { event: "complete", data: { text: "done" } },
        ]);
      },
    ));

  test("ends with the job's failure", async () => {
    const [, last] = parse(await (await post("/run/fail", "", events)).text());
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
        const [, last] = parse(await (await post(`/run/${name}`, "", events)).text());
        expect(last).toMatchObject({ event: "exception", data: { message: "no such picture" } });
      },
    ));

  test("ends when it takes too long", async () => {
    const [, last] = parse(await (await post("/run/nobody?timeout=100", "", events)).text());
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
