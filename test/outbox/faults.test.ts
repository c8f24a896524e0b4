import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client } from "edgear";
import type { OutboxEvents } from "edgear/outbox";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { CliProcess } from "../support/cli.ts";
import { startGearmand } from "../support/gearmand.ts";
import { lastingPort } from "../support/ports.ts";
import { startWorker } from "../support/worker.ts";
import { lineTo } from "./line.ts";
import { mariadbStore, postgresStore, sqliteStore, type TestStore } from "./stores.ts";

const [{ address } = { address: "" }] = inject("servers");

/** Milliseconds until all rows must be done. */
const PATIENCE = 60_000;

/** Notes the first time that each job is done, in their order, and how many came again. */
function noting(servers: string, name: string) {
  const seen = new Set<number>();
  let again = 0;
  const note = (job: { workload: { text(): string } }) => {
    const row = Number(job.workload.text());
    if (seen.has(row)) again++;
    seen.add(row);
  };
  const worker = startWorker(servers, { [name]: note }, { reconnect: { minDelay: 50, maxDelay: 200 } });
  return {
    seen,
    get again() {
      return again;
    },
    [Symbol.asyncDispose]: () => worker[Symbol.asyncDispose](),
  };
}

const upTo = (most: number) => Array.from({ length: most }, (_, index) => index + 1);

describe.each([
  ["PostgreSQL", postgresStore],
  ["MariaDB", mariadbStore],
  ["SQLite", sqliteStore],
] as const)("an outbox in %s", (kind, start) => {
  let store: TestStore;

  beforeAll(async () => {
    store = await start();
  }, 120_000);

  afterAll(() => store?.[Symbol.asyncDispose](), 60_000);

  async function filled(name: string, rows: number, client?: Client) {
    const table = fresh("outbox").slice(0, 20);
    const outbox = store.outbox(table, { ...(client && { client }), interval: 50 });
    await outbox.install();
    await store.query(
      `INSERT INTO ${store.quote(table)} (function_name, workload)
        SELECT '${name}', ${store.bytes} FROM (${store.series(rows)}) AS numbers ORDER BY n`,
    );
    return { outbox, table };
  }

  test("relays rows by two processes that are killed at any moment: each at least once, and in order", {
    timeout: 120_000,
  }, async () => {
    const rows = 3_000;
    const name = fresh("killed");
    const { outbox, table } = await filled(name, rows);
    await using worker = noting(address, name);
    const relay = () => {
      const args = ["--database", store.url ?? "", "--servers", address, "--outbox", table, "--interval", "50ms"];
      return new CliProcess(["outbox", "run", ...args, ...(store.server ? [] : ["--lease", "1s"])]);
    };
    const relays = [relay(), relay()];
    try {
      const kills = 2;
      for (let kill = 0; kill < kills; kill++) {
        const before = worker.seen.size;
        // It is in the middle of something.
        await expect.poll(() => worker.seen.size, { timeout: PATIENCE }).toBeGreaterThan(before + 50);
        await pause(Math.random() * 100);
        // Whichever leads: it is the one that is told by the database, and both are replaced in turn.
        for (const each of relays.splice(0)) {
          each.kill("SIGKILL");
          await each.ended();
        }
        relays.push(relay(), relay());
      }
      await expect.poll(() => worker.seen.size, { timeout: PATIENCE, interval: 100 }).toBe(rows);
      expect([...worker.seen]).toEqual(upTo(rows));
      await expect.poll(async () => (await outbox.status()).waiting, { timeout: 10_000 }).toBe(0);
      for (const each of relays) each.kill("SIGTERM");
      for (const each of relays) {
        const { code, stderr } = await each.ended();
        expect(code, stderr).toBe(0);
      }
      expect(worker.again).toBeLessThanOrEqual(kills * 100);
    } finally {
      for (const each of relays) await each[Symbol.asyncDispose]();
    }
  });

  // SQLite has no server that could end.
  if (kind === "SQLite") return;

  test("goes on when the database was killed and has come back", { timeout: 120_000 }, async () => {
    const rows = 1_000;
    const name = fresh("restarted");
    await using client = new Client(address);
    const { outbox } = await filled(name, rows, client);
    await using worker = noting(address, name);
    const errors: OutboxEvents["error"][] = [];
    outbox.on("error", (event) => errors.push(event));
    const stop = new AbortController();
    const running = outbox.run({ signal: stop.signal });
    await expect.poll(() => worker.seen.size, { timeout: PATIENCE }).toBeGreaterThan(100);
    await store.server?.restart(() => pause(300));
    await expect.poll(() => worker.seen.size, { timeout: PATIENCE, interval: 100 }).toBe(rows);
    await expect.poll(async () => (await outbox.status()).waiting, { timeout: 10_000 }).toBe(0);
    stop.abort();
    await running;
    expect([...worker.seen]).toEqual(upTo(rows));
    expect(errors.length).toBeGreaterThan(0);
  });
});

test("has others go on when one row costs the connection each time", { timeout: 60_000 }, async () => {
  await using store = await sqliteStore();
  const [costly, fine] = [fresh("costly"), fresh("fine")];
  await using line = await lineTo(address, (chunk) => chunk.includes(costly));
  await using client = new Client(line.address, { reconnect: false });
  const outbox = store.outbox("costly", { client, interval: 50 });
  await outbox.install();
  await store.write(outbox, [[costly, "x"]]);
  await store.write(outbox, [[fine, "x"]]);
  const events: string[] = [];
  outbox
    .on("aside", (event) => events.push(`aside ${event.function}`))
    .on("error", ({ error }) => events.push(error.name))
    .on("relay", (event) => events.push(`relay ${event.function}`));
  const stop = new AbortController();
  const running = outbox.run({ signal: stop.signal });
  await expect.poll(() => events, { timeout: 30_000 }).toContain(`relay ${fine}`);
  stop.abort();
  await running;
  expect(events).toEqual(["ConnectionLostError", "ConnectionLostError", `aside ${costly}`, `relay ${fine}`]);
  expect(await outbox.status()).toMatchObject({ waiting: 0, aside: 1 });
});

test("blames no row for a server that is away behind a line that answers", async () => {
  await using store = await sqliteStore();
  let away = true;
  await using line = await lineTo(address, () => away);
  const drain = async () => {
    await using client = new Client(line.address, { reconnect: false });
    return await store.outbox("blameless", { client }).drain();
  };
  const outbox = store.outbox("blameless");
  await outbox.install();
  await store.write(outbox, [[fresh("fine"), "x"]]);
  for (let attempt = 0; attempt < 5; attempt++)
    await expect(drain()).rejects.toMatchObject({ name: "ConnectionLostError" });
  expect(await outbox.status()).toMatchObject({ waiting: 1, aside: 0 });
  away = false;
  expect(await drain()).toEqual({ relayed: 1, aside: 0, empty: true });
});

test("goes on when gearmand was killed and has come back", { timeout: 120_000 }, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-outbox-"));
  const port = await lastingPort();
  const args = ["-q", "libsqlite3", `--libsqlite3-db=${path.join(folder, "queue.db")}`];
  let server = await startGearmand({ args, port });
  await using store = await sqliteStore();
  const rows = 100;
  const name = fresh("kept");
  const client = new Client(server.address);
  const outbox = store.outbox("kept", { client, interval: 50, batch: 20 });
  const stop = new AbortController();
  try {
    await outbox.install();
    await store.query(
      `INSERT INTO kept (function_name, workload) SELECT '${name}', CAST(n AS TEXT) FROM (${store.series(rows)})`,
    );
    await using worker = noting(server.address, name);
    const running = outbox.run({ signal: stop.signal });
    await expect.poll(() => worker.seen.size, { timeout: PATIENCE }).toBeGreaterThan(30);
    process.kill(server.pid, "SIGKILL");
    await server.stop();
    await pause(300);
    server = await startGearmand({ args, port });
    await expect.poll(() => worker.seen.size, { timeout: PATIENCE }).toBe(rows);
    await expect.poll(async () => (await outbox.status()).waiting, { timeout: 10_000 }).toBe(0);
    stop.abort();
    await running;
    // What ran when the server died is run again by the new one, after what it has given out meanwhile.
    expect([...worker.seen].sort((a, b) => a - b)).toEqual(upTo(rows));
  } finally {
    stop.abort();
    client.destroy();
    await server.stop();
    await rm(folder, { recursive: true, force: true });
  }
});
