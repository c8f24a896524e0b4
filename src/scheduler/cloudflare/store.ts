import { type Sql, SqlStore } from "../sql.js";

/** What is needed of a Durable Object's storage, that of a class with SQLite (`new_sqlite_classes`). */
export interface ObjectStorage {
  transactionSync<T>(work: () => T): T;
  readonly sql: { exec(statement: string, ...values: never[]): { toArray(): Record<string, unknown>[] } };
}

/** Bytes that a workload may have: a row has two million, names and the rest included. */
export const MOST_STORED = 1_990_000;

/** Jobs in the SQLite of a Durable Object, for objects of your own; `GearmanScheduler` has one. */
export class DurableObjectStore extends SqlStore {
  /** @throws TypeError when the object's class has no SQLite */
  constructor(storage: ObjectStorage) {
    super(sqlOf(storage), "edgear_schedule");
  }
}

function sqlOf(storage: ObjectStorage): Sql {
  if (typeof storage?.sql?.exec !== "function")
    throw new TypeError("this Durable Object has no SQLite: its class belongs to new_sqlite_classes in wrangler.toml");
  return {
    all: (statement, ...values) => storage.sql.exec(statement, ...(values as never[])).toArray(),
    transaction: (work) => storage.transactionSync(work),
  };
}
