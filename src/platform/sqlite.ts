/*
 * The SQLite that a runtime brings along: node:sqlite (Node from 22.13, Deno) or bun:sqlite. It is asked for by
 * `process.getBuiltinModule`, so that runtimes without it, and bundlers, have nothing to look for.
 */

/** What all of them have, and better-sqlite3, too. */
export interface SqliteDatabase {
  exec(statements: string): unknown;
  prepare(statement: string): { all(...values: never[]): unknown[]; run(...values: never[]): unknown };
  close(): unknown;
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
      "this runtime has no SQLite of its own: use Node 22.13 or newer, Deno or Bun, or install better-sqlite3 and give " +
        "its database: new Database(file)",
    );
  return new Database(file);
}
