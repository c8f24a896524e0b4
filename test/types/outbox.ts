// What users' own drivers are to the outbox: compiled, and not run.
import type { DatabaseSync } from "node:sqlite";
import type { D1Database, D1PreparedStatement } from "@cloudflare/workers-types";
import { Client } from "edgear";
import { Outbox } from "edgear/outbox";
import { d1 } from "edgear/outbox/d1";
import { mysql } from "edgear/outbox/mysql";
import { postgres } from "edgear/outbox/postgres";
import { sqlite } from "edgear/outbox/sqlite";
import type { Connection as CallbackConnection } from "mysql2";
import type { Connection, Pool as MysqlPool } from "mysql2/promise";
import type pg from "pg";
import type { QueryRunner } from "typeorm";

declare const drivers: {
  pool: pg.Pool;
  client: pg.Client;
  poolClient: pg.PoolClient;
  runner: QueryRunner;
  mysqlPool: MysqlPool;
  connection: Connection;
  callbacks: CallbackConnection;
  database: DatabaseSync;
  binding: D1Database;
};

export async function everyDriver(): Promise<void> {
  const { pool, client, poolClient, runner, mysqlPool, connection, callbacks, database, binding } = drivers;
  const inPostgres = new Outbox({ store: postgres({ pool }), client: new Client() });
  const added: Promise<void> = inPostgres.add(client, "resize", { id: 7 }, { priority: "high" });
  await added;
  await inPostgres.add(poolClient, "resize");
  await inPostgres.add(runner, "resize");
  // @ts-expect-error: a misspelt option
  await inPostgres.add(client, "resize", {}, { prority: "high" });
  // @ts-expect-error: no transaction
  await inPostgres.add({}, "resize");

  const inMysql = new Outbox({ store: mysql({ pool: mysqlPool }) });
  await inMysql.add(connection, "resize", new Uint8Array(1));
  await inMysql.add(callbacks, "resize");
  await inMysql.add(runner, "resize");

  const inSqlite = new Outbox({ store: sqlite({ database }) });
  const nothing: void = inSqlite.add(database, "resize");
  void nothing;

  const inD1 = new Outbox({ store: d1({ database: binding }) });
  const statement: D1PreparedStatement = inD1.statement(binding, "resize", { id: 7 });
  await binding.batch([statement]);
}
