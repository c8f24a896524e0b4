import assert from "node:assert/strict";
import { Client, ClosedError, TimeoutError, Worker } from "edgear";
import { JobServer, type JobServerEvents } from "edgear/server";
import { test } from "vitest";
import { rejection } from "../conformance/case.ts";
import { Wire } from "../support/wire.ts";

test("what happens is told as events, and to a logger in words", async () => {
  const words: string[] = [];
  const say = (level: string) => (text: unknown) => void words.push(`${level}: ${text}`);
  const logger = { debug: say("debug"), info: say("info"), warn: say("warn"), error: say("error") };
  await using server = await JobServer.listen({ port: 0, handlePrefix: "h", jobRetries: 2, logger });
  const told: string[] = [];
  const names = ["register", "submit", "start", "status", "data", "warning", "complete", "exception", "fail"] as const;
  for (const name of [...names, "requeue", "abandon", "refuse"] as const) {
    server.on(name, (event) => {
      const { job, payload, ...rest } = event as JobServerEvents["data"];
      const more = Object.values(rest).filter((value) => typeof value !== "object");
      told.push(
        [name, ...(job ? [job.handle, job.state] : []), ...(payload ? [payload.text()] : []), ...more].join(" "),
      );
    });
  }
  const handles = new Map<string, string>();
  const client = await Wire.connect(server.address, handles);
  const worker = await Wire.connect(server.address, handles);
  await worker.send("CAN_DO", ["f"]).received();
  await client.send("SUBMIT_JOB", ["f", "u"], "x").send("SUBMIT_JOB_BG", ["f", "u"], "x").received();
  await worker.send("GRAB_JOB").send("WORK_STATUS", ["h:1", "1", "2"]).send("WORK_DATA", ["h:1"], "d").received();
  await worker.send("WORK_WARNING", ["h:1"], "w").send("WORK_COMPLETE", ["h:1"], "c").received();
  await client.send("SUBMIT_JOB", ["f", ""]).send("SUBMIT_JOB", ["f", ""]).send("OPTION_REQ", ["no"]).received();
  await worker.send("GRAB_JOB").send("GRAB_JOB").received();
  await worker.send("WORK_EXCEPTION", ["h:2"], "why").send("WORK_FAIL", ["h:3"]).received();
  await client.send("SUBMIT_JOB", ["f", ""]).received();
  await worker.send("GRAB_JOB").send("CANT_DO", ["f"]).send("CAN_DO", ["f"]).send("GRAB_JOB").received();
  await worker[Symbol.asyncDispose]();
  await server.waitFor(() => server.jobs().length === 0);
  await client.send("SUBMIT_JOB", ["f", ""]).received();
  await client[Symbol.asyncDispose]();
  await server.waitFor(() => server.jobs().length === 0);
  assert.deepEqual(told, [
    "register f",
    "submit h:1 queued false",
    "submit h:1 queued true",
    "start h:1 running",
    "status h:1 running",
    "data h:1 running d",
    "warning h:1 running w",
    "complete h:1 ended c",
    "submit h:2 queued false",
    "submit h:3 queued false",
    "refuse UNKNOWN_OPTION Server does not recognize given option",
    "start h:2 running",
    "start h:3 running",
    "exception h:2 ended why",
    "fail h:3 ended worker",
    "submit h:4 queued false",
    "start h:4 running",
    "requeue h:4 queued abilities",
    "register f",
    "start h:4 running",
    "fail h:4 ended retries",
    "submit h:5 queued false",
    "abandon h:5 ended",
  ]);
  const loud = words.filter((line) => !line.startsWith("debug"));
  assert.deepEqual(loud, [
    "info: connection 2 (127.0.0.1) can do f",
    "warn: f h:1 warns: w",
    "info: f h:1 is done",
    "warn: connection 1 (127.0.0.1) was refused: UNKNOWN_OPTION (Server does not recognize given option)",
    "error: f h:2 threw: why",
    "warn: f h:3 failed: its worker said so",
    "warn: f h:4 is queued again: its worker no longer does its function",
    "info: connection 2 (127.0.0.1) can do f",
    "warn: f h:4 failed: it lost too many workers",
    "info: f h:5 was dropped: nobody waits for it any more",
  ]);
  assert.ok(words.includes("debug: f h:4 was given to connection 2 (127.0.0.1)"), words.join("\n"));
});

test("its jobs can be looked at", async () => {
  await using server = await JobServer.listen({ port: 0, handlePrefix: "h" });
  await using client = new Client(server.address);
  const at = new Date((Math.floor(Date.now() / 1000) + 600) * 1000);
  await client.background("später", "böse", { unique: "ü", at });
  await client.background("f", { a: 1 }, { unique: "b", priority: "high" });
  const task = client.submit("f", "", { unique: "c", reducer: "sum" });
  await task.handle;
  await using worker = await Wire.connect(server.address, new Map());
  await worker
    .send("SET_CLIENT_ID", ["w"])
    .send("CAN_DO", ["f"])
    .send("GRAB_JOB")
    .send("WORK_STATUS", ["h:2", "1", "4"])
    .received();
  const jobs = server.jobs().map(({ workload, ...job }) => ({ ...job, workload: workload.text() }));
  const plain = {
    reducer: "",
    background: true,
    at: undefined,
    numerator: 0,
    denominator: 0,
    retries: 0,
    waiting: 0,
    worker: undefined,
  };
  assert.deepEqual(jobs, [
    {
      ...plain,
      handle: "h:1",
      function: "später",
      unique: "ü",
      priority: "normal",
      state: "delayed",
      at,
      workload: "böse",
    },
    {
      ...plain,
      ...{ handle: "h:2", function: "f", unique: "b", priority: "high", state: "running", workload: '{"a":1}' },
      ...{ numerator: 1, denominator: 4, worker: { number: 2, address: "127.0.0.1", id: "w" } },
    },
    {
      ...plain,
      ...{ handle: "h:3", function: "f", unique: "c", reducer: "sum", background: false, priority: "normal" },
      ...{ state: "queued", waiting: 1, workload: "" },
    },
  ]);
  client.destroy();
  await rejection(task.result, Error);
});

test("one can wait for a job, and for anything else", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using client = new Client(server.address);
  const soon = server.waitFor("f");
  await client.background("other", "no");
  await client.background("f", "first");
  await client.background("f", "second");
  assert.equal((await soon).workload.text(), "first");
  assert.equal((await server.waitFor("f")).workload.text(), "first");
  const drained = server.waitFor(() => server.jobs().length === 0);
  const worker = new Worker(server.address);
  for (const name of ["f", "other"]) worker.add(name, () => {});
  assert.equal(await worker.drain(), 3);
  assert.equal(await drained, true);
  const late = await rejection(server.waitFor("f", { timeout: 30 }), TimeoutError);
  assert.match(late.message, /waited in vain for a job of f/);
  await rejection(
    server.waitFor(() => false, { signal: AbortSignal.abort(new RangeError("enough")) }),
    RangeError,
  );
  await rejection(
    server.waitFor(() => {
      throw new SyntaxError("no");
    }),
    SyntaxError,
  );
  await rejection(server.waitFor("" as never), TypeError);
  const never = rejection(server.waitFor("f"), ClosedError);
  await server.close();
  await never;
  await rejection(server.waitFor("f"), ClosedError);
  assert.throws(() => server.connect(), ClosedError);
});

test("a paused server takes jobs, and gives out none", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const handles = new Map<string, string>();
  await using client = await Wire.connect(server.address, handles);
  await using worker = await Wire.connect(server.address, handles);
  server.pause();
  assert.equal(server.paused, true);
  assert.deepEqual(await client.send("SUBMIT_JOB_BG", ["f", "1"], "x").received(), ["JOB_CREATED job1"]);
  const idle = worker.send("CAN_DO", ["f"]).send("GRAB_JOB").send("PRE_SLEEP").received();
  assert.deepEqual(await idle, ["NO_JOB"]);
  await client.send("SUBMIT_JOB_BG", ["f", "2"], "y").received();
  assert.deepEqual(await worker.received(), []);
  server.resume();
  assert.deepEqual(await worker.received(), ["NOOP"]);
  assert.deepEqual(await worker.send("GRAB_JOB").received(), ["JOB_ASSIGN job1 f + x"]);
});

test("a job whose worker takes too long can fail instead", async () => {
  await using server = await JobServer.listen({ port: 0, timeouts: "fail" });
  const handles = new Map<string, string>();
  await using client = await Wire.connect(server.address, handles);
  await using worker = await Wire.connect(server.address, handles);
  await client.send("SUBMIT_JOB", ["f", "1"], "x").received();
  await worker.send("CAN_DO_TIMEOUT", ["f", "1000"]).send("GRAB_JOB").received();
  assert.deepEqual(await client.next(), ["WORK_FAIL job1"]);
  const late = worker.send("WORK_COMPLETE", ["job1"]).send("GRAB_JOB").received();
  assert.deepEqual(await late, ["ERROR JOB_NOT_FOUND Job given in work result not found", "NO_JOB"]);
});

test("a listener that throws harms nothing", async () => {
  await using server = await JobServer.listen({ port: 0 });
  server.on("submit", () => {
    throw new Error("no");
  });
  await using client = new Client(server.address);
  await client.background("f", "x");
  assert.equal(server.jobs().length, 1);
});
