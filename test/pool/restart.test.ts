import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Admin, Client, ClosedError } from "edgear";
import { Pool, type PoolEvents, PoolLoadError } from "edgear/pool";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { fresh } from "../conformance/names.ts";

// Each starts several processes, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

const address = inject("servers")[0]?.address ?? "";
let client: Client;

beforeAll(() => {
  client = new Client(address);
});

afterAll(() => client?.close());

type Settings = Pool["group"]["pool"];

/** A folder with a handler, which may change. */
class Handler implements AsyncDisposable {
  readonly #folder: string;
  readonly name = fresh("pool");

  private constructor(folder: string) {
    this.#folder = folder;
  }

  static async make(text: string): Promise<Handler> {
    const handler = new Handler(await mkdtemp(path.join(tmpdir(), "edgear-restart-")));
    await handler.write(text);
    return handler;
  }

  write(text: string): Promise<void> {
    return writeFile(this.file("handler.mjs"), text);
  }

  file(name: string): string {
    return path.join(this.#folder, name);
  }

  group(pool: Settings): Pool["group"] {
    const functions = { [this.name]: { file: this.file("handler.mjs"), name: "default" } };
    return { name: this.name, connection: "default", functions, pool: { grace: 1_000, ...pool } };
  }

  pool(pool: Settings): Pool {
    return new Pool(this.group(pool), { servers: address });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#folder, { recursive: true, force: true });
  }
}

const says = (word: string) => `export default async () => {
  await new Promise((resolve) => setTimeout(resolve, 5));
  return "${word}";
};`;

function ready(pool: Pool, workers: number): Promise<void> {
  return expect
    .poll(() => pool.workers.filter(({ state }) => state === "ready").length, { timeout: 15_000 })
    .toBe(workers);
}

function next<Name extends keyof PoolEvents>(pool: Pool, name: Name): Promise<PoolEvents[Name]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} event came`)), 15_000);
    pool.once(name, (event) => {
      clearTimeout(timer);
      resolve(event);
    });
  });
}

describe("a restart leaves no old code at work", () => {
  test.each([
    ["atomic", { atomic: true, workers: 2 }],
    ["that leave after so many jobs", { count: 3, workers: 2 }],
  ])("of workers %s, under load", async (_name, settings) => {
    await using handler = await Handler.make(says("old"));
    await using pool = handler.pool(settings);
    await pool.start();
    const run = async () => (await client.run(handler.name, "", { timeout: 15_000 })).text();
    expect(await run()).toBe("old");
    let restarted = false;
    const words: string[] = [];
    const load = Array.from({ length: 3 }, async () => {
      while (!restarted) words.push(await run());
    });
    await handler.write(says("new"));
    await expect.poll(() => words.length, { timeout: 15_000 }).toBeGreaterThan(2);
    const { replaced } = await pool.restart();
    restarted = true;
    // One that has just left by itself may not be counted.
    expect(replaced).toBeGreaterThan(0);
    // What was begun before it was over may be the old one's.
    await Promise.all(load);
    for (let job = 0; job < 8; job++) expect(await run()).toBe("new");
    await pool.stop();
    expect(pool.counts).toEqual({ complete: words.length + 9, failure: 0, exception: 0, lost: 0, killed: 0 });
  });

  test("of atomic ones that have nothing to do; `limit` counts jobs all the same", async () => {
    await using handler = await Handler.make(says("old"));
    await using pool = handler.pool({ atomic: true, workers: 2, limit: 6 });
    await pool.start();
    await ready(pool, 2);
    await handler.write(says("new"));
    expect(await pool.restart()).toEqual({ replaced: 2 });
    const words: string[] = [];
    for (let job = 0; job < 6; job++) words.push((await client.run(handler.name, "", { timeout: 15_000 })).text());
    expect(words).toEqual(Array(6).fill("new"));
    await pool.ended;
    expect(pool.counts.complete).toBe(6);
  });
});

describe("a restart in a crash loop", () => {
  test("starts mended workers at once; one that isn't mended rejects", async () => {
    await using handler = await Handler.make("export default () => process.exit(7);");
    await using pool = handler.pool({});
    await pool.start();
    const loop = new Promise<number>((resolve) => {
      // The next one is some seconds away by then.
      pool.on("crash-loop", ({ delay }) => delay >= 3_000 && resolve(delay));
    });
    await client.background(handler.name);
    await loop;
    await expect.poll(() => pool.workers, { timeout: 15_000 }).toEqual([]);
    await handler.write("throw new Error('not mended');");
    await expect(pool.restart()).rejects.toThrow(/not mended/);
    await expect(pool.restart()).rejects.toBeInstanceOf(PoolLoadError);
    await handler.write(says("mended"));
    const started: unknown[] = [];
    pool.on("worker:start", (event) => started.push(event));
    expect(await pool.restart()).toEqual({ replaced: 1 });
    expect(started).toHaveLength(1);
    await expect.poll(() => pool.counts.complete, { timeout: 15_000 }).toBe(1);
  });
});

test("of workers that die at once, each crash loop's delay is that until the next one is started", async () => {
  await using handler = await Handler.make(says("word"));
  await using pool = handler.pool({ workers: 2 });
  const told: number[] = [];
  pool.on("crash-loop", ({ delay }) => told.push(delay)).on("worker:start", () => told.push(-1));
  await pool.start();
  // Two deaths, and nobody started between them.
  const pair = () => told.findIndex((delay, index) => delay >= 0 && (told[index + 1] ?? -1) >= 0);
  while (pair() < 0) {
    await ready(pool, 2);
    const pids = pool.workers.map(({ pid }) => pid);
    for (const pid of pids) process.kill(pid, "SIGKILL");
    await expect.poll(() => pool.workers.filter(({ pid }) => pids.includes(pid)), { timeout: 15_000 }).toEqual([]);
  }
  expect(told[pair() + 1]).toBeLessThanOrEqual(told[pair()] as number);
});

test("a pool that is stopped in a restart says so", async () => {
  await using handler = await Handler.make(says("old"));
  await using pool = handler.pool({});
  await pool.start();
  const told: unknown[] = [];
  pool.on("restart", (event) => told.push(event));
  // The new worker hears nothing until the pool has been stopped.
  const begun = next(pool, "worker:start");
  const restarted = pool.restart();
  const { pid } = await begun;
  process.kill(pid, "SIGSTOP");
  const stopped = pool.stop();
  process.kill(pid, "SIGCONT");
  const failure = await restarted.catch((error: unknown) => error);
  expect(failure).toBeInstanceOf(ClosedError);
  expect(await stopped).toEqual({ aborted: 0 });
  // As if the old workers went on.
  expect(told).toEqual([]);
  expect(() => pool.stop({ grace: -1 })).toThrow(/grace must be a number of milliseconds/);
});

test("a restart may change how many workers there are: never above the limit", async () => {
  await using handler = await Handler.make(says("word"));
  await using pool = handler.pool({ workers: 2 });
  await pool.start();
  await ready(pool, 2);
  expect(await pool.restart(handler.group({ workers: 3 }))).toEqual({ replaced: 3 });
  await ready(pool, 3);
  expect(await pool.restart(handler.group({ workers: 1 }))).toEqual({ replaced: 1 });
  await expect.poll(() => pool.workers.length, { timeout: 15_000 }).toBe(1);
  expect(await pool.restart(handler.group({ workers: 9, limit: 1 }))).toEqual({ replaced: 1 });
  expect(pool.size).toBe(1);
});

test("where one worker's handlers don't load, none has taken a job", async () => {
  // The first process loads at once; the second is slow, and fails.
  await using handler = await Handler.make(`
    import { appendFileSync, mkdirSync } from "node:fs";
    let first = true;
    try { mkdirSync(new URL("./first", import.meta.url)); } catch { first = false; }
    if (!first) {
      await new Promise((resolve) => setTimeout(resolve, 1_000));
      throw new Error("only one of us can be had");
    }
    export default () => appendFileSync(new URL("./done.txt", import.meta.url), "done");
  `);
  await writeFile(handler.file("done.txt"), "");
  await client.background(handler.name);
  await using pool = handler.pool({ workers: 2 });
  const told: string[] = [];
  pool.on("connect:before", () => told.push("connect:before")).on("job:start", () => told.push("job:start"));
  await expect(pool.start()).rejects.toThrow("only one of us can be had");
  expect(told).toEqual([]);
  expect(await readFile(handler.file("done.txt"), "utf8")).toBe("");
  await using admin = new Admin(address);
  expect((await admin.status()).find((one) => one.function === handler.name)).toMatchObject({ total: 1, running: 0 });
});

test("a worker that idles for too long leaves, and another takes its place", async () => {
  await using handler = await Handler.make(says("word"));
  await using pool = handler.pool({ timeout: 400 });
  const left = next(pool, "worker:leave");
  await pool.start();
  const [first] = pool.workers;
  expect(await left).toMatchObject({ worker: 1, pid: first?.pid, reason: "idle" });
  await expect
    .poll(() => pool.workers.some(({ pid, state }) => pid !== first?.pid && state === "ready"), { timeout: 15_000 })
    .toBe(true);
  expect((await client.run(handler.name, "", { timeout: 15_000 })).text()).toBe("word");
});
