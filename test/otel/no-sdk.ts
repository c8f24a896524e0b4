/* A traced client and worker in a process where nobody registered an SDK. */
import { trace } from "@opentelemetry/api";
import { Client, Worker } from "edgear";
import { traced } from "edgear/otel";

const [, , address = "", name = ""] = process.argv;
const plain = new Worker(address);
plain.add(`${name}.plain`, (job) => job.workload.bytes);
const worker = traced(new Worker(address));
let span = false;
const texts: string[] = [];
worker.add(name, (job) => {
  span ||= trace.getActiveSpan() !== undefined;
  texts.push(job.workload.text());
  return job.workload.bytes;
});
const running = [plain.run(), worker.run()];
const client = traced(new Client(address), { envelope: [name, `${name}.plain`] });
const raw = (await client.run(`${name}.plain`, "plain")).text();
const envelope = Buffer.concat([
  Buffer.from("ff00724045ea43f46669d16e31b36918010002", "hex"),
  Buffer.from("{}enveloped"),
]);
await using other = new Client(address);
const taken = (await other.run(name, envelope)).text();
for await (const _ of client.backgroundAll(name, ["a", "b"]));
await client.run(name, "c");
await client.close();
await Promise.all([plain.close(), worker.close(), ...running]);
process.stdout.write(JSON.stringify({ raw, taken, bulk: texts.slice(1, 3), span }));
