/*
 * The SQLite that a runtime brings along: node:sqlite (Node from 22.13, Deno) or bun:sqlite. It is asked for by
 * `process.getBuiltinModule`, so that runtimes without it, and bundlers, have nothing to look for.
 */

/** What all of them have, and better-sqlite3, too. */
export interface SqliteDatabase {
  exec(statements: string): unknown;
  prepare(statement: string): SqliteStatement;
  close(): unknown;
}

/** A statement that was prepared. */
export interface SqliteStatement {
  all(...values: never[]): unknown[];
  run(...values: never[]): unknown;
  /** Whether it gives rows. Only better-sqlite3 says so, and only that refuses to be asked for rows where there are none. */
  readonly reader?: boolean;
}

/** What a statement takes. */
export type SqliteValue = string | number | null | Uint8Array;

/** Carries a statement out. @returns its rows, if it gives some */
export function rowsOf<Row>(statement: SqliteStatement, values: readonly SqliteValue[]): Row[] {
  if (statement.reader !== false) return statement.all(...(values as never[])) as Row[];
  statement.run(...(values as never[]));
  return [];
}

/** Carries out what is done as a whole, or not at all; nobody else writes meanwhile. */
export function transaction<T>(database: SqliteDatabase, work: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const result = work();
    database.exec("COMMIT");
    return result;
  } catch (error) {
    // SQLite has rolled some back itself.
    try {
      database.exec("ROLLBACK");
    } catch {}
    throw error;
  }
}

type Opener = new (file: string) => SqliteDatabase;

/** Opens a database, `":memory:"` too. @throws Error in words when the runtime has no SQLite */
export function openSqlite(file: string): SqliteDatabase {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => Record<string, unknown> } };
  const builtin = (name: string) => {
    try {
      return process?.getBuiltinModule?.(name);
    } catch {
      return undefined;
    }
  };
  const bun = "Bun" in globalThis ? builtin("bun:sqlite")?.Database : undefined;
  const Database = (bun ?? builtin("node:sqlite")?.DatabaseSync) as Opener | undefined;
  if (!Database)
    throw new Error(
      "this runtime has no SQLite of its own: use Node 22.13 or newer, Deno or Bun, or install better-sqlite3 (for Node 20 " +
        "its version 12) and give its database: new Database(file)",
    );
  return new Database(file);
}
