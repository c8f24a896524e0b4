// A job server, a worker and a client in one program: `npm run demo`.
import { Client, Worker } from "edgear";
import { JobServer } from "edgear/server";

// 1. A job server. This one is embedded, for demos and tests; in production it is gearmand.
const server = await JobServer.listen({ port: 0 });
console.log(`A job server listens on ${server.address}.\n`);

// 2. A worker, which works off the jobs of two functions, two jobs at a time.
const worker = new Worker(server.address, { concurrency: 2 });
worker.add("reverse", (job) => [...job.workload.text()].reverse().join(""));
worker.add("resize", async (job) => {
  const { id, steps } = job.workload.json<{ id: number; steps: number }>();
  for (let step = 1; step <= steps; step++) {
    await new Promise((resolve) => setTimeout(resolve, 40));
    job.status(step, steps); // anybody can ask for it
  }
  return { id, done: true };
});
const working = worker.run();

// 3. A client: background jobs are acknowledged with a handle, and followed by asking for their status.
const client = new Client(server.address);
const handles = [];
for (const id of [1, 2, 3]) handles.push(await client.background("resize", { id, steps: 25 }, { priority: "high" }));
console.log(`Submitted in the background: ${handles.join(", ")}`);

for (const handle of handles) {
  await client.completed(handle, {
    interval: 50,
    onStatus: ({ state, progress }) => draw(handle.handle, state === "unknown" ? 1 : progress, state),
  });
  process.stdout.write("\n");
}

// 4. A foreground job: its result comes back to whoever submitted it.
const result = await client.run("reverse", "!raegdE ,olleH");
console.log(`\nreverse said: ${result.text()}`);

await client.close();
await worker.close();
await working;
await server.close();
console.log(`
Next: change a handler above and run it again;
      start a real server (gearmand) and give its address to Client and Worker;
      "npx wrangler dev" serves the HTTP door in worker/, and README.md says how to call it.`);

/** One line that moves on a terminal; elsewhere, a line for each tenth. */
function draw(name: string, progress: number, state: string): void {
  const width = 30;
  const full = Math.round(progress * width);
  const bar = "█".repeat(full) + "░".repeat(width - full);
  const words = { queued: "queued ", running: "running", unknown: "done   " }[state];
  process.stdout.write(`\r${name.padEnd(14)} ${bar} ${String(Math.round(progress * 100)).padStart(3)} % ${words}`);
}
