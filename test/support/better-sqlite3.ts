import { createRequire } from "node:module";
import type { SqliteDatabase } from "edgear/outbox/sqlite";

/** The database of better-sqlite3, which brings no types along. */
export const BetterSqlite = createRequire(import.meta.url)("better-sqlite3") as new (
  file: string,
) => SqliteDatabase & { transaction(work: () => void): () => void };
