import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Outbox } from "edgear/outbox";
import { mysql } from "edgear/outbox/mysql";
import { createConnection } from "mysql2";
import { createPool } from "mysql2/promise";
import { expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { command } from "../support/command.ts";
import { startMariadb } from "../support/databases.ts";
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

test("mysql2's callbacks, another character set and JSON columns do no harm", { timeout: 90_000 }, async () => {
  await using server = await startMariadb();
  const pool = createPool({ uri: server.url, connectionLimit: 2 });
  const outbox = new Outbox({ store: mysql({ pool }) });
  await outbox.install();
  const callbacks = createConnection({ uri: server.url });
  await outbox.add(callbacks, "f", new Uint8Array([0, 39, 92, 255]));
  const { sql, parameters } = outbox.sql("g", "it's");
  await pool.query(sql, [...parameters]);
  await pool.query("CREATE TABLE notes (id int PRIMARY KEY, text varchar(50), data json, at datetime, flag bit(1))");
  await outbox.watch("notes", { function: "notes" });
  const latin = createConnection({ uri: server.url, charset: "LATIN1_SWEDISH_CI" }).promise();
  await latin.query("SET SESSION sql_mode = 'ANSI_QUOTES,NO_BACKSLASH_ESCAPES'");
  await latin.query("INSERT INTO notes VALUES (1, 'Zoë', '{\"a\":[1]}', '2026-01-02 03:04:05', b'1')");
  const [rows] = await pool.query("SELECT function_name, workload FROM edgear_outbox ORDER BY id");
  const [first, second, third] = rows as { function_name: string; workload: Uint8Array }[];
  expect([...(first?.workload ?? [])]).toEqual([0, 39, 92, 255]);
  expect(new TextDecoder().decode(second?.workload)).toBe("it's");
  expect(JSON.parse(new TextDecoder().decode(third?.workload))).toEqual({
    table: "notes",
    event: "insert",
    record: { id: 1, text: "Zoë", data: { a: [1] }, at: "2026-01-02 03:04:05", flag: 1 },
    modified: ["id", "text", "data", "at", "flag"],
  });
  callbacks.destroy();
  await latin.end();
  await pool.end();
});
