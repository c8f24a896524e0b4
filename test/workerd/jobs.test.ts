import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { Client } from "edgear";
import { describe, expect, inject, test, vi } from "vitest";
import { app } from "../../worker/app.ts";
import { fresh } from "../conformance/names.ts";
import { TOKEN, TOKENS } from "../support/tokens.ts";
import { ask, inPieces, post } from "./request.ts";

const [{ address } = { address: "" }] = inject("servers");

interface Submitted {
  handle: string;
  server: string;
  unique: string;
  function: string;
}

describe("POST /jobs/:function", () => {
  test("submits a job and says where to follow it", async () => {
    const response = await post("/jobs/nobody", "hello");
    expect(response.status).toBe(202);
    expect(response.headers.get("content-type")).toBe("application/json");
    const job = await response.json<Submitted>();
    expect(job).toEqual({
      handle: expect.stringMatching(/^H:.+:\d+$/),
      server: address,
      unique: expect.stringMatching(/^[\w-]{13,63}$/),
      function: "nobody",
    });
    expect(response.headers.get("location")).toBe(`/jobs/${job.handle.replaceAll(":", "%3A")}`);
    const status = await ask(response.headers.get("location") ?? "");
    expect(await status.json()).toMatchObject({ handle: job.handle, known: true, state: "queued" });
  });

  test.for([
    ["one piece", Uint8Array.from({ length: 256 }, (_, byte) => byte)],
    ["no byte at all", new Uint8Array()],
    ["the largest that is allowed", new Uint8Array(1_048_576).fill(255)],
  ] as const)("hands the body on byte for byte: %s", async ([, body]) => {
    const unique = fresh("bytes");
    expect((await post(`/jobs/slow?unique=${unique}`, body)).status).toBe(202);
    await using client = new Client(address);
    // It joins the job, whose worker gives its workload back.
    const result = await client.run("slow", "another workload", { unique });
    expect(result.bytes.length).toBe(body.length);
    expect(result.bytes.every((byte, index) => byte === body[index])).toBe(true);
  });

  test("takes a body that comes in pieces", async () => {
    const unique = fresh("pieces");
    expect((await post(`/jobs/slow?unique=${unique}`, inPieces(100_001))).status).toBe(202);
    await using client = new Client(address);
    expect((await client.run("slow", "another workload", { unique })).bytes.length).toBe(100_001);
  });

  test.for([
    ["in UTF-8", "Grüße", "Gr%C3%BC%C3%9Fe"],
    ["with what must be encoded", "a/b c?d#e%", "a%2Fb%20c%3Fd%23e%25"],
    ["with a plus, which is no space in a path", "a+b", "a+b"],
    ["with a colon", "f:1", "f:1"],
    ["of a thousand bytes", "f".repeat(1_000), "f".repeat(1_000)],
  ] as const)("takes a function name %s", async ([, name, encoded]) => {
    const response = await post(`/jobs/${encoded}`);
    expect(response.status).toBe(202);
    expect(await response.json()).toMatchObject({ function: name });
  });

  test("takes a unique, by which jobs are one", async () => {
    const unique = `${fresh("ü")} &`;
    const path = `/jobs/nobody?unique=${encodeURIComponent(unique)}`;
    const [first, second] = await Promise.all([post(path), post(path)]);
    const job = await first.json<Submitted>();
    expect(job.unique).toBe(unique);
    expect(await second.json()).toEqual(job);
  });

  test("takes a delay", async () => {
    const response = await post("/jobs/later?delay=2000", "x");
    const { handle } = await response.json<Submitted>();
    await using client = new Client(address);
    // Another job of that function was done after it came, and this one still waits.
    await client.run("later", "x");
    expect((await client.status(handle)).state).toBe("queued");
  });

  test("takes a priority", async () => {
    await using client = new Client(address);
    // The worker has something to do until both have come.
    for (let blocker = 0; blocker < 3; blocker++) await client.background("order");
    const [low, high] = await Promise.all([post("/jobs/order?priority=low"), post("/jobs/order?priority=high")]);
    const [lowJob, highJob] = [await low.json<Submitted>(), await high.json<Submitted>()];
    await client.completed(highJob.handle, { interval: 10 });
    expect((await client.status(lowJob.handle)).known).toBe(true);
  });
});

describe("GET /jobs/:handle", () => {
  test("says what the server knows of a job, until it is done", async () => {
    const response = await post("/jobs/slow", "x");
    const { handle } = await response.json<Submitted>();
    const location = response.headers.get("location") ?? "";
    const states = new Set<string>();
    for (;;) {
      const status = await (await ask(location)).json<{ known: boolean; state: string }>();
      states.add(status.state);
      if (!status.known) {
        expect(status).toEqual({
          handle,
          known: false,
          running: false,
          numerator: 0,
          denominator: 0,
          progress: 0,
          state: "unknown",
        });
        break;
      }
    }
    expect([...states]).toContain("running");
  });

  test("takes a handle whose colons nobody has encoded", async () => {
    const { handle } = await (await post("/jobs/nobody")).json<Submitted>();
    expect(await (await ask(`/jobs/${handle}`)).json()).toMatchObject({ handle, state: "queued" });
  });

  test("answers HEAD", async () => {
    const response = await ask("/jobs/H:nowhere:1", { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(await response.text()).toBe("");
  });
});

test.for([
  ["/jobs/nobody", { method: "POST", body: "x" }],
  ["/jobs/H:x:1", {}],
  ["/jobs?unique=x", {}],
  ["/run/reverse", { method: "POST", body: "x" }],
  ["/health", {}],
] as const)("%s closes its client, and lets nobody wait for that", async ([path, init]) => {
  const close = vi.spyOn(Client.prototype, "close");
  const context = createExecutionContext();
  const waitUntil = vi.spyOn(context, "waitUntil");
  const headers = { authorization: `Bearer ${TOKEN}` };
  const request = new Request(`https://edge.example${path}`, { ...init, headers });
  const response = await app.fetch(request, { GEARMAN_SERVERS: address, GEARMAN_TOKENS: TOKENS }, context);
  expect(response.ok).toBe(true);
  expect(close).toHaveBeenCalledOnce();
  expect(waitUntil).toHaveBeenCalledExactlyOnceWith(close.mock.results[0]?.value);
  await waitOnExecutionContext(context);
  close.mockRestore();
});

describe("GET /health", () => {
  test("says how fast the job server answers", async () => {
    const response = await ask("/health");
    expect(response.status).toBe(200);
    const health = await response.json<{ latency: number }>();
    expect(health).toEqual({ ok: true, servers: [address], latency: expect.any(Number) });
    expect(health.latency).toBeGreaterThanOrEqual(0);
    expect(health.latency).toBeLessThan(5_000);
  });
});
