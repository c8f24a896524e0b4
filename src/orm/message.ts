/** What happened to a record. `upsert`: the ORM doesn't say which of the two it was. */
export type RecordAction = "insert" | "update" | "upsert" | "delete";

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
  /** Of an update, the fields that were set (Prisma, Drizzle) or have another value now (TypeORM). */
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

function toBase64(bytes: Uint8Array): string {
  let text = "";
  // `apply` takes a limited number of arguments.
  for (let at = 0; at < bytes.length; at += 8192) text += String.fromCharCode(...bytes.subarray(at, at + 8192));
  return btoa(text);
}

/** @throws TypeError when there is something in it that has no form in JSON, e.g. a circle */
export function encodeMessage(message: RecordMessage): string {
  return JSON.stringify(message, plain);
}

/** @throws TypeError, in words, when a workload is no such message */
export function decodeMessage(text: string): RecordMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch (error) {
    throw new TypeError(`the workload is no record's job: ${(error as Error).message}`, { cause: error });
  }
  const { model, action, key, record, modified } = Object(message) as Record<string, unknown>;
  const wrong =
    (typeof model !== "string" && "`model` must be a string") ||
    (typeof action !== "string" && "`action` must be a string") ||
    (!isObject(key, undefined) && "`key` must be an object") ||
    (!isObject(record, undefined) && "`record` must be an object") ||
    (modified !== undefined && !isStrings(modified) && "`modified` must be a list of strings");
  if (wrong) throw new TypeError(`the workload is no record's job: ${wrong}`);
  return message as RecordMessage;
}

function isObject(value: unknown, otherwise: undefined): boolean {
  return value === otherwise || (typeof value === "object" && value !== null && !Array.isArray(value));
}

function isStrings(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === "string");
}
