import assert from "node:assert/strict";
import { drizzle as mysqlDrizzle } from "drizzle-orm/mysql2";
import { drizzle as pgDrizzle } from "drizzle-orm/node-postgres";
import type { Client } from "edgear";
import { outboxTransaction } from "edgear/orm/drizzle";
import { Outbox } from "edgear/outbox";
import { mysql as mysqlStore } from "edgear/outbox/mysql";
import { postgres } from "edgear/outbox/postgres";
import mysql from "mysql2/promise";
import pg from "pg";
import { DataSource, type EntityManager } from "typeorm";
import { describe, expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { type DatabaseServer, startMariadb, startPostgres } from "../support/databases.ts";
import { record } from "./worker.ts";

const [{ address } = { address: "" }] = inject("servers");

type Add = (name: string, workload: object) => Promise<void>;

interface Opened extends AsyncDisposable {
  readonly outbox: Pick<Outbox<unknown, unknown>, "install" | "watch" | "drain">;
  query(sql: string): Promise<unknown>;
  /** Runs SQL in a transaction of Drizzle's and of TypeORM's, and writes jobs. */
  readonly drizzle: Transact;
  readonly typeorm: Transact;
}

type Transact = (work: (run: (sql: string) => PromiseLike<unknown>, add: Add) => Promise<void>) => Promise<unknown>;

/** TypeORM's transactions, by which the jobs of an outbox are written. */
function typeormOf(
  source: DataSource,
  outbox: { add(transaction: EntityManager, ...job: Parameters<Add>): Promise<void> },
) {
  return ((work) =>
    source.transaction((manager) =>
      work(
        (sql) => manager.query(sql),
        (...job) => outbox.add(manager, ...job),
      ),
    )) satisfies Transact;
}

async function ended(source: DataSource, pool: { end(): Promise<void> }): Promise<void> {
  await source.destroy();
  await pool.end();
}

async function openPostgres(server: DatabaseServer, client: Client): Promise<Opened> {
  const pool = new pg.Pool({ connectionString: server.url });
  // The server ends before its connections do.
  pool.on("error", () => {});
  const outbox = new Outbox({ store: postgres({ pool }), client });
  const source = await new DataSource({ type: "postgres", url: server.url }).initialize();
  return {
    outbox,
    query: (sql) => pool.query(sql),
    drizzle: (work) =>
      pgDrizzle(pool).transaction((tx) =>
        work(
          (sql) => tx.execute(sql),
          (...job) => outbox.add(outboxTransaction(tx), ...job),
        ),
      ),
    typeorm: typeormOf(source, outbox),
    [Symbol.asyncDispose]: () => ended(source, pool),
  };
}

async function openMariadb(server: DatabaseServer, client: Client): Promise<Opened> {
  const pool = mysql.createPool(server.url);
  const outbox = new Outbox({ store: mysqlStore({ pool }), client });
  const source = await new DataSource({ type: "mariadb", url: server.url }).initialize();
  return {
    outbox,
    query: (sql) => pool.query(sql),
    drizzle: (work) =>
      mysqlDrizzle(pool).transaction((tx) =>
        work(
          (sql) => tx.execute(sql),
          (...job) => outbox.add(outboxTransaction(tx), ...job),
        ),
      ),
    typeorm: typeormOf(source, outbox),
    [Symbol.asyncDispose]: () => ended(source, pool),
  };
}

describe.each([
  ["PostgreSQL", startPostgres, openPostgres],
  ["MariaDB", startMariadb, openMariadb],
] as const)("the outbox, on %s", (_, start, open) => {
  test("one handler works off what the triggers write, and what is added in Drizzle's and TypeORM's transactions", async () => {
    await using server = await start();
    const prefix = `${fresh("outbox")}.`;
    await using recorder = record(address, prefix, ["articles"], {
      tableJobs: { reindex: (args) => void recorder.calls.push(["reindex", args]) },
      onUpdate: async (row, modified, { refresh }) =>
        void recorder.calls.push(["update", "articles", row, modified, await refresh()]),
      refresh: ({ id }) => ({ id, fresh: true }),
    });
    await using opened = await open(server, recorder.client);
    const { outbox } = opened;
    await opened.query("CREATE TABLE articles (id serial PRIMARY KEY, title text NOT NULL)");
    await outbox.install();
    const name = `${prefix}articles`;
    await outbox.watch("articles", { function: name });

    const args = { text: 'a\\b\n"é$1?' };
    for (const transact of [opened.drizzle, opened.typeorm]) {
      await transact(async (run, add) => {
        await run("INSERT INTO articles (title) VALUES ('a')");
        await add(name, { model: "articles", action: "reindex", args });
      });
      const rolledBack = transact(async (run, add) => {
        await run("DELETE FROM articles");
        await add(name, { model: "articles", action: "reindex" });
        throw new Error("no");
      });
      await assert.rejects(rolledBack, /no/);
    }
    await opened.query("UPDATE articles SET title = 'b' WHERE id = 1");
    await opened.query("DELETE FROM articles WHERE id = 1");
    expect(await outbox.drain()).toEqual({ relayed: 6, aside: 0, empty: true });
    expect(await recorder.settled(6)).toEqual([
      ["insert", "articles", { id: 1, title: "a" }],
      ["reindex", args],
      ["insert", "articles", { id: expect.any(Number), title: "a" }],
      ["reindex", args],
      ["update", "articles", { id: 1, title: "b" }, ["title"], { id: 1, fresh: true }],
      ["delete", "articles", { id: 1, title: "b" }],
    ]);
  }, 90_000);
});

test("Drizzle's SQLite has no transactions of that kind", () => {
  assert.throws(() => outboxTransaction({} as never), /takes a transaction of PostgreSQL or MySQL/);
});
