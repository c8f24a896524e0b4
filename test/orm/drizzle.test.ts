import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { eq, type Table } from "drizzle-orm";
import * as my from "drizzle-orm/mysql-core";
import { drizzle as mysqlDrizzle } from "drizzle-orm/mysql2";
import { type NodePgDatabase, drizzle as pgDrizzle } from "drizzle-orm/node-postgres";
import * as postgres from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";
import { drizzle as proxyDrizzle } from "drizzle-orm/sqlite-proxy";
import { Client } from "edgear";
import { RecordJobError } from "edgear/orm";
import { type DrizzleRecords, drizzleRecords } from "edgear/orm/drizzle";
import mysql from "mysql2/promise";
import pg from "pg";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, inject, test } from "vitest";
import { AWAY, fresh } from "../conformance/names.ts";
import { startMariadb, startPostgres } from "../support/databases.ts";
import { type Recorder, record } from "./worker.ts";

const [{ address } = { address: "" }] = inject("servers");

const pgArticles = postgres.pgTable("articles", {
  ...{ id: postgres.serial().primaryKey(), title: postgres.text().notNull(), secret: postgres.text() },
});
const myArticles = my.mysqlTable("articles", {
  ...{ id: my.serial().primaryKey(), title: my.text().notNull(), secret: my.text() },
});
const liteArticles = lite.sqliteTable("articles", {
  id: lite.integer().primaryKey({ autoIncrement: true }),
  ...{ title: lite.text().notNull(), secret: lite.text() },
});

interface Opened extends AsyncDisposable {
  readonly db: Parameters<typeof drizzleRecords>[0];
  readonly articles: typeof pgArticles;
  clear(): Promise<unknown>;
}

async function openPostgres(): Promise<Opened> {
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.url });
  // The server ends before its connections do.
  pool.on("error", () => {});
  await pool.query("CREATE TABLE articles (id serial PRIMARY KEY, title text NOT NULL, secret text)");
  return {
    ...{ db: pgDrizzle(pool), articles: pgArticles },
    clear: () => pool.query("TRUNCATE articles RESTART IDENTITY"),
    async [Symbol.asyncDispose]() {
      await pool.end();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function openMariadb(): Promise<Opened> {
  const server = await startMariadb();
  const pool = mysql.createPool(server.url);
  await pool.query("CREATE TABLE articles (id serial PRIMARY KEY, title text NOT NULL, secret text)");
  return {
    ...{ db: mysqlDrizzle(pool), articles: myArticles as never },
    clear: () => pool.query("TRUNCATE articles"),
    async [Symbol.asyncDispose]() {
      await pool.end();
      await server[Symbol.asyncDispose]();
    },
  };
}

async function openSqlite(): Promise<Opened> {
  const database = new DatabaseSync(":memory:");
  const create = "CREATE TABLE articles (id integer PRIMARY KEY AUTOINCREMENT, title text NOT NULL, secret text)";
  database.exec(create);
  const db = proxyDrizzle(async (sql, params, method) => {
    const statement = database.prepare(sql);
    if (method === "run") {
      statement.run(...(params as string[]));
      return { rows: [] };
    }
    const rows = statement.all(...(params as string[])).map((row) => Object.values(row as object));
    return { rows: method === "get" ? (rows[0] as never) : rows };
  });
  return {
    ...{ db, articles: liteArticles as never },
    clear: async () => database.exec(`DROP TABLE articles; ${create}`),
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

describe.each([
  ["PostgreSQL", openPostgres],
  ["MariaDB", openMariadb],
  ["SQLite", openSqlite],
] as const)("Drizzle's tables, on %s", (_, open) => {
  let opened: Opened;
  let articles: typeof pgArticles;
  let recorder: Recorder;
  let records: DrizzleRecords;
  let prefix: string;

  beforeAll(async () => {
    opened = await open();
    articles = opened.articles;
  }, 60_000);
  afterAll(() => opened?.[Symbol.asyncDispose]());

  beforeEach(async () => {
    await opened.clear();
    prefix = `${fresh("drizzle")}.`;
    recorder = record(address, prefix, ["articles"], {
      jobs: { publish: (row, args) => void recorder.calls.push(["publish", row, args]) },
      tableJobs: { reindex: (args) => void recorder.calls.push(["reindex", args]) },
    });
    records = drizzleRecords(opened.db, {
      client: recorder.client,
      prefix,
      models: { articles: { omit: ["secret"] } },
    });
  });
  afterEach(() => recorder[Symbol.asyncDispose]());

  test("what is inserted, updated and deleted is told, and given back", async () => {
    const inserted = await records.insert(articles, [{ title: "a", secret: "s" }, { title: "b" }]);
    expect(inserted).toEqual([
      { id: 1, title: "a", secret: "s" },
      { id: 2, title: "b", secret: null },
    ]);
    expect(await records.insert(articles, { id: 7, title: "own" })).toEqual([{ id: 7, title: "own", secret: null }]);
    const updated = await records.update(articles, { title: "c", secret: undefined }, eq(articles.id, 1));
    expect(updated).toEqual([{ id: 1, title: "c", secret: "s" }]);
    expect(await records.update(articles, { title: "none" }, eq(articles.id, 99))).toEqual([]);
    expect(await records.delete(articles, eq(articles.title, "c"))).toEqual(updated);
    expect(await recorder.settled(5)).toEqual([
      ["insert", "articles", { id: 1, title: "a" }],
      ["insert", "articles", { id: 2, title: "b" }],
      ["insert", "articles", { id: 7, title: "own" }],
      ["update", "articles", { id: 1, title: "c" }, ["title"]],
      ["delete", "articles", { id: 1, title: "c" }],
    ]);
  });

  test("an update that changes what it is found by still gives its records", async () => {
    await records.insert(articles, { title: "old" });
    expect(await records.update(articles, { title: "new" }, eq(articles.title, "old"))).toMatchObject([
      { title: "new" },
    ]);
  });

  test("a transaction's are told once it has committed, and never when it, or its savepoint, is rolled back", async () => {
    const given = await records.transaction(async (inside) => {
      await inside.insert(articles, { title: "kept" });
      await inside.transaction((inner) => inner.insert(articles, { title: "kept, too" }));
      await inside
        .transaction(async (inner) => {
          await inner.insert(articles, { title: "rolled back" });
          throw new Error("no");
        })
        .catch(() => {});
      expect(await recorder.settled(0)).toEqual([]);
      return 5;
    });
    expect(given).toBe(5);
    await assert.rejects(
      records.transaction(async (inside) => {
        await inside.insert(articles, { title: "rolled back" });
        throw new Error("no");
      }),
      /no/,
    );
    const titles = (await recorder.settled(2)).map(([, , row]) => (row as { title: string }).title);
    expect(titles).toEqual(["kept", "kept, too"]);
  });

  test("jobs of one's own", async () => {
    const [article] = await records.insert(articles, { title: "a", secret: "s" });
    assert.ok(article);
    await recorder.settled(1);
    await records.background(articles, article, "publish", { at: 5 });
    await records.backgroundTable(articles, "reindex", [1]);
    expect(await recorder.settled(2)).toEqual([
      ["publish", { id: 1, title: "a" }, { at: 5 }],
      ["reindex", [1]],
    ]);
  });

  test("a job that can't be submitted is told, or given to `onError`, though the record is written", async () => {
    await using nowhere = new Client(AWAY, { reconnect: false });
    const loud = drizzleRecords(opened.db, { client: nowhere });
    const error = await loud.insert(articles, [{ title: "a" }, { title: "b" }]).catch((thrown: unknown) => thrown);
    assert.ok(error instanceof RecordJobError, String(error));
    assert.match(error.message, /the change is written, .*: insert of articles \{"id":1\} and 1 more: /);
    const errors: RecordJobError[] = [];
    const quiet = drizzleRecords(opened.db, { client: nowhere, onError: (missed) => errors.push(missed) });
    expect(await quiet.delete(articles, eq(articles.title, "a"))).toHaveLength(1);
    expect(errors.map(({ jobs }) => jobs.map(({ action }) => action))).toEqual([["delete"]]);
  });

  test("actions that nobody wants make no job", async () => {
    const few = drizzleRecords(opened.db, {
      client: recorder.client,
      prefix,
      models: { articles: { actions: ["delete"] } },
    });
    await few.insert(articles, { title: "a" });
    await few.delete(articles, undefined);
    expect((await recorder.settled(1)).map(([what]) => what)).toEqual(["delete"]);
    const none = drizzleRecords(opened.db, { client: recorder.client, prefix, models: { authors: true } });
    await none.insert(articles as Table as typeof articles, { title: "a" });
    expect(await recorder.settled(0)).toEqual([]);
  });
});

test("a transaction gets Drizzle's own, in its own type", async () => {
  const typed = (db: NodePgDatabase) =>
    drizzleRecords(db, { client: {} as Client }).transaction(async (_, tx) => {
      const rows: { id: number }[] = await tx.select({ id: pgArticles.id }).from(pgArticles);
      // @ts-expect-error there is none
      tx.noSuchThing;
      return rows;
    });
  expect(typed).toBeTypeOf("function");
});

test("mistakes are refused in words", () => {
  assert.throws(() => drizzleRecords({} as never, { client: {} as never }), /must be Drizzle's database/);
});
