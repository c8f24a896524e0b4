import assert from "node:assert/strict";
import { test } from "vitest";
import { command } from "../support/command.ts";
import { startGearmand } from "../support/gearmand.ts";

/** Submits so many jobs in bulk, and prints how much the heap grew from the first tenth on, in bytes. */
const BULK = `
  const { Client } = await import("edgear");
  const client = new Client(process.argv[1]);
  const jobs = Number(process.argv[2]);
  async function* slow() {
    for (let job = 0; job < jobs; job++) yield "workload " + job;
  }
  function* fast() {
    for (let job = 0; job < jobs; job++) yield "workload " + job;
  }
  const source = process.argv[3] === "async" ? slow : fast;
  const { signal } = new AbortController();
  let given = 0;
  let before = 0;
  const used = () => (globalThis.gc(), process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers);
  for await (const job of client.backgroundAll("nobody", source(), { signal })) if (++given === jobs / 10) before = used();
  console.log(JSON.stringify({ given, growth: used() - before }));
  await client.close();
`;

/** Runs jobs with events, and prints how much the heap grew from the first tenth on. */
const TASKS = `
  const { Client, Worker } = await import("edgear");
  const worker = new Worker(process.argv[1], { concurrency: 50 });
  worker.add("f", async function* () { yield "part"; return "done"; });
  worker.run();
  const client = new Client(process.argv[1]);
  const used = () => (globalThis.gc(), process.memoryUsage().heapUsed + process.memoryUsage().arrayBuffers);
  const { signal } = new AbortController();
  let before = 0;
  const rounds = Number(process.argv[2]) / 100;
  for (let round = 0; round < rounds; round++) {
    await Promise.all(Array.from({ length: 100 }, async (_, job) => {
      const options = { signal, timeout: 60_000, unique: job % 2 ? "u" + job : undefined };
      if (!options.unique) delete options.unique;
      if (job % 3) await client.run("f", "x", options);
      else await client.submit("f", "x", options).result;
    }));
    if (round === Math.floor(rounds / 10)) before = used();
  }
  console.log(JSON.stringify({ given: rounds * 100, growth: used() - before }));
  await client.close();
  await worker.close();
`;

/** Follows jobs with large workloads that nobody works off, and prints how many bytes of these it still holds. */
const WORKLOADS = `
  const { Client } = await import("edgear");
  const client = new Client(process.argv[1]);
  const jobs = Number(process.argv[2]);
  const used = () => (globalThis.gc(), process.memoryUsage().arrayBuffers);
  await client.ping();
  const before = used();
  const tasks = Array.from({ length: jobs }, () => client.submit("nobody", new Uint8Array(100_000)));
  for (const task of tasks) await task.handle;
  // V8 counts a buffer until a thread of its own has freed it, which may wait for a processor.
  let growth = Infinity;
  for (let tries = 0; tries < 100 && growth > 5_000_000; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
    growth = Math.min(growth, used() - before);
  }
  console.log(JSON.stringify({ given: tasks.length, growth }));
  client.destroy();
`;

async function run(script: string, ...args: string[]): Promise<{ given: number; growth: number }> {
  const node = ["--expose-gc", "--input-type=module", "-e", script, ...args];
  const { code, stdout, stderr } = await command(process.execPath, node, { timeout: 60_000 });
  assert.equal(code, 0, stderr);
  return JSON.parse(stdout);
}

test.each(["a list", "async"])("a bulk submit's memory is flat: %s", { timeout: 90_000 }, async (kind) => {
  await using server = await startGearmand({ args: ["--hashtable-buckets=1000003"] });
  const { given, growth } = await run(BULK, server.address, "100000", kind);
  assert.equal(given, 100_000);
  // 90,000 jobs later: less than 20 bytes for each.
  assert.ok(growth < 1_800_000, `${growth} bytes`);
});

test("tasks that are done leave nothing behind", { timeout: 90_000 }, async () => {
  await using server = await startGearmand();
  const { given, growth } = await run(TASKS, server.address, "20000");
  assert.equal(given, 20_000);
  assert.ok(growth < 1_800_000, `${growth} bytes`);
});

test("a workload is let go of once the server has its job", { timeout: 90_000 }, async () => {
  await using server = await startGearmand();
  const { given, growth } = await run(WORKLOADS, server.address, "200");
  assert.equal(given, 200);
  // Of 20 MB.
  assert.ok(growth < 5_000_000, `${growth} bytes`);
});
