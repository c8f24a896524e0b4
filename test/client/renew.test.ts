import { setTimeout as delay } from "node:timers/promises";
import { Client, Worker } from "edgear";
import { expect, test } from "vitest";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { Line } from "../support/line.ts";
import { textLines } from "../support/text-command.ts";
import { startWorker } from "../support/worker.ts";

/** The connections that are made anew: a hub does so before the platform's time is over. */

const RECONNECT = { minDelay: 50, maxDelay: 200 };

async function connections({ port }: Gearmand): Promise<number> {
  return (await textLines(port, "workers")).filter((line) => line.trimEnd().endsWith(":")).length - 1;
}

test("new calls go over the new connection, and the old one ends when its job is done", async () => {
  await using gearmand = await startGearmand();
  await using line = await Line.to(gearmand.port);
  await using _worker = startWorker(gearmand.address, { slow: () => delay(600, "done") });
  await using client = new Client(line.address);
  const result = client.run("slow");
  await client.ping();
  await client.renew();
  expect(line.connections).toBe(2);
  expect(await connections(gearmand)).toBe(2);
  await client.ping();
  expect(line.connections).toBe(2);
  expect((await result).text()).toBe("done");
  await expect.poll(() => connections(gearmand)).toBe(1);
});

test("a client that has no connection makes none", async () => {
  await using gearmand = await startGearmand();
  await using line = await Line.to(gearmand.port);
  await using client = new Client(line.address);
  await client.renew();
  expect(line.connections).toBe(0);
});

test("jobs that nobody waits for any more are dropped with the old connection", async () => {
  await using gearmand = await startGearmand();
  await using client = new Client(gearmand.address);
  const given = client.run("nobody", "x", { signal: AbortSignal.timeout(50) });
  await expect(given).rejects.toThrow(/timeout/i);
  await client.renew();
  await expect.poll(() => connections(gearmand)).toBe(1);
  await client.background("nobody", "kept");
  // gearmand counts a dropped job until somebody would have taken it.
  const taken: string[] = [];
  const worker = new Worker(gearmand.address);
  worker.add("nobody", (job) => void taken.push(job.workload.text()));
  await worker.drain({ deadline: 5_000 });
  await worker.close();
  expect(taken).toEqual(["kept"]);
});

test("the old connection stays when nothing answers on the new one", async () => {
  await using gearmand = await startGearmand();
  await using line = await Line.to(gearmand.port);
  await using client = new Client(line.address, { requestTimeout: 300 });
  await client.ping();
  // A proxy whose server is away: it takes connections, and nothing comes back.
  line.hold("answers");
  await client.renew();
  line.release();
  expect(await client.ping()).toBeGreaterThanOrEqual(0);
  expect(line.connections).toBe(2);
});

test("a job whose old connection is lost goes again, over the new one, as any client's does", async () => {
  await using stack = new AsyncDisposableStack();
  const first = stack.use(await startGearmand());
  const { port } = first;
  const client = stack.use(new Client(first.address, { reconnect: RECONNECT }));
  const result = client.run("late", "x", { unique: "own" });
  await client.ping();
  await client.renew();
  process.kill(first.pid, "SIGKILL");
  await first.stop();
  await delay(300);
  const second = stack.use(await startGearmand({ port }));
  stack.use(startWorker(second.address, { late: () => "done" }));
  expect((await result).text()).toBe("done");
});
