import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "edgear";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployed, deploy } from "../../support/deployed.ts";
import { connectionsLeft, queued, underFire } from "../../support/door.ts";
import { type Gearmand, startGearmand } from "../../support/gearmand.ts";
import { Line } from "../../support/line.ts";
import { startWorker } from "../../support/worker.ts";

/** The HTTP door, with a hub. */

let gearmand: Gearmand;
let line: Line;
let door: Deployed;

beforeAll(async () => {
  gearmand = await startGearmand();
  line = await Line.to(gearmand.port);
  const vars = { GEARMAN_SERVERS: line.address, REQUEST_TIMEOUT: 3_000, RUN_TIMEOUT: 4_000 };
  door = await deploy(vars, { objects: { GEARMAN_HUB: "GearmanHub" } });
}, 90_000);

afterAll(async () => {
  await door?.[Symbol.asyncDispose]();
  await line?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

test("the jobs of 200 requests at once are all accounted for, over one connection", { timeout: 60_000 }, async () => {
  const workloads = Array.from({ length: 200 }, (_, index) => `load-${index}`);
  const answers = await Promise.all(
    workloads.map(async (body) => {
      const response = await door.fetch("/jobs/counted", { method: "POST", body });
      expect(response.status).toBe(202);
      return (await response.json()) as { handle: string };
    }),
  );
  expect(new Set(answers.map(({ handle }) => handle)).size).toBe(200);
  expect(line.connections).toBe(1);
  expect(await queued(gearmand.port, "counted")).toBe(200);
  const done: string[] = [];
  const worker = new Worker(gearmand.address, { concurrency: 8 });
  worker.add("counted", (job) => void done.push(job.workload.text()));
  expect(await worker.drain({ deadline: 20_000 })).toBe(200);
  await worker.close();
  expect(done.sort()).toEqual(workloads.sort());
});

test("jobs are asked for over the same one; what waits has its own", async () => {
  const before = line.connections;
  const submitted = await door.fetch("/jobs/nobody", {
    method: "POST",
    body: "x",
    headers: { "idempotency-key": "u" },
  });
  const location = submitted.headers.get("location") ?? "";
  expect(await (await door.fetch(location)).json()).toMatchObject({ known: true, state: "queued" });
  expect(await (await door.fetch("/jobs?unique=u")).json()).toMatchObject({ unique: "u", known: true, waiting: 0 });
  expect(await (await door.fetch("/health")).json()).toMatchObject({ ok: true, servers: [line.address] });
  const wrong = await door.fetch(`/jobs/${"x".repeat(70)}`);
  expect(wrong.status).toBe(400);
  expect(line.connections).toBe(before);
  await using _worker = startWorker(gearmand.address, { upper: (job) => job.workload.text().toUpperCase() });
  expect(await (await door.fetch("/run/upper", { method: "POST", body: "x" })).text()).toBe("X");
  expect(line.connections).toBe(before + 1);
});

test("a job server that is killed and started again under load: each request is answered, none hangs", {
  timeout: 60_000,
}, async () => {
  const requests: readonly (readonly [string, RequestInit])[] = [
    ["/jobs/nobody", { method: "POST", body: "x" }],
    ["/jobs/H:nowhere:1", {}],
    ["/jobs?unique=nobody", {}],
    ["/health", {}],
  ];
  const statuses = new Map<number, number>();
  const ask = async (turn: number) => {
    const [path, init] = requests[turn % requests.length] as (typeof requests)[number];
    // Whoever hangs fails the test, by this.
    const response = await door.fetch(path, { ...init, signal: AbortSignal.timeout(15_000) });
    const body = await response.text();
    if (!response.ok) expect(JSON.parse(body).error.message, body).toMatch(/\w/);
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    if (!response.ok) await delay(20);
  };
  const { port } = gearmand;
  await underFire(ask, async () => {
    process.kill(gearmand.pid, "SIGKILL");
    await delay(700);
    await gearmand.stop();
    gearmand = await startGearmand({ port });
  });
  const others = [...statuses].filter(([status]) => ![200, 202, 502, 503, 504].includes(status));
  expect(Object.fromEntries(others)).toEqual({});
  expect(statuses.get(200)).toBeGreaterThan(0);
  expect(statuses.get(202)).toBeGreaterThan(0);
  await expect.poll(async () => (await door.fetch("/health")).status, { timeout: 5_000 }).toBe(200);
  await connectionsLeft(port, 1);
});

test("a setting that is wrong is the Worker's fault, not the request's", async () => {
  await using wrong = await deploy({ GEARMAN_SERVERS: "a b" }, { objects: { GEARMAN_HUB: "GearmanHub" } });
  const response = await wrong.fetch("/jobs/nobody", { method: "POST", body: "x" });
  expect(response.status).toBe(500);
  expect(await response.json()).toMatchObject({ error: { code: "MISCONFIGURED" } });
}, 60_000);
