import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "edgear";
import { Pool } from "edgear/pool";
import { expect, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { startFaultyServer } from "../support/faults.ts";
import { startGearmand } from "../support/gearmand.ts";
import { PoolFolder } from "../support/pool.ts";

/** How long what must not come is waited for, in milliseconds. */
const QUIET = 700;

test("a worker is ready once a server has said that it knows it, and not when it is connected", async () => {
  await using server = await startGearmand();
  await using folder = await PoolFolder.make(server.address, { pid: fresh("pool") });
  const name = fresh("pool");
  const functions = { [name]: { file: folder.file("handlers.mjs"), name: "pid" } };
  const group = { name, connection: "default", functions, pool: { grace: 0 } };
  await using pool = new Pool(group, { servers: server.address });
  const told: string[] = [];
  for (const event of ["connect", "register", "worker:ready"] as const) pool.on(event, () => told.push(event));
  const connected = () => told.filter((event) => event === "connect").length;
  process.kill(server.pid, "SIGSTOP");
  try {
    await pool.start();
    await expect.poll(connected, { timeout: 15_000 }).toBe(1);
    await delay(QUIET);
    expect(told).toEqual(["connect"]);
    expect(pool.workers).toMatchObject([{ state: "connecting", servers: [] }]);
    process.kill(server.pid, "SIGCONT");
    await expect.poll(() => told, { timeout: 15_000 }).toEqual(["connect", "register", "worker:ready"]);
    expect(pool.workers).toMatchObject([{ state: "ready", servers: [server.address] }]);
    // So the old one isn't sent away for one that nobody knows.
    const [old] = pool.workers;
    process.kill(server.pid, "SIGSTOP");
    const restarted = pool.restart();
    await expect.poll(connected, { timeout: 15_000 }).toBe(2);
    await delay(QUIET);
    expect(pool.workers.find(({ pid }) => pid === old?.pid)).toMatchObject({ state: "ready" });
    process.kill(server.pid, "SIGCONT");
    expect(await restarted).toEqual({ replaced: 1 });
  } finally {
    process.kill(server.pid, "SIGCONT");
  }
}, 60_000);

test("where functions have a concurrency of their own, each of a worker's connections must be known", async () => {
  await using server = await startGearmand();
  await using folder = await PoolFolder.make(server.address, { pid: fresh("pool") });
  const held: (() => void)[] = [];
  const passages: Socket[] = [];
  // The first connection passes, the others wait.
  await using line = await startFaultyServer((client) => {
    passages.push(client);
    const pass = () => {
      const upstream = connect(server.port, "127.0.0.1").on("error", () => client.destroy());
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => client.destroy());
      client.pipe(upstream).pipe(client);
    };
    if (passages.length === 1) pass();
    else held.push(pass);
  });
  const [shared, own] = [fresh("pool"), fresh("pool")];
  const file = folder.file("handlers.mjs");
  const functions = { [shared]: { file, name: "pid" }, [own]: { file, name: "pid", concurrency: 2 } };
  const group = { name: "two", connection: "default", functions, pool: { grace: 1_000 } };
  await using pool = new Pool(group, { servers: line.address });
  const told: string[] = [];
  pool.on("register", () => told.push("register")).on("worker:ready", () => told.push("worker:ready"));
  await pool.start();
  await expect.poll(() => [told.length, held.length], { timeout: 15_000 }).toEqual([1, 1]);
  await delay(QUIET);
  expect(told).toEqual(["register"]);
  expect(pool.workers).toMatchObject([{ state: "connecting", servers: [] }]);
  held[0]?.();
  await expect.poll(() => told, { timeout: 15_000 }).toEqual(["register", "register", "worker:ready"]);
  expect(pool.workers).toMatchObject([{ state: "ready", servers: [line.address] }]);
  await using client = new Client(server.address);
  for (const name of [shared, own]) await client.run(name, "", { timeout: 15_000 });
  // One that is lost takes the others' functions nowhere, and the server doesn't know all any more.
  passages[0]?.destroy();
  await expect.poll(() => pool.workers[0]?.servers, { timeout: 15_000 }).toEqual([]);
  await expect.poll(() => held.length, { timeout: 15_000 }).toBe(2);
  held[1]?.();
  await expect.poll(() => pool.workers[0]?.servers, { timeout: 15_000 }).toEqual([line.address]);
}, 60_000);
