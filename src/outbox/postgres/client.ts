/** What jobs are written through: a client of pg, within a transaction. TypeORM's query runner will do, too. */
export interface PostgresTransaction {
  query(sql: string, parameters: unknown[]): Promise<unknown>;
}

/** A client of pg, as its pool gives it. */
export interface PostgresClient {
  query(sql: string, parameters?: unknown[]): Promise<{ rows: unknown[]; rowCount?: number | null }>;
  on(event: string, listener: (event: never) => void): unknown;
  off(event: string, listener: (event: never) => void): unknown;
  release(broken?: boolean): void;
}

/** A pool of pg. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
}
