import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { setTimeout as delay } from "node:timers/promises";
import { createClient, createCluster } from "@redis/client";
import { RedisStore } from "edgear/scheduler/redis";
import { SqliteStore } from "edgear/scheduler/sqlite";
import { Redis as Client, Cluster } from "ioredis";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { BetterSqlite } from "../support/better-sqlite3.ts";
import { command } from "../support/command.ts";
import { lastingPort } from "../support/ports.ts";
import { Redis } from "../support/redis.ts";
import { largeJobs, storeContract } from "./contract.ts";

let folder: string;
let redis: Redis;
let client: Client;
let nodeRedis: ReturnType<typeof createClient>;
let made = 0;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "edgear-scheduler-"));
  redis = await Redis.start();
  client = new Client(redis.port, "127.0.0.1");
  // What waits for the disk is slow, and no matter here.
  await client.config("SET", "appendfsync", "no");
  nodeRedis = createClient({ url: redis.url });
  await nodeRedis.connect();
});

afterAll(async () => {
  client?.disconnect();
  nodeRedis?.destroy();
  await redis?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

describe("SQLite, in a file that two have open", () => {
  storeContract(async () => {
    const file = path.join(folder, `${made++}.db`);
    const [store, other] = [new SqliteStore(file), new DatabaseSync(file)];
    other.exec("PRAGMA busy_timeout = 2000; PRAGMA synchronous = OFF");
    return { store: new SqliteStore(other), other: store };
  });
});

describe("SQLite, in memory, a database of the user's own, another table", () => {
  const make = async () => {
    const database = new DatabaseSync(":memory:");
    const [store, other] = [1, 2].map(() => new SqliteStore(database, { table: "later" }));
    return { store, other } as { store: SqliteStore; other: SqliteStore };
  };
  storeContract(make);
  largeJobs(make);
});

describe("SQLite, by better-sqlite3", () => {
  storeContract(async () => {
    const file = path.join(folder, `${made++}.db`);
    const [one, two] = [new BetterSqlite(file), new BetterSqlite(file)];
    for (const each of [one, two]) each.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    return { store: new SqliteStore(one), other: new SqliteStore(two) };
  });
});

describe("Redis, by ioredis", () => {
  const make = async () => {
    const prefix = `{test ${made++}}:`;
    return { store: new RedisStore(client, { prefix }), other: new RedisStore(client, { prefix }) };
  };
  storeContract(make);
  largeJobs(make);
});

describe("Redis, by node-redis", () => {
  storeContract(async () => {
    const prefix = `{test ${made++}}:`;
    return { store: new RedisStore(nodeRedis, { prefix }), other: new RedisStore(nodeRedis, { prefix }) };
  });
});

describe("a cluster of Redis", () => {
  let server: Redis;
  let nodes: ReturnType<typeof createCluster>;
  let cluster: Cluster;

  beforeAll(async () => {
    server = await Redis.start(
      "--cluster-enabled",
      "yes",
      "--cluster-announce-ip",
      "127.0.0.1",
      "--cluster-port",
      String(await lastingPort()),
    );
    const one = new Client(server.port, "127.0.0.1");
    await one.call("CLUSTER", ["ADDSLOTSRANGE", "0", "16383"]);
    const deadline = performance.now() + 10_000;
    while (!/cluster_state:ok/.test(String(await one.call("CLUSTER", ["INFO"])))) {
      if (performance.now() > deadline) throw new Error("the cluster did not come up");
      await delay(50);
    }
    one.disconnect();
    nodes = createCluster({ rootNodes: [{ url: server.url }] });
    await nodes.connect();
    cluster = new Cluster([{ host: "127.0.0.1", port: server.port }]);
  });

  afterAll(async () => {
    nodes?.destroy();
    cluster?.disconnect();
    await server?.[Symbol.asyncDispose]();
  });

  storeContract(async () => {
    const prefix = `{test ${made++}}:`;
    return { store: new RedisStore(nodes, { prefix }), other: new RedisStore(cluster, { prefix }) };
  }, 200);
});

describe("SQLite files that others are at", () => {
  const run = (script: string, ...args: string[]) => {
    const node = [process.execPath, "--input-type=module", "-e", script, ...args] as const;
    return command(node[0], node.slice(1), { cwd: root });
  };

  test("six processes that open new ones at the same moment have them all", { timeout: 60_000 }, async () => {
    const script = `
      import { SqliteStore } from "edgear/scheduler/sqlite";
      const [folder, time] = process.argv.slice(1);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, Math.max(0, time - Date.now()));
      for (let index = 0; index < 15; index++) {
        // To the millisecond: they are to meet.
        for (const moment = Number(time) + index * 40; Date.now() < moment; );
        new SqliteStore(folder + "/new " + index).close();
      }`;
    const time = String(Date.now() + 2_500);
    const ended = await Promise.all(Array.from({ length: 6 }, () => run(script, folder, time)));
    for (const { code, stderr } of ended) expect(code, stderr).toBe(0);
  });

  test("one that is locked when it is opened is waited for", { timeout: 30_000 }, async () => {
    const file = path.join(folder, "locked");
    const script = `
      import { DatabaseSync } from "node:sqlite";
      import { writeFileSync } from "node:fs";
      const file = process.argv[1];
      const database = new DatabaseSync(file);
      database.exec("BEGIN EXCLUSIVE; CREATE TABLE other (x)");
      writeFileSync(file + ".held", "");
      setTimeout(() => database.exec("COMMIT"), 1_800);`;
    const holder = run(script, file);
    await expect.poll(() => existsSync(`${file}.held`), { timeout: 10_000, interval: 20 }).toBe(true);
    const store = new SqliteStore(file);
    expect(await store.next()).toBeUndefined();
    store.close();
    expect((await holder).code).toBe(0);
  });
});

test("Redis may forget its scripts", async () => {
  const store = new RedisStore(client, { prefix: "forgets:" });
  expect(await store.next()).toBeUndefined();
  await client.script("FLUSH");
  expect(await store.next()).toBeUndefined();
  expect(await client.keys("forgets:*")).toEqual([]);
});

test.each<[string, () => unknown, RegExp]>([
  ["no database", () => new SqliteStore(undefined as never), /a file's name, or an SQLite database, not undefined/],
  ["an empty name", () => new SqliteStore(""), /an empty one is none/],
  ["a table that is none", () => new SqliteStore(":memory:", { table: "a b; --" }), /letters, digits and _/],
  ["an option that is none", () => new SqliteStore(":memory:", { tabel: "x" } as never), /no option "tabel"/],
  ["a folder that isn't there", () => new SqliteStore("/nowhere/at/all.db"), /unable to open/],
  ["no client", () => new RedisStore({} as never), /ioredis or node-redis, not an object/],
  ["a prefix that is none", () => new RedisStore({ call: async () => 1 }, { prefix: 7 as never }), /must be a text/],
])("%s is refused in words", (_, make, words) => {
  expect(make).toThrow(words);
});
