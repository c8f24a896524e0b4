import { toBase64 } from "../bytes.js";

/** What happened to a record. `upsert`: the ORM doesn't say which of the two it was. */
export type RecordAction = "insert" | "update" | "upsert" | "delete";

/** What is done to a record has names of its own: a job of yours may not look like it. */
export const ACTIONS: readonly string[] = ["insert", "update", "upsert", "delete"] satisfies RecordAction[];

/**
 * The workload of a record's job, as JSON. Dates are ISO 8601 there, a bigint is a string of digits, bytes are base64.
 */
export interface RecordMessage {
  /** The model's name: Prisma's model, TypeORM's entity, Drizzle's table. */
  readonly model: string;
  /** What happened, or the name of a job of yours. */
  readonly action: string;
  /** The primary key's fields; not in a job for the whole table. */
  readonly key?: Readonly<Record<string, unknown>>;
  /** The record: as it is after an insert or update, and as it was before a delete. */
  readonly record?: Readonly<Record<string, unknown>>;
  /** Of an update, the fields (and relations) that were set (Prisma, Drizzle) or have another value now (TypeORM). */
  readonly modified?: readonly string[];
  /** What a job of yours was given. */
  readonly args?: unknown;
}

/** What JSON has no form for. Called with the object that holds the value, as `toJSON` may have changed that already. */
function plain(this: Record<string, unknown>, name: string, value: unknown): unknown {
  const given = this[name];
  if (typeof given === "bigint") return given.toString();
  if (given instanceof Uint8Array) return toBase64(given);
  return value;
}

/** @throws TypeError when there is something in it that has no form in JSON, e.g. a circle */
export function encodeMessage(message: RecordMessage): string {
  return JSON.stringify(message, plain);
}

/** What the outbox's triggers write, of which `recordHandler` makes messages. */
const EVENTS: readonly unknown[] = ["insert", "update", "delete"] satisfies RecordAction[];

/**
 * Reads a message, or what a trigger of the outbox wrote.
 * @throws TypeError, in words, when a workload is neither
 */
export function decodeMessage(text: string): RecordMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`the workload is no record's job: ${(error as Error).message}`, { cause: error });
  }
  const { model, action, key, record, modified, table, event } = Object(message) as Record<string, unknown>;
  const triggered = model === undefined && table !== undefined;
  const wrong =
    (triggered && typeof table !== "string" && "`table` must be a string") ||
    (triggered && !EVENTS.includes(event) && `\`event\` must be one of ${EVENTS.join(", ")}`) ||
    (triggered && record === undefined && "`record` must be an object") ||
    (!triggered && typeof model !== "string" && "`model` must be a string") ||
    (!triggered && typeof action !== "string" && "`action` must be a string") ||
    (!isObject(key, undefined) && "`key` must be an object") ||
    (!isObject(record, undefined) && "`record` must be an object") ||
    (modified !== undefined && !isStrings(modified) && "`modified` must be a list of strings");
  if (wrong) throw new TypeError(`the workload is no record's job: ${wrong}`);
  if (!triggered) return message as RecordMessage;
  // A trigger names all fields of what is inserted.
  const changed = event === "update" && { modified: modified ?? [] };
  return { model: table, action: event, record, ...changed } as RecordMessage;
}

function isObject(value: unknown, otherwise: undefined): boolean {
  return value === otherwise || (typeof value === "object" && value !== null && !Array.isArray(value));
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
