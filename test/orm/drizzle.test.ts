import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { eq, sql, type Table } from "drizzle-orm";
import { BetterSQLiteSession } from "drizzle-orm/better-sqlite3/session";
import * as my from "drizzle-orm/mysql-core";
import { drizzle as mysqlDrizzle } from "drizzle-orm/mysql2";
import { type NodePgDatabase, drizzle as pgDrizzle } from "drizzle-orm/node-postgres";
import * as postgres from "drizzle-orm/pg-core";
import * as lite from "drizzle-orm/sqlite-core";
import { drizzle as proxyDrizzle } from "drizzle-orm/sqlite-proxy";
import { Client, Worker } from "edgear";
import { RecordJobError, recordHandler } from "edgear/orm";
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

/** Their keys: one that the database makes, one that Drizzle makes, and none that is known. */
const myMade = my.mysqlTable("made", {
  id: my.varchar({ length: 36 }).primaryKey().default(sql`uuid()`),
  title: my.text().notNull(),
});
const myOwn = my.mysqlTable("made", {
  id: my
    .varchar({ length: 36 })
    .primaryKey()
    .$defaultFn(() => randomUUID()),
  title: my.text().notNull(),
});
const keyless = {
  PostgreSQL: postgres.pgTable("keyless", { slug: postgres.text().notNull() }),
  MariaDB: my.mysqlTable("keyless", { slug: my.text().notNull() }) as never,
  SQLite: lite.sqliteTable("keyless", { slug: lite.text().notNull() }) as never,
};

interface Opened extends AsyncDisposable {
  readonly db: Parameters<typeof drizzleRecords>[0];
  readonly articles: typeof pgArticles;
  query(sql: string): Promise<unknown[]>;
  clear(): Promise<unknown>;
}

async function openPostgres(): Promise<Opened> {
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.url });
  // The server ends before its connections do.
  pool.on("error", () => {});
  await pool.query("CREATE TABLE articles (id serial PRIMARY KEY, title text NOT NULL, secret text)");
  await pool.query("CREATE TABLE keyless (slug text NOT NULL)");
  return {
    ...{ db: pgDrizzle(pool), articles: pgArticles },
    query: async (text) => (await pool.query(text)).rows,
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
  await pool.query("CREATE TABLE keyless (slug text NOT NULL)");
  await pool.query("CREATE TABLE made (id varchar(36) PRIMARY KEY DEFAULT (uuid()), title text NOT NULL)");
  return {
    ...{ db: mysqlDrizzle(pool), articles: myArticles as never },
    query: async (text) => (await pool.query(text))[0] as unknown[],
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
  database.exec(`${create}; CREATE TABLE keyless (slug text NOT NULL)`);
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
    query: async (text) => database.prepare(text).all(),
    clear: async () => database.exec(`DROP TABLE articles; ${create}`),
    [Symbol.asyncDispose]: async () => database.close(),
  };
}

describe.each([
  ["PostgreSQL", openPostgres],
  ["MariaDB", openMariadb],
  ["SQLite", openSqlite],
] as const)("Drizzle's tables, on %s", (database, open) => {
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

  test("a job that is submitted through a transaction's records after its end is not lost", async () => {
    const [article] = await records.insert(articles, { title: "a" });
    assert.ok(article);
    let kept: DrizzleRecords | undefined;
    await records.transaction(async (inside) => {
      kept = inside as unknown as DrizzleRecords;
    });
    assert.ok(await kept?.background(articles, article, "publish"));
    expect((await recorder.settled(2)).map(([what]) => what)).toEqual(["insert", "publish"]);
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

  test("jobs of one's own wait for the commit, with the others, and go when it is rolled back", async () => {
    const given: unknown[] = [];
    await records.transaction(async (inside) => {
      const [article] = await inside.insert(articles, { title: "a" });
      assert.ok(article);
      const args = { at: 5 };
      given.push(await inside.background(articles, article, "publish", args));
      // It is told as it was then.
      args.at = 6;
      given.push(await inside.backgroundTable(articles, "reindex"));
      await assert.rejects(inside.background(articles, article, "insert"), /a job's name must be/);
      expect(await recorder.settled(0)).toEqual([]);
    });
    await records
      .transaction(async (inside) => {
        await inside.backgroundTable(articles, "reindex");
        throw new Error("no");
      })
      .catch(() => {});
    expect(given).toEqual([undefined, undefined]);
    expect(await recorder.settled(3)).toEqual([
      ["insert", "articles", { id: 1, title: "a" }],
      ["publish", { id: 1, title: "a" }, { at: 5 }],
      ["reindex", undefined],
    ]);
  });

  test("a table whose key isn't known is refused before anything is written", async () => {
    const table = keyless[database];
    records = drizzleRecords(opened.db, { client: recorder.client, prefix });
    await assert.rejects(records.insert(table, { slug: "a" }), /a record of keyless has no field id: name its key by/);
    await assert.rejects(records.update(table, { slug: "b" }, undefined), /has no field id/);
    await assert.rejects(records.delete(table, undefined), /has no field id/);
    expect(await opened.query("SELECT * FROM keyless")).toEqual([]);
    const models = { keyless: { key: "slug" }, articles: { omit: ["secrte"] } };
    const named = drizzleRecords(opened.db, { client: recorder.client, prefix, models });
    await named.insert(table, [{ slug: "b" }, { slug: "a" }]);
    await assert.rejects(
      named.insert(articles, { title: "a" }),
      /models.articles.omit has "secrte", and articles has no/,
    );
    expect(await opened.query("SELECT * FROM articles")).toEqual([]);
    await named.delete(table, undefined);
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

test("a record is told as it was written, whatever becomes of the caller's until the commit", async () => {
  await using opened = await openSqlite();
  const prefix = `${fresh("drizzle")}.`;
  await using recorder = record(address, prefix, ["articles"]);
  const parts = lite.sqliteTable("articles", { id: lite.integer().primaryKey(), title: lite.text({ mode: "json" }) });
  await drizzleRecords(opened.db, { client: recorder.client, prefix }).transaction(async (inside) => {
    const [row] = await inside.insert(parts, { title: { parts: ["a"] } });
    assert.ok(row);
    (row.title as { parts: string[] }).parts.push("b");
  });
  expect(await recorder.settled(1)).toEqual([["insert", "articles", { id: 1, title: { parts: ["a"] } }]]);
});

test("a model's function and priority are a choice", async () => {
  await using opened = await openSqlite();
  const name = fresh("chosen");
  await using client = new Client(address);
  const [high, low] = (["high", "low"] as const).map((priority) =>
    drizzleRecords(opened.db, { client, models: { articles: { function: name, priority } } }),
  );
  await low?.insert(opened.articles, { title: "low" });
  await high?.insert(opened.articles, { title: "high" });
  const titles: unknown[] = [];
  const worker = new Worker(address);
  worker.add(name, recordHandler({ onInsert: ({ title }) => void titles.push(title) }));
  await worker.drain();
  expect(titles).toEqual(["high", "low"]);
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
  // Before anything is written, whose job could not be submitted then.
  const wrong = (of: object) => () =>
    drizzleRecords({ insert() {} } as never, { client: new Client(AWAY), models: { articles: of } as never });
  assert.throws(
    wrong({ priority: "urgent" }),
    /models.articles.priority must be one of "high", "normal", "low", not "u/,
  );
  assert.throws(wrong({ function: "" }), /a function name must not be empty/);
  assert.throws(wrong({ key: [] }), /models.articles.key must/);
});

test("MySQL's records are given in the order of the values, and none is written whose key can't be known", async () => {
  await using opened = await openMariadb();
  const prefix = `${fresh("drizzle")}.`;
  await using recorder = record(address, prefix, ["made", "articles"]);
  const records = drizzleRecords(opened.db, { client: recorder.client, prefix });
  await assert.rejects(
    records.insert(myMade, { title: "a" }),
    /the database makes the id of made, and MySQL doesn't say/,
  );
  expect(await opened.query("SELECT * FROM made")).toEqual([]);

  const own = [{ id: "z", title: "a" }, { title: "b" }, { id: "c", title: "c" }];
  expect(await records.insert(myOwn, own)).toMatchObject([own[0], { title: "b" }, own[2]]);
  const ids = [
    { id: 9, title: "nine" },
    { id: 3, title: "three" },
    { id: 10, title: "ten" },
  ];
  expect(await records.insert(myArticles, ids)).toMatchObject(ids);
  const mixed = records.insert(myArticles, [{ id: 20, title: "a" }, { title: "b" }]);
  await assert.rejects(mixed, /either all records of articles must be given their id, or none/);
  expect(await opened.query("SELECT id FROM articles ORDER BY id")).toEqual([{ id: 3 }, { id: 9 }, { id: 10 }]);
  const told = (await recorder.settled(6))
    .map(([what, model, row]) => [what, model, (row as { title: string }).title])
    // A server keeps the order of one function's jobs, and not that of two.
    .sort(([, one = ""], [, other = ""]) => (one === other ? 0 : one === "made" ? -1 : 1));
  expect(told).toEqual([
    ...["a", "b", "c"].map((title) => ["insert", "made", title]),
    ...["nine", "three", "ten"].map((title) => ["insert", "articles", title]),
  ]);
  // What its key is set to is how it is found again.
  expect(await records.update(myArticles, { id: 4 }, eq(myArticles.id, 3))).toMatchObject([{ id: 4, title: "three" }]);
}, 60_000);

test("a synchronous database's transactions are refused, and what is written without one is told", async () => {
  const database = new DatabaseSync(":memory:");
  database.exec("CREATE TABLE articles (id integer PRIMARY KEY AUTOINCREMENT, title text NOT NULL, secret text)");
  // Drizzle's own for better-sqlite3, whose statements differ from Node's in how they are asked for lists.
  const client = {
    prepare(text: string) {
      const statement = database.prepare(text);
      const list = (row: object) => Object.values(row);
      const raw = { all: (...given: string[]) => statement.all(...given).map(list) };
      return { run: (...given: string[]) => statement.run(...given), raw: () => raw };
    },
  };
  const dialect = new lite.SQLiteSyncDialect();
  const session = new BetterSQLiteSession(client as never, dialect, undefined);
  const db = new lite.BaseSQLiteDatabase("sync", dialect, session as never, undefined);
  const prefix = `${fresh("drizzle")}.`;
  await using recorder = record(address, prefix, ["articles"]);
  const records = drizzleRecords(db, { client: recorder.client, prefix });
  let called = false;
  const transaction = records.transaction(async () => {
    called = true;
  });
  await assert.rejects(transaction, /this database is synchronous/);
  expect(called).toBe(false);
  expect(await records.insert(liteArticles, { title: "a" })).toEqual([{ id: 1, title: "a", secret: null }]);
  expect(await recorder.settled(1)).toEqual([["insert", "articles", { id: 1, title: "a", secret: null }]]);
  database.close();
});
