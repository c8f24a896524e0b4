import assert from "node:assert/strict";
import { Client, Worker } from "edgear";
import { test } from "vitest";
import { eventually } from "../conformance/case.ts";
import { startGearmand } from "../support/gearmand.ts";
import { textLines } from "../support/text-command.ts";

/** Starts a worker that answers jobs of a function in capitals. */
function work(address: string, name: string): Worker {
  const worker = new Worker(address);
  worker.add(name, (job) => job.workload.text().toUpperCase());
  void worker.run();
  return worker;
}

test("a job that joined one whose clients have all left is submitted again once gearmand has dropped that", async () => {
  await using server = await startGearmand();
  const options = { unique: "mine" };
  const leaver = new Client(server.address);
  const left = leaver.submit("f", "left", options);
  const { handle } = await left.handle;
  leaver.destroy();
  await eventually("the server knows that it has left", async () => {
    const clients = await textLines(server.port, "workers");
    return clients.length <= 1;
  });
  await using client = new Client(server.address);
  const task = client.submit("f", "joined", options);
  // It did join: gearmand 1.x keeps the job that nobody wants any more under its unique.
  assert.equal((await task.handle).handle, handle);
  await using _worker = work(server.address, "f");
  assert.equal((await task.result).text(), "JOINED");
});

test("a job that joined one that is worked off is left alone", async () => {
  await using server = await startGearmand();
  await using client = new Client(server.address);
  let jobs = 0;
  await using worker = new Worker(server.address);
  worker.add("slow", async (job) => {
    jobs++;
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    return job.workload.text();
  });
  void worker.run();
  const tasks = [client.submit("slow", "a", { unique: "u" }), client.submit("slow", "b", { unique: "u" })];
  for (const { result } of tasks) assert.equal((await result).text(), "a");
  assert.equal(jobs, 1);
});
