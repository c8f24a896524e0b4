/** What jobs are written through: a connection of mysql2, within a transaction, with promises or with callbacks. */
export interface MysqlTransaction {
  query(sql: string, parameters: unknown[]): unknown;
}

/** A connection of mysql2/promise, as its pool gives it. */
export interface MysqlConnection {
  query(sql: string, parameters?: unknown[]): Promise<[unknown, ...unknown[]]>;
  release(): void;
  destroy(): void;
}

/** A pool of mysql2/promise. */
export interface MysqlPool {
  getConnection(): Promise<MysqlConnection>;
}

/** Runs a statement on the server's side, where the driver can: there, no mode of the session changes what a text means. */
export async function run(transaction: MysqlTransaction, sql: string, parameters: unknown[]): Promise<void> {
  const own = transaction as { promise?: () => MysqlTransaction };
  const connection = typeof own.promise === "function" ? own.promise() : transaction;
  const prepared = connection as { execute?: MysqlTransaction["query"] };
  if (typeof prepared.execute === "function") await prepared.execute(sql, parameters);
  else await connection.query(sql, parameters);
}
