import { derived, doubleQuoted, literal, newOrigin, qualified, type TableName } from "../names.js";
import type { Watch } from "../store.js";

/** What PostgreSQL's body of a function stands in: nothing in it may end that. */
const BODY = "$edgear$";

/** Two installs at once would trip over each other: `IF NOT EXISTS` looks first, and makes then. */
const ALONE = "SELECT pg_advisory_xact_lock(hashtextextended('edgear/outbox/install', 0))";

/** The SQL that makes an outbox. @param notify whether whoever listens is told of new rows */
export function installSql(table: TableName, notify: boolean): string[] {
  const rows = qualified(table);
  const state = qualified(derived(table, "state"));
  return [
    ALONE,
    `CREATE TABLE IF NOT EXISTS ${rows} (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  function_name text NOT NULL,
  workload bytea NOT NULL DEFAULT '',
  unique_id text,
  priority text NOT NULL DEFAULT 'normal' CHECK (priority IN ('high', 'normal', 'low')),
  run_at bigint,
  state smallint NOT NULL DEFAULT 0,
  reason text,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  settled_at timestamptz,
  losses integer NOT NULL DEFAULT 0
)`,
    columnSql(table, "losses", "integer NOT NULL DEFAULT 0"),
    `CREATE INDEX IF NOT EXISTS ${doubleQuoted(`${table.name}_pending`)} ON ${rows} (state, id)`,
    `CREATE TABLE IF NOT EXISTS ${state} (name text PRIMARY KEY, value text NOT NULL)`,
    `INSERT INTO ${state} (name, value) VALUES ('origin', ${literal(newOrigin())}) ON CONFLICT (name) DO NOTHING`,
    ...notifySql(table, notify),
    recordFunction(table),
  ];
}

/** Adds a column to tables that were made without. `IF NOT EXISTS` would wait for all who write, even where it is there. */
function columnSql(table: TableName, column: string, type: string): string {
  const rows = qualified(table);
  return `DO ${BODY}
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_attribute
    WHERE attrelid = ${literal(rows)}::regclass AND attname = ${literal(column)} AND NOT attisdropped) THEN
    ALTER TABLE ${rows} ADD COLUMN ${doubleQuoted(column)} ${type};
  END IF;
END
${BODY}`;
}

/** New rows wake the relay by NOTIFY, whoever writes them. A trigger that is there is left alone: to make it anew would wait for all who write. */
function notifySql(table: TableName, notify: boolean): string[] {
  const rows = qualified(table);
  const name = derived(table, "notify");
  const trigger = doubleQuoted(name.name);
  if (!notify) return [`DROP TRIGGER IF EXISTS ${trigger} ON ${rows}`];
  return [
    `CREATE OR REPLACE FUNCTION ${qualified(name)}() RETURNS trigger LANGUAGE plpgsql AS ${BODY}
BEGIN
  PERFORM pg_catalog.pg_notify(TG_ARGV[0], '');
  RETURN NULL;
END
${BODY}`,
    `DO ${BODY}
BEGIN
  IF NOT EXISTS (SELECT FROM pg_catalog.pg_trigger WHERE tgrelid = ${literal(rows)}::regclass AND tgname = ${literal(name.name)}) THEN
    CREATE TRIGGER ${trigger} AFTER INSERT ON ${rows}
      FOR EACH STATEMENT EXECUTE FUNCTION ${qualified(name)}(${literal(table.name)});
  END IF;
END
${BODY}`,
  ];
}

/**
 * What record triggers call: with the function, the priority, and the table's name. Fields are told apart as text, as 1.0 and
 * 1.00 are equal numbers and not the same record. How values are written must not depend on who writes them.
 */
function recordFunction(table: TableName): string {
  return `CREATE OR REPLACE FUNCTION ${qualified(derived(table, "record"))}() RETURNS trigger LANGUAGE plpgsql
SET search_path FROM CURRENT SET bytea_output = 'hex' SET timezone = 'UTC' SET extra_float_digits = 1 AS ${BODY}
DECLARE
  fields jsonb := to_jsonb(CASE WHEN TG_OP = 'DELETE' THEN OLD ELSE NEW END);
  modified json := '[]';
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT coalesce(json_agg(key), '[]') INTO modified FROM jsonb_object_keys(fields) AS key;
  ELSIF TG_OP = 'UPDATE' THEN
    SELECT json_agg(key) INTO modified FROM jsonb_each(fields) AS field
      WHERE value::text IS DISTINCT FROM (to_jsonb(OLD) -> key)::text;
    IF modified IS NULL THEN
      RETURN NULL;
    END IF;
  END IF;
  INSERT INTO ${qualified(table)} (function_name, priority, workload) VALUES (TG_ARGV[0], TG_ARGV[1], convert_to(
    json_build_object('table', TG_ARGV[2], 'event', lower(TG_OP), 'record', fields, 'modified', modified)::text, 'UTF8'));
  RETURN NULL;
END
${BODY}`;
}

/** The SQL that removes an outbox: its triggers go with the function that they call. */
export function uninstallSql(table: TableName): string[] {
  return [
    ALONE,
    `DROP FUNCTION IF EXISTS ${qualified(derived(table, "record"))}() CASCADE`,
    `DROP TABLE IF EXISTS ${qualified(table)}, ${qualified(derived(table, "state"))}`,
    `DROP FUNCTION IF EXISTS ${qualified(derived(table, "notify"))}()`,
  ];
}

export function watchSql(outbox: TableName, { table, label, on, function: job, priority }: Watch): string[] {
  const args = [job, priority, label].map(literal).join(", ");
  return [
    ...unwatchSql(outbox, table),
    `CREATE TRIGGER ${doubleQuoted(`${outbox.name}_record`)} AFTER ${on.join(" OR ").toUpperCase()} ON ${qualified(table)}
  FOR EACH ROW EXECUTE FUNCTION ${qualified(derived(outbox, "record"))}(${args})`,
  ];
}

export function unwatchSql(outbox: TableName, table: TableName): string[] {
  return [`DROP TRIGGER IF EXISTS ${doubleQuoted(`${outbox.name}_record`)} ON ${qualified(table)}`];
}
