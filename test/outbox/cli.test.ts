import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Outbox } from "edgear/outbox";
import { sqlite } from "edgear/outbox/sqlite";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { CliProcess, edgear, systemNode } from "../support/cli.ts";

const [{ address } = { address: "" }] = inject("servers");

let folder: string;
let file: string;
let database: DatabaseSync;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "edgear-outbox-"));
  file = path.join(folder, "shop.db");
  database = new DatabaseSync(file);
  database.exec("CREATE TABLE articles (id INTEGER PRIMARY KEY, title TEXT); PRAGMA busy_timeout = 5000");
});

afterAll(async () => {
  database.close();
  await rm(folder, { recursive: true, force: true });
});

const run = (args: readonly string[]) => edgear(["outbox", ...args], { env: { DATABASE_URL: `sqlite:${file}` } });

test("an outbox is installed, told of, relayed, mended and removed", { timeout: 60_000 }, async () => {
  const name = fresh("cli");
  const dry = await run(["install", "--table", "articles", "--on", "insert,update", "--function", name, "--dry-run"]);
  expect(dry, dry.stderr).toMatchObject({ code: 0, stderr: expect.not.stringMatching(/edgear:/) });
  expect(dry.stdout).toMatch(/CREATE TRIGGER "edgear_outbox_articles_insert"/);
  expect(database.prepare("SELECT name FROM sqlite_master WHERE name LIKE 'edgear%'").all()).toEqual([]);
  // What it prints is what makes it.
  database.exec(dry.stdout);
  database.exec("INSERT INTO articles (title) VALUES ('one')");
  expect((await run(["install", "--table", "articles", "--on", "update", "--function", name])).stdout).toBe(
    "The changes of articles are jobs now.\n",
  );
  database.exec("INSERT INTO articles (title) VALUES ('two')");
  new Outbox({ store: sqlite() }).add(database, name, "by the library");
  database.exec("INSERT INTO edgear_outbox (function_name, workload) VALUES ('', 'x')");
  expect(JSON.parse((await run(["status", "--json"])).stdout)).toMatchObject({ waiting: 3, aside: 0, rows: [] });
  const drained = await run(["run", "--drain", "--servers", address]);
  expect(drained.code, drained.stderr).toBe(0);
  expect(drained.stderr).toMatch(/row 3 \(\) was set aside: a function name must not be empty/);
  expect(drained.stderr).toMatch(/2 rows were relayed, 1 set aside/);
  const status = await run(["status"]);
  expect(status.stdout).toMatch(/^0 rows wait; 1 were set aside; 0 are kept\nID {2}FUNCTION {2}REASON\n 3 +a function/);
  expect((await run(["retry", "3"])).stdout).toBe("1 rows wait again\n");
  const refused = await run(["uninstall"]);
  expect(refused).toMatchObject({ code: 1, stdout: "" });
  expect(refused.stderr).toMatch(/1 rows that wait and 0 that were set aside, which would be lost/);
  expect((await run(["uninstall", "--table", "articles"])).code).toBe(0);
  expect((await run(["uninstall", "--force"])).stdout).toBe("The outbox is gone.\n");
  expect(database.prepare("SELECT name FROM sqlite_master WHERE name LIKE 'edgear%'").all()).toEqual([]);
});

test("a relay ends with 0 when it is told to, and with 1 when there is no outbox to drain", async () => {
  const env = { DATABASE_URL: `sqlite:${path.join(folder, "empty.db")}` };
  const missing = await edgear(["outbox", "run", "--drain", "--servers", address], { env });
  expect(missing.code).toBe(1);
  expect(missing.stderr).toMatch(/no such table: edgear_outbox/);
  await edgear(["outbox", "install"], { env });
  await using relay = new CliProcess(["outbox", "run", "--servers", address], { env });
  await relay.says(/relaying; the uniques of rows begin with \w+-/);
  relay.kill("SIGTERM");
  expect((await relay.ended()).code).toBe(0);
});

test("what a database needs is said where it isn't there", async () => {
  const { code, stderr } = await edgear(["outbox", "status", "--database", "postgres://127.0.0.1:1/none"]);
  expect({ code, stderr }).toMatchObject({ code: 1, stderr: expect.stringMatching(/^edgear: .*ECONNREFUSED/) });
  const old = await edgear(["outbox", "status", "--database", `sqlite:${file}`], { node: systemNode });
  expect(old.code).toBe(1);
  expect(old.stderr).toMatch(/SQLite needs Node 22\.13|no such table/);
  const folders = await edgear(["outbox", "install", "--database", `sqlite:${folder}/none/none.db`]);
  expect(folders).toMatchObject({ code: 1, stderr: expect.stringMatching(/none\.db can't be opened: /) });
});

test("a mistyped path is said, and no database made of it", async () => {
  const mistyped = path.join(folder, "shoop.db");
  for (const command of ["status", "retry", "uninstall"]) {
    const outcome = await edgear(["outbox", command, "--database", `sqlite:${mistyped}`]);
    expect(outcome).toMatchObject({ code: 1, stderr: `edgear: there is no database ${mistyped}\n` });
  }
  expect(existsSync(mistyped)).toBe(false);
});

test("a URL that is refused is said without its password, whatever that has in it", async () => {
  for (const start of ["oracle://", "oracle:"]) {
    const url = `${start}me:first:sec/ret@second@127.0.0.1/shop`;
    const { code, stderr } = await edgear(["outbox", "status", "--database", url]);
    expect(code).toBe(2);
    expect(stderr).toMatch(`not "${start}…@127.0.0.1/shop"`);
    expect(stderr).not.toMatch(/first|ret|second/);
  }
});
