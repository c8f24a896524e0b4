import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployed, deploy } from "../support/deployed.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { textLines } from "../support/text-command.ts";
import { startWorker } from "../support/workers.ts";

let gearmand: Gearmand;
let worker: Deployed;
let folder: string;

beforeAll(async () => {
  gearmand = await startGearmand();
  worker = await deploy({ GEARMAN_SERVERS: gearmand.address, MAX_BODY_BYTES: 100_000 });
  folder = await mkdtemp(path.join(tmpdir(), "edgear-worked-off-"));
}, 90_000);

afterAll(async () => {
  await worker?.[Symbol.asyncDispose]();
  await gearmand?.stop();
  if (folder) await rm(folder, { recursive: true });
});

test("a job goes in by HTTP, is worked off by a Gearman worker, and is followed to its end by HTTP", async () => {
  const workload = Uint8Array.from({ length: 70_000 }, (_, index) => index & 0xff);
  const submitted = await worker.fetch("/jobs/keep?priority=high&unique=kept", { method: "POST", body: workload });
  expect(submitted.status).toBe(202);
  expect(submitted.headers.get("content-type")).toBe("application/json");
  const job = (await submitted.json()) as { handle: string };
  expect(job).toEqual({
    handle: expect.stringMatching(/^H:.+:\d+$/),
    server: gearmand.address,
    unique: "kept",
    function: "keep",
  });
  const location = submitted.headers.get("location") ?? "";
  expect(location).toBe(`/jobs/${encodeURIComponent(job.handle)}`);

  const unstarted = { numerator: 0, denominator: 0, progress: 0 };
  const queued = await worker.fetch(location);
  expect(queued.status).toBe(200);
  expect(await queued.json()).toEqual({
    handle: job.handle,
    known: true,
    running: false,
    state: "queued",
    ...unstarted,
  });

  const kept = path.join(folder, "workload");
  await using _worker = await startWorker(gearmand.port, "keep", ["/bin/sh", "-c", `cat >'${kept}'; sleep 0.3`]);
  const states = await follow(location);
  expect(states.at(-1)).toEqual({
    handle: job.handle,
    known: false,
    running: false,
    state: "unknown",
    ...unstarted,
  });
  expect(states.slice(0, -1)).toContainEqual({
    handle: job.handle,
    known: true,
    running: true,
    state: "running",
    ...unstarted,
  });
  expect(new Uint8Array(await readFile(kept))).toEqual(workload);

  // Every request has closed its connection: the worker's is left, and the one that asks.
  await expect.poll(() => textLines(gearmand.port, "workers"), { timeout: 5_000 }).toHaveLength(2);
});

test("what is wrong is answered in JSON", async () => {
  const answers = await Promise.all([
    worker.fetch("/nothing"),
    worker.fetch("/jobs/f?delay=abc", { method: "POST" }),
    worker.fetch("/jobs/f", { method: "PUT" }),
    worker.fetch("/jobs/f", { method: "POST", body: new Uint8Array(100_001) }),
    worker.fetch("/jobs/f", { method: "POST", headers: { authorization: "Bearer nobody" } }),
  ]);
  expect(answers.map(({ status }) => status)).toEqual([404, 400, 405, 413, 401]);
  for (const answer of answers)
    expect(await answer.json()).toEqual({ error: { code: expect.any(String), message: expect.any(String) } });
});

test("its health is that of the job server", async () => {
  const health = await worker.fetch("/health");
  expect(health.status).toBe(200);
  expect(await health.json()).toEqual({ ok: true, servers: [gearmand.address], latency: expect.any(Number) });
});

/** Asks for a job until it is done; every answer. */
async function follow(location: string): Promise<unknown[]> {
  const states: { known: boolean }[] = [];
  while (states.at(-1)?.known !== false) {
    states.push((await (await worker.fetch(location)).json()) as { known: boolean });
    await delay(20);
  }
  return states;
}
