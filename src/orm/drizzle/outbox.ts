import { type SQL, sql } from "drizzle-orm";

/** A transaction as `outbox.add` takes it. */
export interface OutboxTransaction {
  query(text: string, parameters: unknown[]): Promise<void>;
}

/**
 * A transaction of Drizzle's, of PostgreSQL or MySQL, for `outbox.add`: the job is written in it, and submitted by the
 * outbox's relay once it has committed. `await outbox.add(outboxTransaction(tx), "resize", { id: 7 })`.
 * @throws TypeError when it has no `execute`: Drizzle's of SQLite; there, give `outbox.add` the database that Drizzle uses
 */
export function outboxTransaction(tx: { execute(query: SQL): PromiseLike<unknown> }): OutboxTransaction {
  if (typeof tx?.execute !== "function")
    throw new TypeError("outboxTransaction takes a transaction of PostgreSQL or MySQL: with SQLite, give the database");
  return {
    async query(text, parameters) {
      // Drizzle takes no finished SQL with parameters, and writes the places for them itself.
      const [first = "", ...others] = text.split(/\$\d+|\?/);
      const chunks = others.flatMap((part, index) => [sql.param(parameters[index]), sql.raw(part)]);
      await tx.execute(sql.join([sql.raw(first), ...chunks]));
    },
  };
}
