import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { Admin, Client as GearmanClient } from "edgear";
import { Scheduler, type Store, type StoredJob } from "edgear/scheduler";
import { RedisStore } from "edgear/scheduler/redis";
import { SqliteStore } from "edgear/scheduler/sqlite";
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { CliProcess } from "../support/cli.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { Redis } from "../support/redis.ts";
import { startWorker } from "../support/worker.ts";
import { watchMachine } from "./machine.ts";
import { Running } from "./running.ts";

let gearmand: Gearmand;
let redis: Redis;
let client: Client;
let folder: string;

beforeAll(async () => {
  [gearmand, redis] = await Promise.all([startGearmand(), Redis.start()]);
  client = new Client(redis.port, "127.0.0.1", { maxRetriesPerRequest: 1, retryStrategy: () => 100 });
  client.on("error", () => {});
  folder = await mkdtemp(path.join(tmpdir(), "edgear-scheduler-"));
});

afterAll(async () => {
  client?.disconnect();
  await redis?.[Symbol.asyncDispose]();
  await gearmand?.stop();
  await rm(folder, { recursive: true, force: true });
});

/** Puts many jobs in, as they would be put in one by one. @param first the number in the first one's name */
async function fill(
  store: Store,
  count: number,
  called: string,
  due: (index: number) => number,
  first = 0,
): Promise<string[]> {
  const jobs = Array.from({ length: count }, (_, index): StoredJob => {
    const name = `${called}-${first + index}`;
    const workload = new TextEncoder().encode(name);
    const rest = { rule: "", function: called, form: "text", priority: "normal", missed: "once" } as const;
    return { name, id: name, due: Math.floor(due(index)), workload, ...rest };
  });
  for (let begin = 0; begin < jobs.length; begin += 500)
    await Promise.all(jobs.slice(begin, begin + 500).map((job) => store.put(job)));
  return jobs.map(({ name, due }) => `${name}:${due}`);
}

/** An SQLite file that isn't synced: what is tested here is no power failure, and filling it is to be quick. */
function quick(name: string): { file: string; store: SqliteStore } {
  const file = path.join(folder, name);
  const database = new DatabaseSync(file);
  database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF; PRAGMA busy_timeout = 2000");
  return { file, store: new SqliteStore(database) };
}

const JOBS = 2_000;

describe("a scheduler that is killed again and again", () => {
  /** Kills that there are at least, however slow the machine is. */
  const LEAST = 4;

  /**
   * Runs `edgear scheduler`, kills it at random moments of its work, and has a last one do the rest. Each has jobs of its
   * own, beside those that the others have left.
   */
  async function kill(store: Store, called: string, choice: string, times: number) {
    const uniques: string[] = [];
    const more = async (count: number) => {
      const due = (index: number) => Date.now() + index * 2;
      uniques.push(...(await fill(store, count, called, due, uniques.length)));
    };
    const end = performance.now() + 20_000;
    let kills = 0;
    for (; kills < times && (kills < LEAST || performance.now() < end); kills++) {
      await more(Math.floor(JOBS / times));
      const args = ["--store", choice, "--servers", gearmand.address, "--lease", "1s", "--batch", "20"];
      await using scheduler = new CliProcess(["scheduler", ...args, "--interval", "20ms"]);
      await scheduler.says(/is H:/);
      await delay(Math.random() * 100);
      scheduler.kill("SIGKILL");
      const { stderr, code } = await scheduler.ended();
      expect(code, stderr).toBeNull();
    }
    await more(JOBS - uniques.length);
    await using last = new Running(gearmand.address, { store, interval: 50 });
    const deadline = performance.now() + 30_000;
    while ((await store.next()) !== undefined) {
      if (performance.now() > deadline) throw new Error(`jobs are left: ${JSON.stringify(last.told.error)}`);
      await delay(20);
    }
    return { kills, uniques };
  }

  test("SQLite: each job is made once, as long as none is done before the last is submitted", {
    timeout: 120_000,
  }, async () => {
    const { file, store } = quick("killed.db");
    const { kills, uniques } = await kill(store, "killed", `sqlite:${file}`, 14);
    expect(kills).toBeGreaterThanOrEqual(LEAST);
    const made = new Map<string, number>();
    await using _worker = startWorker(gearmand.address, {
      killed: ({ unique, workload }) => {
        expect(unique.startsWith(`${workload.text()}:`)).toBe(true);
        made.set(unique, (made.get(unique) ?? 0) + 1);
      },
    });
    await expect.poll(() => made.size, { timeout: 30_000 }).toBe(JOBS);
    await delay(200);
    expect([...made].filter(([, times]) => times !== 1)).toEqual([]);
    expect([...made.keys()].sort()).toEqual(uniques.sort());
  });

  test("Redis: each job is made at least once, while workers are at it", { timeout: 120_000 }, async () => {
    const store = new RedisStore(client);
    const made = new Map<string, number>();
    await using _worker = startWorker(gearmand.address, {
      killed2: ({ unique }) => void made.set(unique, (made.get(unique) ?? 0) + 1),
    });
    const { kills, uniques } = await kill(store, "killed2", redis.url, 8);
    expect(kills).toBeGreaterThanOrEqual(LEAST);
    await expect.poll(() => made.size, { timeout: 30_000 }).toBe(JOBS);
    expect([...made.keys()].sort()).toEqual(uniques.sort());
    // No more than one batch a kill can be made again.
    const again = [...made.values()].reduce((sum, times) => sum + times - 1, 0);
    expect(again).toBeLessThanOrEqual(kills * 20);
  });
});

test("a job server that goes away and comes back has each job once", { timeout: 60_000 }, async () => {
  const server = await startGearmand();
  const store = new SqliteStore(":memory:");
  const uniques = await fill(store, 200, "away", (index) => Date.now() + index * 5);
  await using running = new Running(server.address, { store, maxDelay: 300, interval: 50 });
  await running.until(({ submit }) => submit.length > 10);
  await server.stop();
  await running.until(({ error }) => error.length > 1);
  const { submit, error } = running.told;
  const before = submit.length;
  expect(error[0]).toMatchObject({ from: "gearman", delay: expect.any(Number), error: expect.any(Error) });
  await delay(500);
  expect(submit).toHaveLength(before);
  await using again = await startGearmand({ port: server.port });
  await running.until(() => submit.length >= 200);
  expect(running.told.recover[0]).toMatchObject({ from: "gearman", away: expect.any(Number) });
  expect(submit.map(({ unique }) => unique).sort()).toEqual(uniques.sort());
  await expect.poll(() => store.next()).toBeUndefined();
  expect(again.pid).not.toBe(server.pid);
});

test.each([
  ["gives up soon", { maxRetriesPerRequest: 1 }],
  ["asks for all of it when Redis is back", { maxRetriesPerRequest: null }],
])(
  "a Redis that goes away and comes back loses no job, nor keeps one, with a client that %s",
  { timeout: 60_000 },
  async (_, options) => {
    await using redis = await Redis.start();
    const client = new Client(redis.port, "127.0.0.1", { ...options, retryStrategy: () => 100 });
    client.on("error", () => {});
    await using _client = { [Symbol.asyncDispose]: async () => client.disconnect() };
    const store = new RedisStore(client);
    const made = new Set<string>();
    await using _worker = startWorker(gearmand.address, { store: ({ unique }) => void made.add(unique) });
    // What isn't given back at once is kept for longer than anything is waited for here.
    const choices = { store, maxDelay: 300, interval: 50, storeTimeout: 300, lease: 120_000 };
    await using running = new Running(gearmand.address, choices);
    const uniques = await fill(store, 20, "store", (index) => Date.now() + index * 5);
    await running.until(({ submit }) => submit.length === 20);
    await expect.poll(() => store.next()).toBeUndefined();
    // None is due when Redis goes: of a claim whose answer went with it, nobody could know.
    const due = Date.now() + 1_000;
    uniques.push(...(await fill(store, 280, "store", (index) => due + index * 5, 20)));
    await redis.stop();
    const failures = () => running.told.error.filter(({ from }) => from === "store").length;
    await running.until(() => failures() > 0);
    await expect(running.scheduler.delay("meanwhile", 0, "nobody")).rejects.toThrow();
    await delay(Math.max(0, due + 500 - Date.now()));
    // Jobs that are due by now are asked for in vain.
    const before = failures();
    await running.until(() => failures() > before + 1);
    await redis.start();
    await running.until(({ recover }) => recover.some(({ from }) => from === "store"));
    await expect.poll(() => made.size, { timeout: 30_000 }).toBe(300);
    expect([...made].sort()).toEqual(uniques.sort());
    await expect.poll(() => store.next(), { timeout: 10_000 }).toBeUndefined();
  },
);

test("an SQLite file that somebody else has locked is waited for", { timeout: 30_000 }, async () => {
  const file = path.join(folder, "locked.db");
  const store = new SqliteStore(file);
  const other = new DatabaseSync(file);
  await using running = new Running(gearmand.address, { store, maxDelay: 200 });
  await running.until(({ waiting }) => waiting.length === 1);
  await running.scheduler.delay("locked", 50, "locked");
  other.exec("BEGIN IMMEDIATE");
  await running.until(({ error }) => error.length > 0);
  expect(running.told.error[0]).toMatchObject({
    from: "store",
    error: expect.objectContaining({ message: expect.stringMatching(/locked/) }),
  });
  other.exec("COMMIT");
  await running.until(({ submit }) => submit.length === 1);
  expect(running.told.recover[0]?.from).toBe("store");
  other.close();
});

describe("100,000 jobs that are due at once", () => {
  const COUNT = 100_000;

  const stores: [string, () => Store][] = [
    ["SQLite", () => quick("many.db").store],
    ["Redis", () => new RedisStore(client, { prefix: "many:" })],
  ];
  test.each(stores)(
    "%s: are submitted in batches, each once, in bounded memory",
    { timeout: 120_000 },
    async (_, open) => {
      await using server = await startGearmand();
      const store = open();
      // Here, too, what waits for the disk would take most of the time.
      await client.config("SET", "appendfsync", "no");
      await using _always = {
        [Symbol.asyncDispose]: async () => void (await client.config("SET", "appendfsync", "always")),
      };
      const due = Date.now();
      await fill(store, COUNT, "many", () => due);
      const held: number[] = [];
      const counted: Store = new Proxy(store, {
        get(target, key) {
          const value = Reflect.get(target, key) as unknown;
          if (key !== "claim") return typeof value === "function" ? value.bind(target) : value;
          return async (...args: Parameters<Store["claim"]>) => {
            const jobs = await store.claim(...args);
            held.push(jobs.length);
            return jobs;
          };
        },
      });
      let submitted = 0;
      await using running = new Running(server.address, { store: counted }, false);
      running.scheduler.on("submit", () => submitted++);
      running.told.submit.push = () => 0;
      running.start();
      await expect.poll(() => submitted, { timeout: 90_000, interval: 50 }).toBe(COUNT);
      await expect.poll(() => store.next()).toBeUndefined();
      await running[Symbol.asyncDispose]();
      expect(running.told.error).toEqual([]);
      expect(Math.max(...held)).toBeLessThanOrEqual(1_000);
      const admin = new Admin(server.address);
      // Each unique is one job there.
      expect(await admin.status()).toContainEqual(expect.objectContaining({ function: "many", total: COUNT }));
    },
  );
});

test("three schedulers with one store submit each job once, and share the work", { timeout: 60_000 }, async () => {
  const store = new RedisStore(client, { prefix: "shared:" });
  const planner = new Scheduler({ store });
  await planner.every("beat", 50, "shared");
  const uniques = await fill(store, 500, "shared", (index) => Date.now() + index * 3);
  const three = [1, 2, 3].map(() => new Running(gearmand.address, { store, interval: 20, batch: 10 }));
  const all = () => three.flatMap(({ told }) => told.submit);
  await expect.poll(() => all().filter(({ name }) => name !== "beat").length, { timeout: 30_000 }).toBe(500);
  await expect
    .poll(() => all().length > 510 && three.every(({ names }) => names.length > 0), { timeout: 20_000 })
    .toBe(true);
  await planner.cancel("beat");
  for (const each of three) await each[Symbol.asyncDispose]();
  const submitted = all().map(({ unique }) => unique);
  expect(new Set(submitted).size).toBe(submitted.length);
  expect(submitted).toEqual(expect.arrayContaining(uniques));
});

test("schedulers whose clocks and leases differ submit each job once", { timeout: 60_000 }, async () => {
  const store = new RedisStore(client, { prefix: "skewed:" });
  const uniques = await fill(store, 1_000, "skewed", (index) => Date.now() + index);
  const differ = [
    { now: () => Date.now() + 20, lease: 30_000 },
    { now: () => Date.now(), lease: 20_000 },
    { now: () => Date.now() - 1_500, lease: 10_000 },
  ];
  // What is claimed by one is held for long enough that the others come to look.
  const { address } = gearmand;
  const slow = new GearmanClient(address);
  const submitter = {
    async background(name: string, ...args: [unknown?, object?]) {
      await delay(60);
      return slow.background(name, ...(args as []));
    },
  };
  const three = differ.map((options) => {
    return new Running(address, { store, interval: 10, batch: 50, client: submitter as never, ...options });
  });
  const all = () => three.flatMap(({ told }) => told.submit);
  await expect.poll(() => store.next(), { timeout: 30_000 }).toBeUndefined();
  for (const each of three) await each[Symbol.asyncDispose]();
  expect(
    all()
      .map(({ unique }) => unique)
      .sort(),
  ).toEqual(uniques.sort());
  await slow.close();
});

test("jobs are submitted soon after their time, and never before", { timeout: 60_000 }, async () => {
  const store = new RedisStore(client, { prefix: "late:" });
  await using machine = watchMachine(() => client.set("watched", "x"));
  await using running = new Running(gearmand.address, { store });
  await running.until(({ waiting }) => waiting.length === 1);
  // By another process than the one that submits: it has to find them.
  await fill(new RedisStore(client, { prefix: "late:" }), 100, "late", (index) => Date.now() + 500 + index * 13);
  await running.until(({ submit }) => submit.length === 100);
  for (const { late } of running.told.submit) expect(late).toBeGreaterThanOrEqual(0);
  // A second on a healthy machine: where this one made everybody wait, for longer.
  const late = Math.max(...running.told.submit.map((event) => event.late));
  expect(late).toBeLessThan(1_000 + 10 * machine.held);
});

test("SIGTERM ends the command in peace, and each move was told", { timeout: 30_000 }, async () => {
  const { file, store } = quick("told.db");
  await fill(store, 3, "told", () => Date.now());
  await new Scheduler({ store }).every("beat", 200, "told");
  await using scheduler = new CliProcess(["scheduler", "--store", `sqlite:${file}`, "--servers", gearmand.address]);
  await scheduler.says(/Waiting for scheduled tasks/);
  await scheduler.says(/beat \(told, .*\) is H:.*next 20/);
  scheduler.kill("SIGTERM");
  const { code, stderr } = await scheduler.ended();
  expect(code, stderr).toBe(0);
  expect(stderr.match(/told-\d \(told, .*Z\) is H:\S+ at 127\.0\.0\.1:\d+, \d+ ms after its time$/gm)).toHaveLength(3);
  expect(stderr).toMatch(/closed\n$/);
  expect(await store.get("told-0")).toBeUndefined();
  expect(await store.get("beat")).toBeDefined();
});
