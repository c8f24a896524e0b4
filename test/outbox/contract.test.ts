import { Client } from "edgear";
import { afterAll, beforeAll, describe, vi } from "vitest";
import { fresh } from "../conformance/names.ts";
import { address, type TestDatabase } from "./cases/database.ts";
import { limits } from "./cases/limits.ts";
import { records } from "./cases/records.ts";
import { refused } from "./cases/refused.ts";
import { relaying } from "./cases/relaying.ts";
import { transactions } from "./cases/transactions.ts";
import { betterSqliteStore, d1Store, mariadbStore, postgresStore, sqliteStore, type TestStore } from "./stores.ts";

vi.setConfig({ testTimeout: 60_000 });

describe.each([
  ["PostgreSQL", "PostgreSQL", postgresStore],
  ["MariaDB", "MariaDB", mariadbStore],
  ["SQLite", "SQLite", sqliteStore],
  ["SQLite, by better-sqlite3", "SQLite", betterSqliteStore],
  ["D1", "D1", d1Store],
] as const)("an outbox in %s", (_, kind, start) => {
  let store: TestStore;
  let client: Client;

  beforeAll(async () => {
    store = await start();
    client = new Client(address);
  }, 120_000);

  afterAll(async () => {
    await client?.close();
    await store?.[Symbol.asyncDispose]();
  }, 60_000);

  const database: TestDatabase = {
    kind,
    get store() {
      return store;
    },
    get client() {
      return client;
    },
    async installed(options = {}) {
      const table = fresh("outbox").slice(0, 20);
      const outbox = store.outbox(table, { client, interval: 50, ...options });
      await outbox.install();
      return { table, outbox, quoted: store.quote(table) };
    },
  };

  relaying(database);
  refused(database);
  limits(database);
  records(database);
  // D1 has no transactions that could stay open.
  if (kind !== "D1") transactions(database);
});
