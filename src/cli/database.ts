import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Option } from "commander";
import { d1 } from "../outbox/d1/index.js";
import type { Outbox, OutboxOptions, OutboxStore } from "../outbox/index.js";
import { type MysqlPool, mysql } from "../outbox/mysql/index.js";
import { type PostgresPool, postgres } from "../outbox/postgres/index.js";
import { type SqliteDatabase, sqlite } from "../outbox/sqlite/index.js";
import { openSqlite } from "../platform/sqlite.js";
import { Failure, UsageError } from "./exit.js";
import { redacted } from "./redact.js";

/** What commands that need a database take. */
export interface DatabaseChoice {
  database?: string;
  outbox?: string;
  notify?: boolean;
  lease?: number;
}

/** A database that was opened, to be closed again. */
export interface OpenDatabase {
  readonly store: OutboxStore;
  close(): Promise<void>;
}

/** How many connections a command needs: one for the relay's lock, one for everything else. */
const CONNECTIONS = 2;

/** How long a connection may take to be made, in milliseconds. */
const CONNECT_TIMEOUT = 10_000;

export function databaseOption(): Option {
  return new Option(
    "-d, --database <url>",
    "postgres://…, mysql://…, mariadb://…, sqlite:file, or d1: for SQL to give to wrangler",
  ).env("DATABASE_URL");
}

/**
 * Opens the database of a URL. Drivers are those of the program in the working directory: this package brings none.
 * @param options `existing: false` has a SQLite database made that isn't there
 * @throws UsageError when the URL is none; Failure when its driver isn't installed, or its file isn't there
 */
export async function openDatabase(
  { database: url, outbox: table, notify, lease }: DatabaseChoice,
  { existing = true }: { existing?: boolean } = {},
): Promise<OpenDatabase> {
  if (!url) throw new UsageError("which database? Give --database, or DATABASE_URL");
  const [, scheme = ""] = /^([a-z0-9]+):/.exec(url) ?? [];
  const named = table === undefined ? {} : { table };
  switch (scheme) {
    case "postgres":
    case "postgresql": {
      const { Pool } = await driver<typeof PgModule>("pg", "pg");
      const pool = new Pool({ connectionString: url, max: CONNECTIONS, connectionTimeoutMillis: CONNECT_TIMEOUT });
      // One that is lost while it idles is made anew.
      pool.on("error", () => {});
      const store = postgres({ pool, ...named, ...(notify !== undefined && { notify }) });
      return { store: store as OutboxStore, close: () => pool.end() };
    }
    case "mysql":
    case "mariadb": {
      const { createPool } = await driver<typeof MysqlModule>("mysql2/promise", "mysql2");
      const uri = url.replace(/^mariadb:/, "mysql:");
      const pool = createPool({ uri, connectionLimit: CONNECTIONS, connectTimeout: CONNECT_TIMEOUT });
      return { store: mysql({ pool, ...named }) as OutboxStore, close: () => pool.end() };
    }
    case "sqlite":
    case "file": {
      const database = openFile(url, existing);
      return {
        store: sqlite({ database, ...named, ...(lease !== undefined && { lease }) }) as OutboxStore,
        close: async () => void database.close(),
      };
    }
    case "d1":
      return { store: d1(named) as OutboxStore, close: async () => {} };
    default:
      throw new UsageError(
        `the database must be postgres://…, mysql://…, sqlite:file or d1:, not ${JSON.stringify(redacted(url))}`,
      );
  }
}

/** What is used of the drivers, which are the user's own. */
declare namespace PgModule {
  class Pool implements PostgresPool {
    constructor(options: object);
    connect: PostgresPool["connect"];
    on(event: "error", listener: () => void): void;
    end(): Promise<void>;
  }
}
declare namespace MysqlModule {
  function createPool(options: object): MysqlPool & { end(): Promise<void> };
}

async function driver<Module>(name: string, install: string): Promise<Module> {
  const from = createRequire(path.join(process.cwd(), "package.json"));
  let file: string;
  try {
    file = from.resolve(name);
  } catch {
    throw new Failure(`the package ${install} isn't installed here, which this database needs: npm install ${install}`);
  }
  const module = await import(pathToFileURL(file).href);
  return (module.default ?? module) as Module;
}

/** @param existing whether a file that isn't there is a mistake, rather than a database to be made */
function openFile(url: string, existing: boolean): SqliteDatabase {
  const file = url.startsWith("file:") ? fileURLToPath(url) : url.replace(/^sqlite:(\/\/)?/, "");
  if (existing && !existsSync(file)) throw new Failure(`there is no database ${file}`);
  let database: SqliteDatabase;
  try {
    database = openSqlite(file);
  } catch (error) {
    // What it says of other packages is for programs.
    if (!(error as { code?: unknown }).code)
      throw new Failure(`SQLite needs Node 22.13 or newer here, and this is ${process.version}`);
    throw new Failure(`the database ${file} can't be opened: ${(error as Error).message}`);
  }
  database.exec("PRAGMA busy_timeout = 5000");
  return database;
}

export type AnyOutbox = Outbox<unknown, unknown, unknown>;
export type AnyOutboxOptions = OutboxOptions<unknown, unknown, unknown>;
