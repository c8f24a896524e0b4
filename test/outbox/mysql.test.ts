import { Outbox } from "edgear/outbox";
import { mysql } from "edgear/outbox/mysql";
import { createConnection } from "mysql2";
import { createPool } from "mysql2/promise";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type DatabaseServer, startMariadb } from "../support/databases.ts";

let server: DatabaseServer;

beforeAll(async () => {
  server = await startMariadb();
}, 60_000);

afterAll(() => server?.[Symbol.asyncDispose](), 60_000);

test("mysql2's callbacks, another character set and JSON columns do no harm", async () => {
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

test("uninstalling one database's outbox leaves those of other databases alone", async () => {
  const pool = createPool({ uri: server.url, connectionLimit: 2 });
  for (const database of ["shop", "press", "desk"]) await pool.query(`CREATE DATABASE ${database}`);
  const of = (database: string) => createPool({ uri: server.url.replace(/edgear$/, database), connectionLimit: 2 });
  const [shop, press, desk] = [of("shop"), of("press"), of("desk")];
  const outboxes = [shop, press].map((own) => new Outbox({ store: mysql({ pool: own }) }));
  const [first, second] = outboxes as [Outbox<unknown, unknown>, Outbox<unknown, unknown>];
  for (const own of [shop, press, desk]) await own.query("CREATE TABLE articles (id int PRIMARY KEY)");
  for (const outbox of [first, second]) {
    await outbox.install();
    await outbox.watch("articles");
  }
  // A database without an outbox may have triggers that write to that of another.
  await new Outbox({ store: mysql({ pool: desk, table: "press.edgear_outbox" }) }).watch("articles");
  const triggers = async () => {
    const [rows] = await pool.query(
      `SELECT DISTINCT TRIGGER_SCHEMA AS place FROM information_schema.TRIGGERS
        WHERE EVENT_OBJECT_TABLE = 'articles' ORDER BY TRIGGER_SCHEMA`,
    );
    return (rows as { place: string }[]).map(({ place }) => place);
  };
  expect(await triggers()).toEqual(["desk", "press", "shop"]);
  await first.uninstall();
  expect(await triggers()).toEqual(["desk", "press"]);
  await press.query("INSERT INTO articles VALUES (1)");
  await desk.query("INSERT INTO articles VALUES (1)");
  expect((await second.status()).waiting).toBe(2);
  await shop.query("INSERT INTO articles VALUES (1)");
  await second.uninstall({ force: true });
  expect(await triggers()).toEqual([]);
  for (const each of [pool, shop, press, desk]) await each.end();
});
