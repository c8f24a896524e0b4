import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Outbox, type OutboxOptions, type OutboxStore } from "edgear/outbox";
import { type D1, d1 } from "edgear/outbox/d1";
import { mysql } from "edgear/outbox/mysql";
import { postgres } from "edgear/outbox/postgres";
import { type SqliteDatabase, sqlite } from "edgear/outbox/sqlite";
import { Miniflare } from "miniflare";
import { createPool, type PoolConnection } from "mysql2/promise";
import pg from "pg";
import { BetterSqlite } from "../support/better-sqlite3.ts";
import { type DatabaseServer, startMariadb, startPostgres } from "../support/databases.ts";

export type AnyOutbox = Outbox<unknown, unknown, unknown>;
type Options = Omit<OutboxOptions<unknown, unknown, unknown>, "store">;

/** A database to test with, whichever it is. */
export interface TestStore extends AsyncDisposable {
  readonly name: string;
  /** What `--database` takes; D1 has nothing. */
  readonly url?: string;
  /** SQL that gives the numbers from 1 to this, as `n`. */
  series(most: number): string;
  /** SQL that makes bytes of a number. */
  readonly bytes: string;
  /** The server, where there is one. */
  readonly server?: DatabaseServer;
  /** Its quotes. */
  quote(name: string): string;
  /** An outbox of a table of its own, not installed yet. */
  outbox(table: string, options?: Options): AnyOutbox;
  /** A transaction that stays open; undefined where there are none. */
  begin?(): Promise<OpenTransaction>;
  /** Writes to the outbox and runs SQL in one transaction, however that is done there. */
  write(outbox: AnyOutbox, jobs: readonly Parameters<AnyOutbox["sql"]>[], sql?: readonly string[]): Promise<void>;
  /** Runs SQL by itself. */
  query(sql: string): Promise<Record<string, unknown>[]>;
}

export interface OpenTransaction {
  add(outbox: AnyOutbox, ...job: Parameters<AnyOutbox["sql"]>): Promise<void>;
  query(sql: string): Promise<void>;
  commit(): Promise<void>;
  rollback(): Promise<void>;
}

export async function postgresStore(): Promise<TestStore> {
  const server = await startPostgres();
  const pool = new pg.Pool({ connectionString: server.url, max: 8, connectionTimeoutMillis: 5_000 });
  // An idle connection that is lost is made anew.
  pool.on("error", () => {});
  return {
    name: "PostgreSQL",
    url: server.url,
    server,
    series: (most) => `SELECT n FROM generate_series(1, ${most}) AS n`,
    bytes: "convert_to(n::text, 'UTF8')",
    quote: (name) => `"${name.replaceAll('"', '""')}"`,
    outbox: (table, options) => made(postgres({ pool, table: { name: table } }), options),
    async begin() {
      const client = await pool.connect();
      await client.query("BEGIN");
      const end = (how: string) => async () => {
        await client.query(how);
        client.release();
      };
      return {
        add: async (outbox, ...job) => void (await outbox.add(client, ...job)),
        query: async (sql) => void (await client.query(sql)),
        commit: end("COMMIT"),
        rollback: end("ROLLBACK"),
      };
    },
    write: writeBy,
    query: async (sql) => (await pool.query(sql)).rows,
    async [Symbol.asyncDispose]() {
      await pool.end();
      await server[Symbol.asyncDispose]();
    },
  };
}

export async function mariadbStore(): Promise<TestStore> {
  const server = await startMariadb();
  const pool = createPool({ uri: server.url, connectionLimit: 8 });
  return {
    name: "MariaDB",
    url: server.url,
    server,
    series: (most) => `SELECT seq AS n FROM seq_1_to_${most}`,
    bytes: "n",
    quote: (name) => `\`${name.replaceAll("`", "``")}\``,
    outbox: (table, options) => made(mysql({ pool, table: { name: table } }), options),
    async begin() {
      const connection: PoolConnection = await pool.getConnection();
      await connection.beginTransaction();
      return {
        add: async (outbox, ...job) => void (await outbox.add(connection, ...job)),
        query: async (sql) => void (await connection.query(sql)),
        async commit() {
          await connection.commit();
          connection.release();
        },
        async rollback() {
          await connection.rollback();
          connection.release();
        },
      };
    },
    write: writeBy,
    query: async (sql) => (await pool.query(sql))[0] as Record<string, unknown>[],
    async [Symbol.asyncDispose]() {
      await pool.end();
      await server[Symbol.asyncDispose]();
    },
  };
}

export const betterSqliteStore = () => sqliteStore(BetterSqlite);

export async function sqliteStore(Database: new (file: string) => SqliteDatabase = DatabaseSync): Promise<TestStore> {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-sqlite-"));
  const open = () => {
    const database = new Database(path.join(folder, "test.db"));
    database.exec("PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF");
    return database;
  };
  const own = open();
  const relays: SqliteDatabase[] = [];
  return {
    name: "SQLite",
    url: `sqlite:${path.join(folder, "test.db")}`,
    series: (most) =>
      `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${most}) SELECT n FROM s`,
    bytes: "CAST(n AS TEXT)",
    quote: (name) => `"${name.replaceAll('"', '""')}"`,
    outbox(table, options) {
      const database = open();
      // It runs in the same thread as the writers: while it waits for them, they can't go on.
      database.exec("PRAGMA busy_timeout = 10");
      relays.push(database);
      return made(sqlite({ database, table: { name: table } }), options);
    },
    async begin() {
      const database = open();
      database.exec("BEGIN");
      const end = (how: string) => async () => {
        database.exec(how);
        database.close();
      };
      return {
        add: async (outbox, ...job) => void outbox.add(database, ...job),
        query: async (sql) => void database.exec(sql),
        commit: end("COMMIT"),
        rollback: end("ROLLBACK"),
      };
    },
    async write(outbox, jobs, sql = []) {
      own.exec("BEGIN IMMEDIATE");
      try {
        for (const statement of sql) own.exec(statement);
        for (const job of jobs) outbox.add(own, ...job);
        own.exec("COMMIT");
      } catch (error) {
        own.exec("ROLLBACK");
        throw error;
      }
    },
    async query(sql) {
      const statement = own.prepare(sql);
      // better-sqlite3 gives rows of what has some only.
      if (statement.reader !== false) return statement.all() as Record<string, unknown>[];
      statement.run();
      return [];
    },
    async [Symbol.asyncDispose]() {
      for (const database of [own, ...relays]) database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

export async function d1Store(): Promise<TestStore> {
  const miniflare = new Miniflare({
    cf: false,
    workers: [
      {
        config: {
          name: "outbox",
          compatibilityDate: "2026-01-01",
          manifest: {
            mainModule: "main.js",
            modules: { "main.js": { type: "esm", contents: "export default { fetch: () => new Response() }" } },
          },
          env: { DB: { type: "d1", id: "outbox" } },
        },
      },
    ],
  });
  await miniflare.ready;
  const database = (await miniflare.getD1Database("DB")) as unknown as D1;
  return {
    name: "D1",
    series: (most) =>
      `WITH RECURSIVE s(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM s WHERE n < ${most}) SELECT n FROM s`,
    bytes: "CAST(n AS TEXT)",
    quote: (name) => `"${name.replaceAll('"', '""')}"`,
    outbox: (table, options) => made(d1({ database, table: { name: table } }), options),
    async write(outbox, jobs, sql = []) {
      const statements = sql.map((text) => database.prepare(text).bind());
      await database.batch([...statements, ...jobs.map((job) => outbox.statement(database, ...job) as never)]);
    },
    query: async (sql) => (await database.prepare(sql).bind().all()).results as Record<string, unknown>[],
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  };
}

function made<Transaction, Added, Prepared>(
  store: OutboxStore<Transaction, Added, Prepared>,
  options: Options = {},
): AnyOutbox {
  return new Outbox({ store, ...options }) as unknown as AnyOutbox;
}

async function writeBy(this: TestStore, ...[outbox, jobs, sql = []]: Parameters<TestStore["write"]>): Promise<void> {
  const transaction = await this.begin?.();
  try {
    for (const statement of sql) await transaction?.query(statement);
    for (const job of jobs) await transaction?.add(outbox, ...job);
  } catch (error) {
    await transaction?.rollback();
    throw error;
  }
  await transaction?.commit();
}
