/** What jobs are written through: a client of pg, within a transaction. TypeORM's query runner will do, too. */
export interface PostgresTransaction {
  query(sql: string, parameters: unknown[]): Promise<unknown>;
}

/** A client of pg, as its pool gives it. */
export interface PostgresClient {
  query(sql: string, parameters?: unknown[]): Promise<{ rows: unknown[]; rowCount?: number | null }>;
  // biome-ignore lint/suspicious/noExplicitAny: what listeners get differs by event, and by the version of pg's types
  on(event: any, listener: (event: any) => void): unknown;
  // biome-ignore lint/suspicious/noExplicitAny: as above
  off(event: any, listener: (event: any) => void): unknown;
  release(broken?: boolean): void;
}

/** A pool of pg. */
export interface PostgresPool {
  connect(): Promise<PostgresClient>;
}
