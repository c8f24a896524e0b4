import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "edgear";
import { MetricsServer, Pool, PoolMetrics, parseMetricsAddress } from "edgear/pool";
import { register } from "prom-client";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { eventually } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { CliProcess, edgear } from "../support/cli.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { listenBelow } from "../support/ports.ts";
import { type Family, parseMetrics, sampled } from "./prometheus.ts";

// Each starts several processes, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

const file = fileURLToPath(new URL("metered.ts", import.meta.url));
/** Names that a label can't have as they stand. */
const GROUP = 'met"ered\\';
const ODD = 'o"d\\d';

let folder: string;
let gearmand: Gearmand;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "edgear-metrics-"));
  gearmand = await startGearmand();
});

afterAll(async () => {
  await gearmand?.stop();
  await rm(folder, { recursive: true, force: true });
});

type Handlers = Record<string, "upper" | "fails" | "throws" | "until" | "short" | "dies">;

function makePool(address: string, handlers: Handlers, pool: object = {}): Pool {
  const functions = Object.fromEntries(Object.entries(handlers).map(([name, to]) => [name, { file, name: to }]));
  return new Pool({ name: GROUP, connection: "default", functions, pool }, { servers: address });
}

/** What a server of metrics answers. */
async function get(server: MetricsServer, place: string): Promise<{ status: number; text: string }> {
  const response = await fetch(`http://127.0.0.1:${server.port}${place}`);
  return { status: response.status, text: await response.text() };
}

async function scrape(server: MetricsServer): Promise<Map<string, Family>> {
  const { status, text } = await get(server, "/metrics");
  assert.equal(status, 200, text);
  return parseMetrics(text);
}

/** The counts of a function's jobs by outcome. */
function counts(metrics: Map<string, Family>, name: string): Record<string, number> {
  const samples = metrics.get("edgear_pool_jobs_total")?.samples ?? [];
  return Object.fromEntries(
    samples.filter(({ labels }) => labels.function === name).map(({ labels, value }) => [labels.outcome, value]),
  );
}

const NONE = { complete: 0, failure: 0, exception: 0, lost: 0, killed: 0 };

test("a pool's jobs, workers and queues, counted exactly, a killed worker's included", async () => {
  const handlers: Handlers = { [ODD]: "upper", "m.fails": "fails", "m.throws": "throws", "m.until": "until" };
  const pool = makePool(gearmand.address, handlers, { workers: 2 });
  const metrics = new PoolMetrics(pool, { servers: gearmand.address, queueInterval: 0 });
  await using server = await MetricsServer.listen(metrics, "127.0.0.1:0");
  await using client = new Client(gearmand.address);
  const first = await scrape(server);
  for (const name of Object.keys(handlers)) {
    expect(counts(first, name)).toEqual(NONE);
    expect(sampled(first, "edgear_pool_jobs_in_flight", { function: name })).toBe(0);
    expect(sampled(first, "edgear_pool_job_duration_seconds_count", { function: name })).toBe(0);
  }
  for (const { samples } of first.values()) for (const { labels } of samples) expect(labels.group).toBe(GROUP);
  expect(await get(server, "/healthz")).toEqual({ status: 200, text: "ok\n" });
  expect((await get(server, "/readyz")).status).toBe(503);

  await pool.start();
  await using _ = pool;
  await eventually("two workers that are ready", async () => {
    return sampled(await scrape(server), "edgear_pool_workers", { state: "ready" }) === 2;
  });
  expect(await get(server, "/readyz")).toEqual({
    status: 200,
    text: "2 of 2 workers are registered with a job server\n",
  });

  // Before anything of "m.until" runs, as its jobs keep workers busy.
  await Promise.all(Array.from({ length: 25 }, (_, index) => client.run(ODD, `job ${index}`)));
  await Promise.allSettled(Array.from({ length: 7 }, () => client.run("m.fails", "x")));
  await Promise.allSettled(Array.from({ length: 4 }, () => client.run("m.throws", "x")));
  await eventually("all jobs counted", async () => counts(await scrape(server), "m.throws").exception === 4);
  const done = await scrape(server);
  expect(counts(done, ODD)).toEqual({ ...NONE, complete: 25 });
  expect(counts(done, "m.fails")).toEqual({ ...NONE, failure: 7 });
  expect(counts(done, "m.throws")).toEqual({ ...NONE, exception: 4 });
  expect(sampled(done, "edgear_pool_job_duration_seconds_count", { function: ODD })).toBe(25);
  expect(sampled(done, "edgear_pool_jobs_in_flight", { function: ODD })).toBe(0);

  // Two run, three wait.
  const gate = path.join(folder, "gate");
  for (let index = 0; index < 5; index++) await client.background("m.until", gate);
  await eventually("two jobs in flight", async () => {
    return sampled(await scrape(server), "edgear_pool_jobs_in_flight", { function: "m.until" }) === 2;
  });
  const busy = await scrape(server);
  const queue = { server: gearmand.address, function: "m.until" };
  expect(sampled(busy, "edgear_queue_jobs", { ...queue, state: "waiting" })).toBe(3);
  expect(sampled(busy, "edgear_queue_jobs", { ...queue, state: "running" })).toBe(2);
  expect(sampled(busy, "edgear_queue_workers", queue)).toBe(2);
  expect(sampled(busy, "edgear_pool_workers_registered", { server: gearmand.address })).toBe(2);
  expect(sampled(busy, "edgear_server_up", { server: gearmand.address })).toBe(1);
  expect(sampled(busy, "edgear_pool_worker_starts_total")).toBe(2);

  const [victim] = pool.workers;
  process.kill(victim?.pid as number, "SIGKILL");
  await eventually("the lost job, and another worker's", async () => {
    const now = await scrape(server);
    const inFlight = sampled(now, "edgear_pool_jobs_in_flight", { function: "m.until" });
    return counts(now, "m.until").lost === 1 && inFlight === 2;
  });
  await writeFile(gate, "");
  await eventually("all five done", async () => counts(await scrape(server), "m.until").complete === 5);
  const last = await scrape(server);
  expect(counts(last, "m.until")).toEqual({ ...NONE, complete: 5, lost: 1 });
  expect(sampled(last, "edgear_pool_job_duration_seconds_count", { function: "m.until" })).toBe(5);
  expect(sampled(last, "edgear_pool_jobs_in_flight", { function: "m.until" })).toBe(0);
  expect(sampled(last, "edgear_pool_worker_starts_total")).toBe(3);
  expect(sampled(last, "edgear_pool_worker_exits_total", { reason: "crash" })).toBe(1);
  expect(sampled(last, "edgear_queue_jobs", { ...queue, state: "waiting" })).toBe(0);
  for (const worker of ["1", "2"])
    expect(sampled(last, "edgear_pool_worker_memory_bytes", { worker })).toBeGreaterThan(1 << 20);
  expect(sampled(last, "edgear_pool_supervisor_memory_bytes")).toBeGreaterThan(1 << 20);

  // One is not waited for when the pool stops.
  await client.background("m.until", path.join(folder, "never"));
  await eventually("it runs", async () => {
    return sampled(await scrape(server), "edgear_pool_jobs_in_flight", { function: "m.until" }) === 1;
  });
  const stopped = pool.stop({ grace: 50 });
  expect(await get(server, "/readyz")).toEqual({ status: 503, text: "stopping\n" });
  await stopped;
  const end = await scrape(server);
  expect(counts(end, "m.until")).toEqual({ ...NONE, complete: 5, lost: 1, killed: 1 });
  expect(sampled(end, "edgear_pool_jobs_in_flight", { function: "m.until" })).toBe(0);
  expect(sampled(end, "edgear_pool_worker_exits_total", { reason: "stop" })).toBe(2);
  expect(register.getMetricsAsArray(), "nothing global").toEqual([]);
});

test("jobs of two servers that gave them the same handle are two", async () => {
  // Servers of one machine begin to count at the same number.
  await using one = await startGearmand();
  await using two = await startGearmand();
  const servers = [one.address, two.address];
  const functions = { "m.until": { file, name: "until" } };
  const group = { name: GROUP, connection: "default", concurrency: 2, functions, pool: {} };
  await using pool = new Pool(group, { servers });
  const metrics = new PoolMetrics(pool, { servers });
  await using server = await MetricsServer.listen(metrics, "127.0.0.1:0");
  await pool.start();
  const gate = path.join(folder, "two");
  const handles: string[] = [];
  for (const address of servers) {
    await using client = new Client(address);
    handles.push(String(await client.background("m.until", gate)));
  }
  expect(handles[0]).toBe(handles[1]);
  const running = () => pool.workers.map(({ running }) => running);
  await expect.poll(running, { timeout: 15_000 }).toEqual([2]);
  process.kill(pool.workers[0]?.pid as number, "SIGKILL");
  await expect.poll(() => [pool.counts.lost, ...running()], { timeout: 15_000 }).toEqual([2, 2]);
  await writeFile(gate, "");
  await expect.poll(() => [pool.counts.complete, ...running()], { timeout: 15_000 }).toEqual([2, 0]);
  expect(sampled(await scrape(server), "edgear_pool_jobs_in_flight", { function: "m.until" })).toBe(0);
});

test("under load, with workers killed in mid-job, the counts add up, and nothing stays in flight", async () => {
  const [jobs, kills] = [200, 4];
  await using own = await startGearmand();
  const pool = makePool(own.address, { "m.short": "short" }, { workers: 3 });
  const metrics = new PoolMetrics(pool, { servers: own.address, queueInterval: 0 });
  await using server = await MetricsServer.listen(metrics, "127.0.0.1:0");
  await pool.start();
  await using _ = pool;
  await using client = new Client(own.address);
  for (let index = 0; index < jobs; index++) await client.background("m.short", `${index}`);
  for (let index = 0; index < kills; index++) {
    let victim: number | undefined;
    await eventually("a worker that has a job", async () => {
      victim = pool.workers.find(({ running }) => running > 0)?.pid;
      return victim !== undefined;
    });
    process.kill(victim as number, "SIGKILL");
    await eventually("its end", async () => pool.workers.every(({ pid }) => pid !== victim));
  }
  const ready = { state: "ready" };
  let now = await scrape(server);
  await eventually("all jobs done", async () => {
    now = await scrape(server);
    const queued = (now.get("edgear_queue_jobs")?.samples ?? []).map(({ value }) => value);
    const inFlight = sampled(now, "edgear_pool_jobs_in_flight") ?? -1;
    return Math.max(...queued) === 0 && inFlight === 0 && sampled(now, "edgear_pool_workers", ready) === 3;
  });
  const { complete = 0, lost = 0, ...others } = counts(now, "m.short");
  expect(others).toEqual({ failure: 0, exception: 0, killed: 0 });
  // A kill has one job lost, and done again; or it came when a job had ended, and the worker had not told it.
  expect(lost).toBeLessThanOrEqual(kills);
  expect(complete).toBeLessThanOrEqual(jobs);
  expect(complete).toBeGreaterThanOrEqual(jobs - kills);
  expect(complete + lost).toBeGreaterThanOrEqual(jobs);
  expect(sampled(now, "edgear_pool_worker_exits_total", { reason: "crash" })).toBe(kills);
  expect(sampled(now, "edgear_pool_worker_starts_total")).toBe(3 + kills);
});

test("workers that die again and again: /healthz and a metric say so", async () => {
  await using own = await startGearmand();
  const pool = makePool(own.address, { "m.dies": "dies", "m.upper": "upper" });
  const metrics = new PoolMetrics(pool, { servers: own.address });
  await using server = await MetricsServer.listen(metrics, "127.0.0.1:0");
  await pool.start();
  await using _ = pool;
  await using client = new Client(own.address);
  await client.background("m.dies", "x");
  await eventually("a crash loop", async () => (await get(server, "/healthz")).status === 503);
  expect((await get(server, "/healthz")).text).toMatch(/^crash loop: \d+ workers died in a row\n$/);
  const looping = await scrape(server);
  expect(sampled(looping, "edgear_pool_crash_loop")).toBe(1);
  const lost = counts(looping, "m.dies").lost ?? 0;
  expect(lost).toBeGreaterThanOrEqual(5);
  expect(sampled(looping, "edgear_pool_worker_exits_total", { reason: "crash" })).toBe(lost);
});

test("a server that is away, or doesn't answer, is a metric, and holds no scrape up", async () => {
  await using gone = await startGearmand();
  await using frozen = await startGearmand();
  const pool = makePool(gone.address, { "m.upper": "upper" });
  const metrics = new PoolMetrics(pool, { servers: [gone.address, frozen.address], queueInterval: 0 });
  await using server = await MetricsServer.listen(metrics, "127.0.0.1:0");
  const ups = (families: Map<string, Family>) =>
    [gone, frozen].map(({ address }) => sampled(families, "edgear_server_up", { server: address }));
  expect(ups(await scrape(server))).toEqual([1, 1]);
  await gone.stop();
  process.kill(frozen.pid, "SIGSTOP");
  try {
    const begin = performance.now();
    // As many at once as like to: the servers are asked once.
    const [now] = await Promise.all(Array.from({ length: 5 }, () => scrape(server)));
    // A second, for a server that doesn't answer; the rest is for busy machines.
    expect(performance.now() - begin).toBeLessThan(5_000);
    expect(ups(now as Map<string, Family>)).toEqual([0, 0]);
    expect(now?.get("edgear_queue_jobs")?.samples).toEqual([]);
    expect(
      sampled(now as Map<string, Family>, "edgear_server_read_time_seconds", { server: gone.address }),
    ).toBeCloseTo(Date.now() / 1_000, -2);
  } finally {
    process.kill(frozen.pid, "SIGCONT");
  }
  await eventually("it is up again", async () => ups(await scrape(server))[1] === 1);
});

test("the figures of servers are kept for a while", async () => {
  await using own = await startGearmand();
  const pool = makePool(own.address, { "m.upper": "upper" });
  const metrics = new PoolMetrics(pool, { servers: own.address, queueInterval: 60_000 });
  await using server = await MetricsServer.listen(metrics, "127.0.0.1:0");
  const waiting = async () => sampled(await scrape(server), "edgear_queue_jobs", { state: "waiting" });
  expect(await waiting()).toBe(0);
  await using client = new Client(own.address);
  await client.background("m.upper", "x");
  expect(await waiting()).toBe(0);
  await using eager = await MetricsServer.listen(new PoolMetrics(pool, { servers: own.address }), "127.0.0.1:0");
  expect(sampled(await scrape(eager), "edgear_queue_jobs", { state: "waiting" })).toBe(1);
});

test("what else is asked over HTTP, and where it is served", async () => {
  const pool = makePool(gearmand.address, { "m.upper": "upper" });
  const metrics = new PoolMetrics(pool, { servers: gearmand.address });
  await using server = await MetricsServer.listen(metrics, ":0");
  const url = `http://127.0.0.1:${server.port}`;
  expect(await get(server, "/")).toEqual({ status: 404, text: "there are /metrics, /healthz and /readyz\n" });
  const post = await fetch(`${url}/metrics`, { method: "POST", body: "x" });
  expect([post.status, post.headers.get("allow")]).toEqual([405, "GET, HEAD"]);
  const head = await fetch(`${url}/healthz`, { method: "HEAD" });
  expect([head.status, head.headers.get("content-length"), await head.text()]).toEqual([200, "3", ""]);
  const plain = await fetch(`${url}/metrics?x=1`);
  expect(plain.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
  await plain.text();
  await expect(MetricsServer.listen(metrics, `127.0.0.1:${server.port}`)).rejects.toThrow(
    `metrics can't be served at 127.0.0.1:${server.port}: another program listens there`,
  );
  expect(parseMetricsAddress(":9464")).toEqual({ host: undefined, port: 9464 });
  expect(parseMetricsAddress("[::1]:9464")).toEqual({ host: "::1", port: 9464 });
  expect(parseMetricsAddress("localhost:0")).toEqual({ host: "localhost", port: 0 });
  for (const wrong of ["9464", "", ":", ":65536", "::1:9464", "a b:1", "[::1]", "http://x:1", ":9464/metrics"])
    expect(() => parseMetricsAddress(wrong), wrong).toThrow(/\[host\]:port/);
});

/** Connects, and asks nothing, or half of something. Says when it is closed. */
async function idle(port: number, says = ""): Promise<{ socket: Socket; closed: () => boolean }> {
  const socket = connect(port, "127.0.0.1");
  let closed = false;
  socket.on("error", () => {});
  socket.on("close", () => {
    closed = true;
  });
  await once(socket, "connect");
  socket.write(says);
  return { socket: socket.resume(), closed: () => closed };
}

describe("whoever connects and asks nothing", () => {
  const serve = () => {
    const pool = makePool(gearmand.address, { "m.upper": "upper" });
    return MetricsServer.listen(new PoolMetrics(pool, { servers: gearmand.address }), "127.0.0.1:0");
  };

  test("keeps nobody from asking: the oldest goes, and those that come stay", async () => {
    await using server = await serve();
    const idlers = await Promise.all(
      Array.from({ length: 130 }, (_, index) => idle(server.port, index % 2 ? "GET /healthz HTTP/1.1\r\n" : "")),
    );
    try {
      const begin = performance.now();
      expect(await get(server, "/healthz")).toEqual({ status: 200, text: "ok\n" });
      // Long before anybody's time is over.
      expect(performance.now() - begin).toBeLessThan(4_000);
      expect(idlers.slice(-60).some(({ closed }) => closed())).toBe(false);
      // The oldest thirty, and one for who asked.
      await eventually("the oldest are gone", async () => idlers.filter(({ closed }) => closed()).length >= 31);
    } finally {
      for (const { socket } of idlers) socket.destroy();
    }
  });

  test("is let go of when a request's time is over", { timeout: 30_000 }, async () => {
    await using server = await serve();
    const idlers = await Promise.all(["", "GET /healthz HTTP/1.1\r\n"].map((says) => idle(server.port, says)));
    const begin = performance.now();
    await expect.poll(() => idlers.every(({ closed }) => closed()), { timeout: 20_000 }).toBe(true);
    expect(performance.now() - begin).toBeGreaterThan(4_000);
  });
});

describe("edgear pool start --metrics", () => {
  const configure = async (metrics?: string) => {
    const groups = { mail: { functions: { "c.upper": `${file}#upper` }, pool: { workers: 1, metrics } } };
    const config = path.join(folder, `${fresh("edgear")}.config.json`);
    await writeFile(config, JSON.stringify({ connections: { default: gearmand.address }, groups }));
    return ["pool", "start", "mail", "--config", config, "--pid", `${config}.pid`];
  };

  test.each([
    ["the option", undefined, ["--metrics", "127.0.0.1:0"]],
    ["the configuration", "127.0.0.1:0", []],
  ])("serves a pool's metrics and health, by %s", async (_, configured, options) => {
    await using pool = new CliProcess([...(await configure(configured)), ...options]);
    await pool.says(/served at 127\.0\.0\.1:[1-9]\d*\s/);
    const [, place] = /served at (\S+)/.exec(pool.stderr) ?? [];
    const ask = (what: string) => fetch(`http://${place}${what}`);
    await eventually("it is ready", async () => (await ask("/readyz")).ok);
    expect(await (await ask("/healthz")).text()).toBe("ok\n");
    await using client = new Client(gearmand.address);
    expect((await client.run("c.upper", "abc")).text()).toBe("ABC");
    await eventually("the job is counted", async () => {
      const metrics = parseMetrics(await (await ask("/metrics")).text());
      return sampled(metrics, "edgear_pool_jobs_total", { outcome: "complete" }) === 1;
    });
    pool.kill("SIGTERM");
    expect((await pool.ended()).code, pool.stderr).toBe(0);
    await expect(ask("/healthz")).rejects.toThrow();
  });

  test("says that the port is taken, and starts no pool", async () => {
    const taken = createServer();
    const port = await listenBelow(taken);
    try {
      const command = [...(await configure()), "--metrics", `127.0.0.1:${port}`];
      const { code, stderr } = await edgear(command);
      expect(code, stderr).toBe(1);
      expect(stderr).toContain(`metrics can't be served at 127.0.0.1:${port}: another program listens there`);
      expect(stderr).not.toMatch(/ready|\n\s+at /);
      expect((await edgear(["pool", "status", ...command.slice(2, 7)])).code).toBe(4);
    } finally {
      taken.close();
    }
  });

  test("refuses what is no place to serve at", async () => {
    for (const wrong of ["9464", ":99999", "http://localhost:9464"]) {
      const { code, stderr } = await edgear([...(await configure()), "--metrics", wrong]);
      expect(code, stderr).toBe(2);
      expect(stderr).toContain("[host]:port");
    }
  });
});
