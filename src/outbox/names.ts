import { byteLength, show } from "../connection/check.js";

/** A table, as a user names it: `"articles"`, `"shop.articles"`, or in parts when a name has a dot. */
export type TableInput = string | { readonly schema?: string | undefined; readonly name: string };

/** A table's name, and that of the schema (MySQL: database) that it is in, if it was said. */
export interface TableName {
  readonly schema: string | undefined;
  readonly name: string;
}

/** The longest name of an outbox, in bytes: indexes, triggers and functions are named after it, and may have 63 in PostgreSQL. */
const MAX_OUTBOX = 40;

/** The longest identifier of all databases that have a limit: PostgreSQL's, in bytes. It cuts longer ones without a word. */
const MAX_IDENTIFIER = 63;

const DEFAULT_TABLE = "edgear_outbox";

/** @throws TypeError when it names no table */
export function tableName(input: unknown, what: string): TableName {
  const parts = typeof input === "string" ? split(input, what) : (input as { schema?: unknown; name?: unknown } | null);
  if (typeof parts !== "object" || parts === null)
    throw new TypeError(`${what} must be a name, or { schema, name }, not ${show(input)}`);
  const { schema, name } = parts;
  checkIdentifier(name, what);
  if (schema !== undefined) checkIdentifier(schema, `the schema of ${what}`);
  return { schema: schema as string | undefined, name: name as string };
}

/** As `tableName`, for the outbox's own table. */
export function outboxTable(input: unknown = DEFAULT_TABLE): TableName {
  const table = tableName(input, "the outbox's table");
  if (byteLength(table.name) > MAX_OUTBOX)
    throw new TypeError(
      `the outbox's table may have a name of ${MAX_OUTBOX} bytes at most, as others are named after it: ${show(table.name)}`,
    );
  return table;
}

/** @throws TypeError when it can't be a name in any database */
export function checkIdentifier(name: unknown, what: string): asserts name is string {
  if (typeof name !== "string" || name === "" || name.includes("\0") || !name.isWellFormed())
    throw new TypeError(`${what} must have a name that is text, without a NUL, and not empty: ${show(name)}`);
  if (byteLength(name) > MAX_IDENTIFIER)
    throw new TypeError(`${what} may have a name of ${MAX_IDENTIFIER} bytes at most: ${show(name)}`);
}

function split(text: string, what: string): TableName {
  const parts = text.split(".");
  if (parts.length > 2) throw new TypeError(`${what} has several dots: give { schema, name } instead of ${show(text)}`);
  return parts.length === 2 ? { schema: parts[0], name: parts[1] as string } : { schema: undefined, name: text };
}

/** A name of the outbox's own: `edgear_outbox_state`. */
export function derived({ schema, name }: TableName, suffix: string): TableName {
  return { schema, name: `${name}_${suffix}` };
}

/** A trigger's name where a schema has all of them. One that would be too long is cut, and told apart by a hash. */
export function triggerName(outbox: TableName, table: TableName, event: string): string {
  const name = `${outbox.name}_${table.name}_${event}`;
  if (byteLength(name) <= MAX_IDENTIFIER) return name;
  const tail = `_${hash(name)}_${event}`;
  let head = `${outbox.name}_${table.name}`;
  while (byteLength(head) + tail.length > MAX_IDENTIFIER) head = [...head].slice(0, -1).join("");
  return head + tail;
}

/** FNV-1a, of 32 bits. */
function hash(text: string): string {
  let value = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(text)) value = Math.imul(value ^ byte, 0x01000193);
  return (value >>> 0).toString(36);
}

/** An identifier in SQL's own quotes: PostgreSQL, SQLite and D1. */
export function doubleQuoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A text as SQL's literal, where a backslash means itself: PostgreSQL, SQLite and D1. */
export function literal(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** A table's name in quotes, its schema included. */
export function qualified({ schema, name }: TableName, quote: (name: string) => string = doubleQuoted): string {
  return schema === undefined ? quote(name) : `${quote(schema)}.${quote(name)}`;
}

/**
 * What the uniques of an outbox's rows begin with, by default: made once, when it is installed. Row 7 of another database that
 * uses the same job server must not be taken for this one's.
 */
export function newOrigin(): string {
  const random = crypto.getRandomValues(new Uint8Array(10));
  return [...random].map((byte) => (byte % 36).toString(36)).join("");
}
