import assert from "node:assert/strict";
import { connect } from "node:net";
import { JobServer, type JobServerOptions } from "edgear/server";
import { test } from "vitest";
import { bytesOf, packet, writeAll } from "../codec/packets.ts";
import { Wire } from "../support/wire.ts";

const SUBMIT_JOB = 7;

const ENDS = ["complete", "exception", "fail", "abandon"] as const;

/** The events that end a job which was cancelled while it ran. */
async function endsOfCancelled(options: JobServerOptions, after: (worker: Wire) => unknown): Promise<string[]> {
  await using server = await JobServer.listen({ port: 0, ...options });
  const handles = new Map<string, string>();
  await using client = await Wire.connect(server.address, handles);
  const worker = await Wire.connect(server.address, handles);
  const ends: string[] = [];
  for (const name of ENDS) server.on(name, () => void ends.push(name));
  await client.send("SUBMIT_JOB", ["f", "u"]).received();
  await worker.send("CAN_DO_TIMEOUT", ["f", "1000"]).send("GRAB_JOB").received();
  const [job] = server.jobs();
  await using admin = await Wire.connect(server.address, handles);
  await admin.text(`cancel job ${job?.handle}\n`);
  assert.deepEqual(await client.received(), ["WORK_FAIL job1"]);
  await after(worker);
  await server.waitFor(() => server.jobs().length === 0);
  assert.deepEqual(await client.received(), []);
  await worker[Symbol.asyncDispose]();
  return ends;
}

test("a cancelled job ends once, whatever becomes of its worker", async () => {
  const fates: ((worker: Wire) => unknown)[] = [
    (worker) => worker.send("WORK_COMPLETE", ["job1"]),
    (worker) => worker.send("WORK_FAIL", ["job1"]),
    (worker) => worker.send("CANT_DO", ["f"]),
    (worker) => worker[Symbol.asyncDispose](),
    () => {},
  ];
  for (const fate of fates) assert.deepEqual(await endsOfCancelled({}, fate), ["fail"]);
  assert.deepEqual(await endsOfCancelled({ timeouts: "fail" }, () => {}), ["fail"]);
});

test("a job whose client is cut off while it is told of the end, ends once", async () => {
  await using server = new JobServer({ maxPending: 65_536, handlePrefix: "h" });
  const ends: string[] = [];
  for (const name of ENDS) server.on(name, ({ job }) => void ends.push(`${name} ${job.handle}`));
  const { writable } = server.connect();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  // It never reads that they were created, nor that they failed.
  const submits = writeAll(
    "client",
    Array.from({ length: 20_000 }, () => packet(SUBMIT_JOB, ["f", "u"])),
  );
  writer.write(submits).catch(() => {});
  await server.waitFor("f");
  const admin = server.connect();
  void admin.writable.getWriter().write(bytesOf("cancel job h:1\n"));
  await server.waitFor(() => server.jobs().length === 0);
  assert.equal(ends.length, 1);
  const other = server.connect();
  await other.writable.getWriter().write(writeAll("client", [packet(SUBMIT_JOB, ["f", "u"])]));
  await server.waitFor(() => server.jobs().length === 1);
});

test("who has submitted one job very often, and is gone, is not told of it any more", async () => {
  await using server = await JobServer.listen({ port: 0, maxPending: 1_000_000 });
  const client = connect(server.port, "127.0.0.1").pause();
  client.on("error", () => {});
  const submits = Array.from({ length: 300_000 }, () => packet(SUBMIT_JOB, ["f", "u"]));
  client.resume().write(writeAll("client", submits));
  await server.waitFor(() => server.jobs()[0]?.waiting === submits.length, { timeout: 15_000 });
  const { handle = "" } = server.jobs()[0] ?? {};
  client.pause();
  await using worker = await Wire.connect(server.address, new Map());
  worker.send("CAN_DO", ["f"]).send("GRAB_JOB");
  // Telling each of them 300,000 times would take longer than `received` waits.
  for (let count = 0; count < 2_000; count++) worker.send("WORK_STATUS", [handle, "1", "2"]);
  await worker.received();
  client.destroy();
});
