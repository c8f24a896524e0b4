import { derived, doubleQuoted, literal, newOrigin, qualified, type TableName, triggerName } from "../names.js";
import { RECORD_EVENTS, type RecordEvent, type Watch } from "../store.js";

/** Milliseconds since 1970, in SQLites of any age. */
export const NOW = "CAST((julianday('now') - 2440587.5) * 86400000.0 AS INTEGER)";

/**
 * The SQL that makes an outbox. An id is never used twice (AUTOINCREMENT), as jobs have it in their uniques.
 * @param columns those of the table that is there; none when it isn't, or nobody knows
 */
export function installSql(table: TableName, columns: readonly string[]): string[] {
  const rows = qualified(table);
  const state = qualified(derived(table, "state"));
  const index = qualified(derived(table, "pending"));
  return [
    `CREATE TABLE IF NOT EXISTS ${rows} (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  function_name TEXT NOT NULL,
  workload BLOB NOT NULL DEFAULT x'',
  unique_id TEXT,
  priority TEXT NOT NULL DEFAULT 'normal' CHECK (priority IN ('high', 'normal', 'low')),
  run_at INTEGER,
  state INTEGER NOT NULL DEFAULT 0,
  reason TEXT,
  created_at INTEGER NOT NULL DEFAULT (${NOW}),
  settled_at INTEGER,
  losses INTEGER NOT NULL DEFAULT 0
)`,
    ...(columns.length > 0 && !columns.includes("losses")
      ? [`ALTER TABLE ${rows} ADD COLUMN losses INTEGER NOT NULL DEFAULT 0`]
      : []),
    `CREATE INDEX IF NOT EXISTS ${index} ON ${doubleQuoted(table.name)} (state, id)`,
    `CREATE TABLE IF NOT EXISTS ${state} (
  name TEXT PRIMARY KEY, value TEXT NOT NULL, until INTEGER NOT NULL DEFAULT 0
)`,
    `INSERT OR IGNORE INTO ${state} (name, value) VALUES ('origin', ${literal(newOrigin())}), ('leader', '')`,
  ];
}

/** The SQL that removes an outbox, with its record triggers. */
export function uninstallSql(table: TableName, triggers: readonly string[]): string[] {
  return [
    ...triggers.map((name) => `DROP TRIGGER IF EXISTS ${qualified({ schema: table.schema, name })}`),
    `DROP TABLE IF EXISTS ${qualified(table)}`,
    `DROP TABLE IF EXISTS ${qualified(derived(table, "state"))}`,
  ];
}

export function watchSql(outbox: TableName, watch: Watch, columns: readonly string[]): string[] {
  return [...unwatchSql(outbox, watch.table), ...watch.on.map((event) => trigger(outbox, watch, event, columns))];
}

export function unwatchSql(outbox: TableName, table: TableName): string[] {
  return RECORD_EVENTS.map((event) => {
    const name = { schema: table.schema, name: triggerName(outbox, table, event) };
    return `DROP TRIGGER IF EXISTS ${qualified(name)}`;
  });
}

function trigger(outbox: TableName, watch: Watch, event: RecordEvent, columns: readonly string[]): string {
  const { table, label, function: job, priority } = watch;
  const name = qualified({ schema: table.schema, name: triggerName(outbox, table, event) });
  const record = event === "delete" ? "OLD" : "NEW";
  const head = `{"table":${JSON.stringify(label)},"event":"${event}","record":{`;
  const workload = join("||", [
    literal(head),
    ...columns.map((column, index) => {
      const key = literal(`${index === 0 ? "" : ","}${JSON.stringify(column)}:`);
      return `(${key} || ${value(record, column)})`;
    }),
    literal('},"modified":['),
    modified(event, columns),
    literal("]}"),
  ]);
  const when = event === "update" ? `\n  WHEN ${join("OR", columns.map(changed))}` : "";
  // Neither table may have a schema: a trigger is in its table's, and can't write to another.
  return `CREATE TRIGGER ${name} AFTER ${event.toUpperCase()} ON ${doubleQuoted(table.name)} FOR EACH ROW${when}
BEGIN
  INSERT INTO ${doubleQuoted(outbox.name)} (function_name, priority, workload)
  VALUES (${literal(job)}, ${literal(priority)}, CAST(${workload} AS BLOB));
END`;
}

function modified(event: RecordEvent, columns: readonly string[]): string {
  const names = columns.map((column) => JSON.stringify(column));
  if (event !== "update") return literal(event === "insert" ? names.join(",") : "");
  const each = columns.map(
    (column, index) => `(CASE WHEN ${changed(column)} THEN ${literal(`,${names[index]}`)} ELSE '' END)`,
  );
  return `substr(${join("||", each)}, 2)`;
}

/** A field as JSON has it: bytes as PostgreSQL writes them in hexadecimal. */
function value(record: string, column: string): string {
  const field = `${record}.${doubleQuoted(column)}`;
  return `CASE typeof(${field}) WHEN 'blob' THEN '"\\\\x' || lower(hex(${field})) || '"' ELSE json_quote(${field}) END`;
}

/** Whether an update changed a field: its type counts, and its bytes, whatever its collation makes of them. */
function changed(column: string): string {
  const name = doubleQuoted(column);
  return `(OLD.${name} COLLATE BINARY IS NOT NEW.${name})`;
}

/** Joins expressions as a tree: SQLite's may be 1,000 deep, and D1's 100. */
function join(operator: string, parts: readonly string[]): string {
  if (parts.length <= 2) return parts.join(` ${operator}\n    `);
  const middle = Math.ceil(parts.length / 2);
  return `(${join(operator, parts.slice(0, middle))}) ${operator}\n    (${join(operator, parts.slice(middle))})`;
}
