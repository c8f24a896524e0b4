// Jobs that run later, and again and again: `node examples/scheduler.ts`, on Node 22.18 or newer, after `npm run build`.
import { Client, Worker } from "edgear";
import { Scheduler } from "edgear/scheduler";
import { SqliteStore } from "edgear/scheduler/sqlite";
import { JobServer } from "edgear/server";

// A job server and a worker, so that there is something to see. In production they are elsewhere.
const server = await JobServer.listen({ port: 0 });
const worker = new Worker(server.address);
const done = new AbortController();
let jobs = 0;
worker.add("remind", (job) => {
  console.log(`  the worker got ${job.unique.split(":")[0]}: ${job.workload.text()}`);
  if (++jobs === 4) done.abort();
});
const working = worker.run();

// Jobs wait in a store: a file, usually; then they are still there when the program is started again.
const store = new SqliteStore(process.argv[2] ?? ":memory:");
const client = new Client(server.address);
const scheduler = new Scheduler({ store, client });
scheduler.on("submit", ({ name, late }) => console.log(`${name} was submitted, ${late} ms after its time`));
scheduler.on("error", ({ from, delay }) => console.log(`${from} is away; next try in ${delay} ms`));

await scheduler.delay("tea", 600, "remind", "it has drawn");
await scheduler.every("stretch", 250, "remind", "get up", { missed: "skip" });
await scheduler.cron("payday", "0 9 L * *", "remind", "write the bills", { timeZone: "Europe/Berlin" });
await scheduler.at("never", new Date("2100-01-01T00:00:00Z"), "remind", "celebrate");

for await (const { name, repetition } of scheduler.list())
  console.log(`${name} is planned${repetition ? `, ${JSON.stringify(repetition)}` : ""}`);
console.log(`never was cancelled: ${await scheduler.cancel("never")}`);

// Submits what is due, until the signal aborts. A store may have many schedulers, each on another machine.
await scheduler.run({ signal: done.signal });
console.log(`payday comes again: ${(await scheduler.get("payday")) !== undefined}`);

await client.close();
await worker.close();
await working;
await server.close();
store.close();
