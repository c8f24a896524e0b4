// A worker as a process of its own. Arguments: server, function, milliseconds a job, concurrency. A line for each job
// that begins, and for each that ends; SIGTERM closes it.
import { Worker } from "edgear";

const [server, name, milliseconds, concurrency] = process.argv.slice(2);
const worker = new Worker(server, { concurrency: Number(concurrency) });
worker.add(name, async ({ workload }) => {
  process.stdout.write(`begin ${workload.text()}\n`);
  await new Promise((resolve) => setTimeout(resolve, Number(milliseconds)));
  process.stdout.write(`end ${workload.text()}\n`);
});
process.once("SIGTERM", () => void worker.close({ timeout: 5_000 }));
await worker.run();
process.stdout.write("closed\n");
