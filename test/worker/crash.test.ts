import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client, type JobHandle, Worker } from "edgear";
import { expect, test } from "vitest";
import { eventually, pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { startGearmand } from "../support/gearmand.ts";

const program = fileURLToPath(new URL("process.mjs", import.meta.url));

/** Starts process.mjs. */
function start(server: string, name: string, milliseconds: number, concurrency: number) {
  const args = [program, server, name, String(milliseconds), String(concurrency)];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let output = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    output += chunk.toString();
  });
  return {
    child,
    exit: once(child, "close"),
    /** What follows a word in the lines so far. */
    lines: (word: string) => [...output.matchAll(new RegExp(`^${word} (.+)$`, "gm"))].map(([, rest]) => rest ?? ""),
    get output() {
      return output;
    },
  };
}

async function submit(client: Client, name: string, jobs: number): Promise<JobHandle[]> {
  return Promise.all(Array.from({ length: jobs }, (_, job) => client.background(name, String(job))));
}

test("SIGKILL of gearmand in mid-run loses no background job of a persistent queue", { timeout: 60_000 }, async () => {
  const name = fresh("persistent");
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-queue-"));
  try {
    const args = ["--queue-type=libsqlite3", `--libsqlite3-db=${path.join(folder, "queue.db")}`];
    const first = await startGearmand({ args });
    const client = new Client(first.address);
    const jobs = 300;
    await submit(client, name, jobs);
    client.destroy();

    const done = new Map<string, number>();
    const concurrency = 8;
    const worker = new Worker(first.address, { concurrency, reconnect: { minDelay: 20, maxDelay: 200 } });
    worker.add(name, async ({ workload }) => {
      await pause(2);
      const id = workload.text();
      done.set(id, (done.get(id) ?? 0) + 1);
    });
    const running = worker.run();
    await eventually("a third of the jobs are done", async () => done.size > jobs / 3);
    process.kill(first.pid, "SIGKILL");
    await first.stop();
    await using _second = await startGearmand({ args, port: first.port });
    await eventually("all jobs are done", async () => done.size === jobs);
    await worker.close();
    await running;
    // Twice at the most, and only those that ran, or whose result was on its way, when the server died.
    const twice = [...done.values()].filter((times) => times > 1).length;
    expect(Math.max(...done.values())).toBeLessThanOrEqual(2);
    expect(twice).toBeLessThanOrEqual(2 * concurrency);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("SIGKILL of a worker in mid-run loses no job: others get what it had", { timeout: 60_000 }, async () => {
  const name = fresh("killed");
  await using server = await startGearmand();
  await using client = new Client(server.address);
  const jobs = 120;
  const handles = await submit(client, name, jobs);
  const victim = start(server.address, name, 5, 4);
  await eventually("some jobs are done", async () => victim.lines("end").length > 20);
  victim.child.kill("SIGKILL");
  await victim.exit;
  const heir = start(server.address, name, 1, 4);
  for (const handle of handles) await client.completed(handle, { interval: 20, timeout: 20_000 });
  heir.child.kill("SIGTERM");
  assert.deepEqual(await heir.exit, [0, null]);
  const ended = [...victim.lines("end"), ...heir.lines("end")];
  assert.equal(new Set(ended).size, jobs);
  // Those that it had in hand, at most: their ends may have been printed, and never told.
  assert.ok(ended.length - jobs <= 4, `${ended.length - jobs} jobs were done twice`);
});

test("SIGTERM in mid-run finishes what runs, and leaves the rest", async () => {
  const name = fresh("terminated");
  await using server = await startGearmand();
  await using client = new Client(server.address);
  const handles = await submit(client, name, 30);
  const worker = start(server.address, name, 100, 4);
  await eventually("jobs have begun", async () => worker.lines("begin").length >= 6);
  worker.child.kill("SIGTERM");
  assert.deepEqual(await worker.exit, [0, null], worker.output);
  assert.deepEqual(worker.lines("end").toSorted(), worker.lines("begin").toSorted());
  assert.match(worker.output, /closed\n$/);
  const states = await Promise.all(handles.map(async (handle) => (await client.status(handle)).state));
  const left = states.filter((state) => state === "queued").length;
  assert.equal(left, 30 - worker.lines("end").length);
  assert.equal(states.includes("running"), false);
});
