import { derived, newOrigin, qualified, type TableName, triggerName } from "../names.js";
import { RECORD_EVENTS, type RecordEvent, type Watch } from "../store.js";

/** A column of a table that is watched, as information_schema has it. */
export interface Column {
  readonly name: string;
  /** In lower case: `varchar`. */
  readonly type: string;
}

const TEXTS = new Set(["char", "varchar", "tinytext", "text", "mediumtext", "longtext", "enum", "set"]);
const BYTES = new Set(["binary", "varbinary", "tinyblob", "blob", "mediumblob", "longblob"]);
const SHAPES = new Set([
  ...["geometry", "point", "linestring", "polygon", "multipoint", "multilinestring", "multipolygon"],
  ...["geometrycollection", "geomcollection"],
]);

/**
 * How a trigger reads its texts is settled when it is made: backslashes escape, double quotes are texts, and what doesn't fit is
 * an error instead of being cut.
 */
const MODE = ["SET NAMES utf8mb4", "SET SESSION sql_mode = 'STRICT_ALL_TABLES'"];

/** An identifier in MySQL's quotes. */
export function quoted(name: string): string {
  return `\`${name.replaceAll("`", "``")}\``;
}

export function mysqlTable(table: TableName): string {
  return qualified(table, quoted);
}

function literal(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "''")}'`;
}

/** The SQL that makes an outbox. */
export function installSql(table: TableName): string[] {
  const state = mysqlTable(derived(table, "state"));
  const options = "ENGINE = InnoDB DEFAULT CHARSET = utf8mb4 COLLATE = utf8mb4_bin";
  return [
    ...MODE,
    `CREATE TABLE IF NOT EXISTS ${mysqlTable(table)} (
  id bigint unsigned NOT NULL AUTO_INCREMENT PRIMARY KEY,
  function_name varchar(8000) NOT NULL,
  workload longblob NOT NULL,
  unique_id varchar(255),
  priority varchar(6) NOT NULL DEFAULT 'normal' CHECK (priority IN ('high', 'normal', 'low')),
  run_at bigint,
  state tinyint NOT NULL DEFAULT 0,
  reason text,
  created_at timestamp(3) NOT NULL DEFAULT CURRENT_TIMESTAMP(3),
  settled_at timestamp(3) NULL DEFAULT NULL,
  losses tinyint unsigned NOT NULL DEFAULT 0,
  KEY ${quoted(`${table.name}_pending`)} (state, id)
) ${options}`,
    ...columnSql(table, "losses", "tinyint unsigned NOT NULL DEFAULT 0"),
    `CREATE TABLE IF NOT EXISTS ${state} (name varchar(40) NOT NULL PRIMARY KEY, value varchar(255) NOT NULL) ${options}`,
    `INSERT IGNORE INTO ${state} (name, value) VALUES ('origin', ${literal(newOrigin())})`,
  ];
}

/** Adds a column to tables that were made without: MySQL, other than MariaDB, has no way to say it in one statement. */
function columnSql(table: TableName, column: string, type: string): string[] {
  const place = table.schema === undefined ? "DATABASE()" : literal(table.schema);
  const alter = `ALTER TABLE ${mysqlTable(table)} ADD COLUMN ${quoted(column)} ${type}`;
  return [
    `SET @edgear_column = (SELECT IF(COUNT(*) = 0, ${literal(alter)}, 'DO 0') FROM information_schema.COLUMNS
  WHERE TABLE_SCHEMA = ${place} AND TABLE_NAME = ${literal(table.name)} AND COLUMN_NAME = ${literal(column)})`,
    "PREPARE edgear_column FROM @edgear_column",
    "EXECUTE edgear_column",
    "DEALLOCATE PREPARE edgear_column",
  ];
}

/** The SQL that removes an outbox. @param triggers its record triggers, each with the schema that it is in */
export function uninstallSql(table: TableName, triggers: readonly TableName[]): string[] {
  return [
    ...triggers.map((trigger) => `DROP TRIGGER IF EXISTS ${mysqlTable(trigger)}`),
    `DROP TABLE IF EXISTS ${mysqlTable(table)}, ${mysqlTable(derived(table, "state"))}`,
  ];
}

/** The SQL that makes the triggers of a table anew; nobody changes it meanwhile, so that no change goes unseen. */
export function watchSql(outbox: TableName, watch: Watch, columns: readonly Column[]): string[] {
  return [
    ...MODE,
    `LOCK TABLES ${mysqlTable(watch.table)} WRITE`,
    ...unwatchSql(outbox, watch.table),
    ...watch.on.map((event) => trigger(outbox, watch, event, columns)),
    "UNLOCK TABLES",
  ];
}

export function unwatchSql(outbox: TableName, table: TableName): string[] {
  return RECORD_EVENTS.map((event) => {
    const name = { schema: table.schema, name: triggerName(outbox, table, event) };
    return `DROP TRIGGER IF EXISTS ${mysqlTable(name)}`;
  });
}

function trigger(outbox: TableName, watch: Watch, event: RecordEvent, columns: readonly Column[]): string {
  const { table, label, function: job, priority } = watch;
  const name = mysqlTable({ schema: table.schema, name: triggerName(outbox, table, event) });
  const record = event === "delete" ? "OLD" : "NEW";
  const fields = columns.map((column) => `${literal(column.name)}, ${value(record, column)}`);
  const head = `{"table":${JSON.stringify(label)},"event":"${event}","record":`;
  return `CREATE TRIGGER ${name} AFTER ${event.toUpperCase()} ON ${mysqlTable(table)} FOR EACH ROW
INSERT INTO ${mysqlTable(outbox)} (function_name, priority, workload)
SELECT ${literal(job)}, ${literal(priority)}, CONVERT(CONCAT(${literal(head)},
  JSON_OBJECT(${fields.join(", ")}),
  ',"modified":[', ${modified(event, columns)}, ']}') USING utf8mb4) FROM DUAL${
    event === "update" ? `\nWHERE ${columns.map(changed).join("\n  OR ")}` : ""
  }`;
}

function modified(event: RecordEvent, columns: readonly Column[]): string {
  const names = columns.map(({ name }) => literal(JSON.stringify(name)));
  if (event === "delete") return "''";
  if (event === "insert") return `CONCAT_WS(',', ${names.join(", ")})`;
  const each = columns.map((column, index) => `IF(${changed(column)}, ${names[index]}, NULL)`);
  return `CONCAT_WS(',', ${each.join(",\n    ")})`;
}

/** A field as JSON has it: bytes as PostgreSQL writes them in hexadecimal, shapes as their well-known text. */
function value(record: string, { name, type }: Column): string {
  const field = `${record}.${quoted(name)}`;
  if (BYTES.has(type)) return `CONCAT(CHAR(92 USING utf8mb4), 'x', LOWER(HEX(${field})))`;
  if (SHAPES.has(type)) return `ST_AsText(${field})`;
  return type === "bit" ? `${field} + 0` : field;
}

/** Whether an update changed a field. Texts are compared as bytes: to their collation, "a" and "A" may be equal. */
function changed({ name, type }: Column): string {
  const [before, after] = ["OLD", "NEW"].map((record) => {
    const field = `${record}.${quoted(name)}`;
    if (TEXTS.has(type)) return `CAST(${field} AS BINARY)`;
    return type === "json" ? `CAST(${field} AS CHAR)` : field;
  });
  return `NOT (${before} <=> ${after})`;
}

/** Ids, as numbers: compared with texts, they would not be looked up in the index. */
export function numbers(ids: readonly string[]): string {
  return ids.map((id) => BigInt(id)).join(", ");
}
