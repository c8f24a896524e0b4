import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { Client, ConnectionError, ConnectionLostError, Worker } from "edgear";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { eventually, rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { Wire } from "../support/wire.ts";

test("an embedded server is there for clients until it is closed", async () => {
  const server = await JobServer.listen({ port: 0 });
  assert.equal(server.address, `127.0.0.1:${server.port}`);
  const client = new Client(server.address);
  await client.background("f", "x");
  const task = client.submit("f", "x");
  await task.handle;
  await server.close();
  await server.close();
  const lost = await rejection(task.result, ConnectionLostError);
  assert.match(lost.message, /was acknowledged/);
  await rejection(client.background("f", "x"), ConnectionError);
  await client.close();
});

test("what it can't do is refused in words", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const taken = await rejection(JobServer.listen({ port: server.port }), ConnectionError);
  assert.match(
    taken.message,
    new RegExp(`could not listen on ${server.address}: something listens on that port already`),
  );
  await rejection(JobServer.listen({ port: 70_000 }), TypeError);
  await rejection(JobServer.listen({ host: "" }), TypeError);
  await rejection(JobServer.listen({ handlePrefix: "p".repeat(60) }), TypeError);
  await rejection(JobServer.listen({ jobRetries: 0 }), TypeError);
  await rejection(JobServer.listen({ prot: 0 } as never), TypeError);
});

test("handles begin as they are told to", async () => {
  await using server = await JobServer.listen({ port: 0, handlePrefix: "test" });
  await using client = new Client(server.address);
  assert.equal((await client.background("f")).handle, "test:1");
  assert.equal((await client.background("f")).handle, "test:2");
});

test("a job that loses too many workers fails", async () => {
  await using server = await JobServer.listen({ port: 0, jobRetries: 2 });
  const handles = new Map<string, string>();
  await using client = await Wire.connect(server.address, handles);
  await client.send("SUBMIT_JOB", ["f", "u"]).received();
  for (let attempt = 0; attempt < 2; attempt++) {
    assert.deepEqual(await client.received(), []);
    await using worker = await Wire.connect(server.address, handles);
    assert.match((await worker.send("CAN_DO", ["f"]).send("GRAB_JOB").received())[0] ?? "", /^JOB_ASSIGN job1 f/);
  }
  assert.deepEqual(await client.next(), ["WORK_FAIL job1"]);
});

test("sleeping workers are woken when the time of a delayed job has come", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const done: number[] = [];
  // It would not ask by itself for a minute.
  await using worker = new Worker(server.address, { pollInterval: 60_000 });
  worker.add("f", () => void done.push(Date.now()));
  const running = worker.run();
  await using client = new Client(server.address);
  const due = Date.now() + 1_000;
  await client.background("f", "", { at: due });
  await eventually("the job is done", async () => done.length === 1);
  assert.ok((done[0] ?? 0) >= due - 1, `${due - (done[0] ?? 0)} ms early`);
  await worker.close();
  await running;
});

test("a worker's functions take turns within a priority, and priority comes first over all of them", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const handles = new Map<string, string>();
  await using client = await Wire.connect(server.address, handles);
  for (const name of ["a", "a", "b", "b"]) client.send("SUBMIT_JOB_BG", [name, fresh(name)]);
  client.send("SUBMIT_JOB_LOW_BG", ["a", "low"]).send("SUBMIT_JOB_HIGH_BG", ["b", "high"]);
  await client.received();
  await using worker = await Wire.connect(server.address, handles);
  worker.send("CAN_DO", ["a"]).send("CAN_DO", ["b"]);
  for (let grab = 0; grab < 6; grab++) worker.send("GRAB_JOB");
  const order = (await worker.received()).map((line) => line.split(" ")[2]);
  assert.equal(order[0], "b");
  assert.equal(order[5], "a");
  assert.deepEqual(order.slice(1, 5).toSorted(), ["a", "a", "b", "b"]);
  assert.notEqual(order[1], order[2]);
});

test("better than gearmand: a background job lives on when a foreground client that joined it leaves", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const handles = new Map<string, string>();
  await using background = await Wire.connect(server.address, handles);
  await background.send("SUBMIT_JOB_BG", ["f", "shared"], "x").received();
  const foreground = await Wire.connect(server.address, handles);
  assert.deepEqual(await foreground.send("SUBMIT_JOB", ["f", "shared"]).received(), ["JOB_CREATED job1"]);
  await foreground[Symbol.asyncDispose]();
  await using worker = await Wire.connect(server.address, handles);
  assert.deepEqual(await worker.send("CAN_DO", ["f"]).send("GRAB_JOB").received(), ["JOB_ASSIGN job1 f + x"]);
});

test("better than gearmand: a foreground job whose client left is gone at once, and its unique is free", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const handles = new Map<string, string>();
  const gone = await Wire.connect(server.address, handles);
  await gone.send("SUBMIT_JOB", ["f", "again"], "old").received();
  await gone[Symbol.asyncDispose]();
  await using client = await Wire.connect(server.address, handles);
  await eventually("the job is gone", async () =>
    (await client.send("GET_STATUS", ["job1"]).received()).includes("STATUS_RES job1 0 0 0 0"),
  );
  assert.deepEqual(await client.send("SUBMIT_JOB", ["f", "again"], "new").received(), ["JOB_CREATED job2"]);
});

test("a packet that is too large, or broken, costs its own connection only", async () => {
  await using server = await JobServer.listen({ port: 0, maxPacketSize: 1_024 });
  const handles = new Map<string, string>();
  await using good = await Wire.connect(server.address, handles);
  const large = await Wire.connect(server.address, handles);
  large.send("SUBMIT_JOB_BG", ["f", "u"], new Uint8Array(2_000));
  await large.closed();
  const broken = await Wire.connect(server.address, handles);
  // SUBMIT_JOB without the NULs that end its arguments.
  broken.bytes(new Uint8Array([0, 0x52, 0x45, 0x51, 0, 0, 0, 7, 0, 0, 0, 2, 65, 65]));
  await broken.closed();
  assert.deepEqual(await good.send("SUBMIT_JOB_BG", ["f", "u"], "x").received(), ["JOB_CREATED job1"]);
});

test("100,000 queued jobs are held, and drained", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using client = new Client(server.address);
  for (let first = 0; first < 100_000; first += 1_000) {
    await Promise.all(Array.from({ length: 1_000 }, () => client.background("deep", "x")));
  }
  const worker = new Worker(server.address, { concurrency: 64 });
  worker.add("deep", () => {});
  assert.equal(await worker.drain(), 100_000);
});

test("sleeping workers are left asleep then, as by gearmand 1, when it is told so", async () => {
  await using server = await JobServer.listen({ port: 0, wakeForDelayed: false });
  const handles = new Map<string, string>();
  await using worker = await Wire.connect(server.address, handles);
  await worker.send("CAN_DO", ["f"]).send("PRE_SLEEP").received();
  await using client = await Wire.connect(server.address, handles);
  const soon = String(Math.ceil(Date.now() / 1000));
  await client.send("SUBMIT_JOB_EPOCH", ["f", "u", soon], "x").received();
  await eventually("its time has come", async () => server.jobs()[0]?.state === "queued");
  assert.deepEqual(await worker.received(), []);
  assert.deepEqual(await worker.send("GRAB_JOB").received(), ["JOB_ASSIGN job1 f + x"]);
});

test("a thousand workers sleep, are woken, and share the work", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const handles = new Map<string, string>();
  const workers = await Promise.all(Array.from({ length: 1_000 }, () => Wire.connect(server.address, handles)));
  await Promise.all(workers.map((worker) => worker.send("CAN_DO", ["f"]).send("PRE_SLEEP").received()));
  await using client = await Wire.connect(server.address, handles);
  for (let job = 0; job < 1_000; job++) client.send("SUBMIT_JOB", ["f", ""]);
  await client.received();
  await Promise.all(
    workers.map(async (worker) => {
      assert.deepEqual(await worker.next(), ["NOOP"]);
      const [assigned = ""] = await worker.send("GRAB_JOB").next();
      const [type, handle = ""] = assigned.split(" ");
      assert.equal(type, "JOB_ASSIGN");
      await worker.send("WORK_COMPLETE", [handle], "done").received();
    }),
  );
  const results = await client.received();
  assert.equal(results.filter((line) => /^WORK_COMPLETE job\d+ \+ done$/.test(line)).length, 1_000);
  await Promise.all(workers.map((worker) => worker[Symbol.asyncDispose]()));
});

test("its version is the package's", async () => {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  await using server = await JobServer.listen({ port: 0 });
  await using wire = await Wire.connect(server.address, new Map());
  assert.equal(await wire.text("version\n"), `OK ${version}+edgear\n`);
});
