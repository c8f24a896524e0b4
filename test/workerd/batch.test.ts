import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { Client } from "edgear";
import { describe, expect, inject, test } from "vitest";
import { app } from "../../worker/app.ts";
import { AWAY, fresh } from "../conformance/names.ts";
import { NARROW, TOKEN, TOKENS } from "../support/tokens.ts";
import { textOf } from "./conforms.ts";
import { ask, askWith, post, problem } from "./request.ts";

const [{ address } = { address: "" }] = inject("servers");
const ndjson = { "content-type": "application/x-ndjson" };

type Line = { line: number; handle?: string; unique?: string; error?: { code: string; message: string } };

async function linesOf(response: Response): Promise<Line[]> {
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/x-ndjson");
  expect(response.headers.get("cache-control")).toBe("no-store");
  const lines = (await textOf(response)).trimEnd().split("\n");
  return lines.filter(Boolean).map((line) => JSON.parse(line));
}

function batch(...jobs: unknown[]): string {
  return jobs.map((job) => JSON.stringify(job)).join("\n");
}

describe("POST /jobs", () => {
  test("submits a job a line, and answers in order", async () => {
    const unique = fresh("batch");
    const body = Array.from({ length: 500 }, (_, index) =>
      JSON.stringify({ function: "nobody", workload: { index }, unique: `${unique}-${index}` }),
    );
    const lines = await linesOf(await post("/jobs", body.join("\n"), ndjson));
    expect(lines.map(({ line }) => line)).toEqual(body.map((_, index) => index + 1));
    expect(lines.map((line) => line.unique)).toEqual(body.map((_, index) => `${unique}-${index}`));
    expect(new Set(lines.map(({ handle }) => handle)).size).toBe(500);
    const last = await ask(`/jobs?unique=${unique}-499`);
    expect(await last.json()).toMatchObject({ unique: `${unique}-499`, known: true, state: "queued", waiting: 0 });
  });

  test("takes workloads as text, JSON and base64", async () => {
    const unique = fresh("forms");
    const job = (form: object, name: string) => ({ function: "slow", unique: `${unique}-${name}`, ...form });
    const jobs = [
      job({ workload: "grüße" }, "text"),
      job({ workload: { a: [1] } }, "json"),
      job({ base64: "AP+A" }, "bytes"),
      job({}, "none"),
    ];
    expect(await linesOf(await post("/jobs", `\n${batch(...jobs)}\n\r\n`, ndjson))).toHaveLength(4);
    await using client = new Client(address);
    // Each joins the job, whose worker gives its workload back.
    const results = await Promise.all(jobs.map((one) => client.run("slow", "another", { unique: one.unique })));
    expect(results.slice(0, 2).map((result) => result.text())).toEqual(["grüße", '{"a":[1]}']);
    expect([...(results[2]?.bytes ?? [])]).toEqual([0, 255, 128]);
    expect(results[3]?.bytes.length).toBe(0);
  });

  test("answers a line before the next one comes", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    const writer = writable.getWriter();
    const request = new Request("https://edge.example/jobs", {
      method: "POST",
      body: readable,
      headers: { ...ndjson, authorization: `Bearer ${TOKEN}` },
    });
    const context = createExecutionContext();
    // Without `ask`, which reads an answer to its end.
    const response = await app.fetch(request, { GEARMAN_SERVERS: address, GEARMAN_TOKENS: TOKENS }, context);
    const reader = (response.body as ReadableStream<Uint8Array>).getReader();
    for (let line = 1; line <= 3; line++) {
      await writer.write(new TextEncoder().encode('{"function":"nobody"}\n'));
      const { value } = await reader.read();
      expect(JSON.parse(new TextDecoder().decode(value))).toMatchObject({ line, function: "nobody" });
    }
    await writer.close();
    expect((await reader.read()).done).toBe(true);
    await waitOnExecutionContext(context);
  });

  test.for([
    ["no json", /^this line is no JSON$/],
    ["[]", /^a job must be an object/],
    ["null", /^a job must be an object/],
    ["{}", /^a job must have a function/],
    ['{"function":1}', /^a job must have a function/],
    ['{"function":""}', /must not be empty/],
    ['{"function":"a\\u0000b"}', /must not have a NUL/],
    ['{"function":"a\\nb"}', /^function must not have control characters/],
    ['{"function":"\\ud800"}', /lone surrogate/],
    ['{"function":"f","uniqe":"x"}', /^a job has no "uniqe"/],
    ['{"function":"f","unique":1}', /^unique must be a text$/],
    ['{"function":"f","unique":""}', /^unique must not be empty/],
    ['{"function":"f","unique":"-"}', /^unique must not be "-"/],
    ['{"function":"f","unique":"a\\tb"}', /^unique must not have control characters/],
    [`{"function":"f","unique":"${"u".repeat(64)}"}`, /63 bytes at most/],
    ['{"function":"f","priority":"urgent"}', /^priority must be one of/],
    ['{"function":"f","delay":"1"}', /^delay must be a number/],
    ['{"function":"f","delay":1e300}', /^delay must be a number/],
    ['{"function":"f","base64":"%"}', /^base64 must be base64$/],
    ['{"function":"f","base64":"","workload":1}', /say the same thing twice/],
  ] as const)("refuses the line %s in words, and takes the next", async ([line, words]) => {
    const lines = await linesOf(await post("/jobs", `${line}\n{"function":"nobody"}`, ndjson));
    expect(lines).toEqual([
      { line: 1, error: { code: "BAD_REQUEST", message: expect.stringMatching(words) } },
      expect.objectContaining({ line: 2, handle: expect.any(String) }),
    ]);
  });

  test("refuses a line that is no UTF-8", async () => {
    const [line] = await linesOf(await post("/jobs", Uint8Array.of(0x22, 0xff, 0x22), ndjson));
    expect(line?.error?.message).toBe("this line is no UTF-8");
  });

  test("refuses functions that the token may not have", async () => {
    const body = batch({ function: "echo" }, { function: "nobody" });
    const lines = await linesOf(await post("/jobs", body, { ...ndjson, authorization: `Bearer ${NARROW}` }));
    expect(lines).toMatchObject([
      { line: 1, error: { code: "FORBIDDEN" } },
      { line: 2, function: "nobody" },
    ]);
  });

  test("goes on after a function whose queue is full", async () => {
    const full = { function: "full", unique: fresh("first") };
    const body = batch({ function: "nobody" }, full, { ...full, unique: fresh("second") }, { function: "nobody" });
    // Far more lines than are in flight: what ends a batch would show.
    const rest = `\n${batch({ function: "nobody" })}`.repeat(150);
    const lines = await linesOf(await post("/jobs", body + rest, ndjson));
    expect(lines).toHaveLength(154);
    expect(lines[2]).toMatchObject({ line: 3, error: { code: "QUEUE_ERROR" } });
    expect(lines.slice(3).every(({ handle }) => handle !== undefined)).toBe(true);
  });

  test("counts the blank lines, too", async () => {
    const env = { GEARMAN_SERVERS: address, MAX_BATCH_LINES: 10 };
    const body = `${"\n".repeat(8)}{"function":"nobody"}\n\n\n\n{"function":"nobody"}`;
    const lines = await linesOf(await askWith(env, "/jobs", { method: "POST", body, headers: ndjson }));
    expect(lines).toMatchObject([{ line: 9 }, { line: 11, error: { code: "BATCH_TOO_LONG" } }]);
  });

  test("ends with the line that is too long", async () => {
    const env = { GEARMAN_SERVERS: address, MAX_BODY_BYTES: 100 };
    const body = batch(
      { function: "nobody" },
      { function: "nobody", workload: "x".repeat(100) },
      { function: "nobody" },
    );
    const lines = await linesOf(await askWith(env, "/jobs", { method: "POST", body, headers: ndjson }));
    expect(lines).toMatchObject([{ line: 1 }, { line: 2, error: { code: "PAYLOAD_TOO_LARGE" } }]);
  });

  test("takes no line of more than 4 MiB, whatever a body may have", async () => {
    const env = { GEARMAN_SERVERS: address, MAX_BODY_BYTES: 16 * 1024 * 1024 };
    const body = batch({ function: "nobody", workload: "x".repeat(4 * 1024 * 1024) });
    const lines = await linesOf(await askWith(env, "/jobs", { method: "POST", body, headers: ndjson }));
    expect(lines).toMatchObject([{ line: 1, error: { message: "a line may have 4194304 bytes at most" } }]);
  });

  test("ends with the line that is too many", async () => {
    const env = { GEARMAN_SERVERS: address, MAX_BATCH_LINES: 2 };
    const body = batch(...Array.from({ length: 4 }, () => ({ function: "nobody" })));
    const lines = await linesOf(await askWith(env, "/jobs", { method: "POST", body, headers: ndjson }));
    expect(lines.map(({ line, error }) => [line, error?.code])).toEqual([
      [1, undefined],
      [2, undefined],
      [3, "BATCH_TOO_LONG"],
    ]);
  });

  test("ends when the job server is away", async () => {
    const body = batch(...Array.from({ length: 1_000 }, () => ({ function: "nobody" })));
    const response = await askWith({ GEARMAN_SERVERS: AWAY }, "/jobs", { method: "POST", body, headers: ndjson });
    const lines = await linesOf(response);
    expect(lines.length).toBeGreaterThan(0);
    expect(lines.length).toBeLessThan(1_000);
    expect(lines.every(({ error }) => error?.code === "CONNECTION_FAILED")).toBe(true);
  });

  test("answers nothing with nothing", async () => {
    expect(await linesOf(await post("/jobs", "\n \r\n", ndjson))).toEqual([]);
  });

  test.for(["application/json", "text/plain", ""])("takes no %s", async (type) => {
    const init = { method: "POST", body: new Uint8Array(1), headers: { "content-type": type } };
    const { status, message } = await problem(await ask("/jobs", init));
    expect(status).toBe(415);
    expect(message).toContain("application/x-ndjson");
  });

  test("takes no query", async () => {
    expect((await post("/jobs?function=f", "", ndjson)).status).toBe(400);
  });
});
