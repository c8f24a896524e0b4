// Run by each runtime: a scheduler with the runtime's own SQLite and a job server of its own. Prints what the worker got.
import { Client, Worker } from "../../build/src/index.js";
import { Scheduler } from "../../build/src/scheduler/index.js";
import { SqliteStore } from "../../build/src/scheduler/sqlite/index.js";
import { JobServer } from "../../build/src/server/index.js";

const file = process.argv[2] ?? ":memory:";
const store = new SqliteStore(file);
const server = await JobServer.listen({ port: 0 });
const client = new Client(server.address);
const scheduler = new Scheduler({ store, client });
const worker = new Worker(server.address);
/** @type {string[]} */
const got = [];
const three = new Promise((resolve) => {
  worker.add("f", (job) => {
    got.push(`${job.unique.split(":")[0]} ${[...job.workload.bytes]}`);
    if (got.length === 3) resolve(undefined);
  });
});
const working = worker.run();
const running = scheduler.run();
await scheduler.delay("bytes", 20, "f", Uint8Array.of(0, 255));
await scheduler.delay("none", 120, "f");
await scheduler.cron("second", "* * * * * *", "f", "A");
await three;
await scheduler.close();
await running;
await worker.close();
await working;
await client.close();
await server.close();
const left = [];
for await (const job of scheduler.list()) left.push(job.name);
store.close();
// biome-ignore lint/suspicious/noConsole: whoever runs it reads that
console.log(JSON.stringify({ got: got.sort(), left }));
