import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "edgear";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployed, deploy } from "../support/deployed.ts";
import { connectionsLeft, queued, underFire } from "../support/door.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { startWorker } from "../support/worker.ts";

let gearmand: Gearmand;
let door: Deployed;

beforeAll(async () => {
  gearmand = await startGearmand();
  door = await deploy({ GEARMAN_SERVERS: gearmand.address, REQUEST_TIMEOUT: 3_000, RUN_TIMEOUT: 4_000 });
}, 90_000);

afterAll(async () => {
  await door?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

test("the jobs of 200 requests at once are all accounted for", { timeout: 60_000 }, async () => {
  const workloads = Array.from({ length: 200 }, (_, index) => `load-${index}`);
  const answers = await Promise.all(
    workloads.map(async (body) => {
      const response = await door.fetch("/jobs/counted", { method: "POST", body });
      expect(response.status).toBe(202);
      return (await response.json()) as { handle: string };
    }),
  );
  expect(new Set(answers.map(({ handle }) => handle)).size).toBe(200);
  expect(await queued(gearmand.port, "counted")).toBe(200);
  const done: string[] = [];
  const worker = new Worker(gearmand.address, { concurrency: 8 });
  worker.add("counted", (job) => void done.push(job.workload.text()));
  expect(await worker.drain({ deadline: 20_000 })).toBe(200);
  expect(done.sort()).toEqual(workloads.sort());
  await connectionsLeft(gearmand.port, 0);
});

test("200 results at once are each of their own request", { timeout: 60_000 }, async () => {
  await using _worker = startWorker(
    gearmand.address,
    { upper: (job) => job.workload.text().toUpperCase() },
    { concurrency: 8 },
  );
  const texts = Array.from({ length: 200 }, (_, index) => `result-${index}`);
  const answers = await Promise.all(
    texts.map(async (body) => (await door.fetch("/run/upper", { method: "POST", body })).text()),
  );
  expect(answers).toEqual(texts.map((text) => text.toUpperCase()));
  await connectionsLeft(gearmand.port, 1);
});

test("a job server that is killed and started again under load: each request is answered, none hangs", {
  timeout: 90_000,
}, async () => {
  await using _worker = startWorker(gearmand.address, { slowly: () => delay(20, "done") }, { concurrency: 8 });
  const requests: readonly (readonly [string, RequestInit])[] = [
    ["/jobs/nobody", { method: "POST", body: "x" }],
    ["/run/slowly", { method: "POST", body: "x" }],
    ["/run/slowly", { method: "POST", body: "x", headers: { accept: "text/event-stream" } }],
    ["/jobs/H:nowhere:1", {}],
    ["/jobs?unique=nobody", {}],
    ["/health", {}],
    ["/jobs", { method: "POST", body: '{"function":"nobody"}\n', headers: { "content-type": "application/x-ndjson" } }],
  ];
  const statuses = new Map<number, number>();
  /** What went well, by what was asked. */
  const well = new Map<number, number>();
  const ask = async (turn: number) => {
    const which = turn % requests.length;
    const [path, init] = requests[which] as (typeof requests)[number];
    // Whoever hangs fails the test, by this.
    const response = await door.fetch(path, { ...init, signal: AbortSignal.timeout(15_000) });
    const body = await response.text();
    if (!response.ok) expect(JSON.parse(body).error.message, body).toMatch(/\w/);
    const type = response.headers.get("content-type");
    let done = response.ok;
    if (type === "text/event-stream") {
      expect(body).toMatch(/event: (complete|problem)\n[^\n]*\n\n$/);
      done = body.endsWith('event: complete\ndata: {"text":"done"}\n\n');
      if (!done) expect(body).toMatch(/"code":"(CONNECTION_FAILED|CONNECTION_LOST|TIMEOUT)"/);
    }
    if (type === "application/octet-stream") expect(body).toBe("done");
    if (type === "application/x-ndjson") {
      const { handle, error, line } = JSON.parse(body);
      expect(line).toBe(1);
      done = typeof handle === "string";
      if (!done) expect(["CONNECTION_FAILED", "CONNECTION_LOST", "TIMEOUT"]).toContain(error.code);
    }
    if (done) well.set(which, (well.get(which) ?? 0) + 1);
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
  expect(Object.fromEntries([...statuses].filter(([status]) => ![200, 202, 502, 503, 504].includes(status)))).toEqual(
    {},
  );
  // There was both, and of each kind something went well.
  expect([...well.keys()].sort()).toEqual(requests.map((_, which) => which));
  expect(statuses.get(202)).toBeGreaterThan(0);
  expect(statuses.get(502)).toBeGreaterThan(0);
  await expect.poll(async () => (await door.fetch("/health")).status, { timeout: 5_000 }).toBe(200);
  await connectionsLeft(port, 1);
});
