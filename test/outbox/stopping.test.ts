import { Client } from "edgear";
import { afterAll, beforeAll, expect, test } from "vitest";
import { pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { CliProcess } from "../support/cli.ts";
import { address, collecting, PATIENT } from "./cases/database.ts";
import { lineTo } from "./line.ts";
import { sqliteStore, type TestStore } from "./stores.ts";

/** How long the server's answer takes after the stop, in milliseconds: longer than it takes to give up at once. */
const LATE = 300;

let store: TestStore;

beforeAll(async () => {
  store = await sqliteStore();
});

afterAll(() => store?.[Symbol.asyncDispose]());

/** Two rows in an outbox, of which the first is at the server, whose answer is kept back. */
async function atTheServer(relay: (table: string, line: string) => Promise<{ stop(): void; ended: Promise<unknown> }>) {
  const name = fresh("stopped");
  await using line = await lineTo(address);
  await using client = new Client(address);
  const table = fresh("outbox").slice(0, 20);
  const outbox = store.outbox(table, { client });
  await outbox.install();
  await store.write(outbox, [
    [name, "first"],
    [name, "second"],
  ]);
  await using worker = collecting(name);
  line.hold = true;
  const { stop, ended } = await relay(table, line.address);
  await expect.poll(() => worker.texts, PATIENT).toEqual(["first"]);
  stop();
  await pause(LATE);
  line.hold = false;
  const outcome = await ended;
  expect((await outbox.status()).waiting).toBe(1);
  await outbox.drain();
  await expect.poll(() => worker.texts, PATIENT).toContain("second");
  expect(worker.texts).toEqual(["first", "second"]);
  return outcome;
}

test("run waits for the row that is at the server when it is told to stop: its job runs once", async () => {
  await atTheServer(async (table, line) => {
    const client = new Client(line);
    const stop = new AbortController();
    const running = store.outbox(table, { client, interval: 50 }).run({ signal: stop.signal });
    return { stop: () => stop.abort(), ended: running.finally(() => client.close()) };
  });
});

test("drain does, too, and says what it has done", async () => {
  const outcome = await atTheServer(async (table, line) => {
    const client = new Client(line);
    const stop = new AbortController();
    const running = store.outbox(table, { client }).drain({ signal: stop.signal });
    return { stop: () => stop.abort(), ended: running.finally(() => client.close()) };
  });
  expect(outcome).toEqual({ relayed: 1, aside: 0, empty: false });
});

test("a signal that comes when the server is away is no error", async () => {
  let sent = 0;
  const line = await lineTo(address, (chunk) => {
    sent += chunk.length;
    return false;
  });
  line.hold = true;
  await using client = new Client(line.address, { reconnect: false });
  const outbox = store.outbox("away", { client });
  await outbox.install();
  await store.write(outbox, [[fresh("away"), "x".repeat(1_000)]]);
  const stop = new AbortController();
  const draining = outbox.drain({ signal: stop.signal });
  await expect.poll(() => sent, PATIENT).toBeGreaterThan(1_000);
  stop.abort();
  await line[Symbol.asyncDispose]();
  expect(await draining).toEqual({ relayed: 0, aside: 0, empty: false });
  expect((await outbox.status()).waiting).toBe(1);
});

test("the command ends with 0 on SIGTERM while it drains", { timeout: 60_000 }, async () => {
  const outcome = await atTheServer(async (table, line) => {
    const args = ["outbox", "run", "--drain", "--database", store.url ?? "", "--outbox", table, "--servers", line];
    const process = new CliProcess(args);
    return { stop: () => process.kill("SIGTERM"), ended: process.ended() };
  });
  expect(outcome).toMatchObject({
    code: 0,
    stderr: expect.stringMatching(/1 rows were relayed, 0 set aside; there may be/),
  });
});
