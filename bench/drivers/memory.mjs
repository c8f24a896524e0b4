/**
 * Memory of a client, in bytes each: `memory.mjs idle|flight --port P --jobs N`, with --expose-gc. idle: N connections
 * that do nothing. flight: N foreground jobs of one connection that nobody works off.
 */
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "../../build/src/index.js";
import { PlainClient } from "../plain/client.mjs";
import { task } from "./harness.mjs";

const { job, port, jobs, size, way, function: name } = task();
const server = `127.0.0.1:${port}`;

// What is loaded and compiled once isn't counted.
const first = way === "plain" ? await PlainClient.connect(port) : new Client(server, { maxInFlight: jobs + 1 });
if (first instanceof Client) await first.ping();
/** @type {unknown[]} */
const kept = [];

if (job === "idle") {
  const before = await used();
  for (let each = 0; each < jobs; each++) kept.push(await connection());
  await report(before);
} else {
  // Each job has a workload of its own, which is there before, and not counted.
  const workloads = Array.from({ length: jobs }, () => new Uint8Array(size));
  await new Promise((resolve) => setTimeout(resolve, 100));
  const before = await used();
  for (const workload of workloads) {
    if (first instanceof Client) kept.push(first.run(name, workload));
    else first.foreground(name, workload, () => kept.pop());
  }
  if (first instanceof Client) await first.ping();
  else await new Promise((resolve) => first.background("waiting", new Uint8Array(1), resolve));
  await report(before);
  kept.push(workloads);
}

async function connection() {
  if (way === "plain") return PlainClient.connect(port);
  const client = new Client(server);
  await client.ping();
  return client;
}

/** @param {{ rss: number, heap: number }} before */
async function report(before) {
  const after = await used();
  const each = (/** @type {"rss" | "heap"} */ what) => (after[what] - before[what]) / jobs;
  process.stdout.write(`${JSON.stringify({ rss: each("rss"), heap: each("heap") })}\n`, () => process.exit());
}

/** What the process takes, and what is alive of it in the heap and outside. */
async function used() {
  for (let turn = 0; turn < 4; turn++) {
    globalThis.gc?.();
    await delay(20);
  }
  const { rss, heapUsed, external } = process.memoryUsage();
  return { rss, heap: heapUsed + external };
}
