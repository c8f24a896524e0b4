import assert from "node:assert/strict";
import { Client, Worker } from "edgear";
import { JobServer } from "edgear/server";
import { test } from "vitest";

test("what a listener writes into a payload is nobody else's", async () => {
  await using server = new JobServer();
  await using client = new Client("test", { connect: () => server.connect() });
  server.on("submit", ({ job }) => void job.workload.bytes.fill(0));
  for (const name of ["data", "complete"] as const) server.on(name, ({ payload }) => void payload.bytes.fill(0));
  const large = new Uint8Array(300_000).fill(7);
  const task = client.submit("f", large);
  const [job] = [await server.waitFor("f")];
  job.workload.bytes.fill(1);
  assert.equal(job.workload, job.workload);
  const worker = new Worker("test", { connect: () => server.connect() });
  worker.add("f", (job) => {
    job.data(job.workload.bytes);
    return job.workload.bytes;
  });
  await worker.drain();
  assert.deepEqual((await task.result).bytes, large);
});

test("a listener is taken back, whether it is for all events or for the next", async () => {
  await using server = new JobServer();
  await using client = new Client("test", { connect: () => server.connect() });
  let calls = 0;
  const listener = () => void calls++;
  server.once("submit", listener).off("submit", listener);
  server.on("submit", listener).once("submit", listener).off("submit", listener);
  await client.background("f");
  assert.equal(calls, 0);
  server.once("submit", listener);
  await client.background("f");
  await client.background("f");
  assert.equal(calls, 1);
});
