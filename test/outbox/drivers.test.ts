import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Outbox } from "edgear/outbox";
import { sqlite } from "edgear/outbox/sqlite";
import { expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { BetterSqlite } from "../support/better-sqlite3.ts";
import { command } from "../support/command.ts";
import { deploy } from "../support/deployed.ts";
import { startWorker } from "../support/worker.ts";

const [{ address } = { address: "" }] = inject("servers");

/** On a busy machine, too. */
const PATIENT = { timeout: 15_000 };

test("a Cloudflare Worker writes to D1 in a batch, and relays it", { timeout: 90_000 }, async () => {
  const name = fresh("edge");
  const jobs: string[] = [];
  await using _worker = startWorker(address, { [name]: ({ workload }) => void jobs.push(workload.text()) });
  await using deployed = await deploy(
    { SERVERS: address },
    { script: "test/outbox/d1-worker.ts", env: { DB: { type: "d1", id: "edge" } } },
  );
  const response = await deployed.fetch(`/${name}/a/b/c`);
  expect(await response.json()).toEqual({ relayed: 3, aside: 0, empty: true });
  await expect.poll(() => jobs, PATIENT).toEqual(['{"job":"a"}', '{"job":"b"}', '{"job":"c"}']);
});

test("better-sqlite3's own transactions write jobs, or none when they are rolled back", async () => {
  const database = new BetterSqlite(":memory:");
  const outbox = new Outbox({ store: sqlite({ database }) });
  await outbox.install();
  database.transaction(() => outbox.add(database, "f", "kept"))();
  const wrong = database.transaction(() => {
    outbox.add(database, "f", "rolled back");
    outbox.add(database, "");
  });
  expect(wrong).toThrow("a function name must not be empty");
  expect(await outbox.status()).toMatchObject({ waiting: 1 });
  database.close();
});

test("bun:sqlite is a database as node:sqlite is", { timeout: 60_000 }, async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-bun-"));
  try {
    const name = fresh("bun");
    const bytes: number[][] = [];
    await using _worker = startWorker(address, { [name]: ({ workload }) => void bytes.push([...workload.bytes]) });
    const args = ["run", "test/outbox/bun-sqlite.ts", address, name, path.join(folder, "test.db")];
    const { code, stdout, stderr } = await command("node_modules/.bin/bun", args);
    expect(code, stderr).toBe(0);
    expect(stdout).toBe("TypeError: a function name must not be empty\n0 1\n");
    await expect.poll(() => bytes, PATIENT).toEqual([[0, 255]]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
