import { checkBackground, type Priority, Uniques } from "../client/submission.js";
import { DEFAULT_MAX_PACKET_SIZE } from "../codec/codec.js";
import { checkOptions } from "../connection/check.js";
import type { PayloadInput } from "../payload.js";

/** Options of `outbox.add`. */
export interface AddOptions {
  /** Default `"normal"`. */
  priority?: Priority | undefined;
  /**
   * The job's unique; 63 bytes at most. Default: the row's own, made of the outbox's prefix and the row's id. Give one only
   * to have jobs of equal uniques become one.
   */
  unique?: string | undefined;
  /** When the job may run, to the second (rounded up). The row is relayed at once, and gearmand waits. Such a job's priority is always normal. */
  at?: Date | number | undefined;
  /** In how many milliseconds from now the job may run; otherwise as `at`. */
  delay?: number | undefined;
}

/** A row as it is written. */
export interface NewRow {
  readonly function: string;
  readonly workload: Uint8Array;
  readonly unique: string | null;
  readonly priority: Priority;
  /** Milliseconds since 1970. */
  readonly at: number | null;
}

/** A row as it is relayed. Ids are text, as not every driver has numbers for all of them. */
export interface OutboxRow extends NewRow {
  readonly id: string;
  /** How often it has cost the connection to the job server. */
  readonly losses: number;
}

const encoder = new TextEncoder();

/** Made when it is needed: a Cloudflare Worker may make nothing by chance before it has a request. */
let uniques: Uniques | undefined;

/**
 * Checks what is to be written as strictly as a submit is: what gearmand would refuse must not come to the relay.
 * @throws TypeError in words
 */
export function newRow(name: string, workload: PayloadInput, options: AddOptions = {}): NewRow {
  checkOptions(options, "add", ["priority", "unique", "at", "delay"]);
  const { priority = "normal", unique, at, delay } = options;
  uniques ??= new Uniques();
  const defaults = { uniques, maxPacketSize: DEFAULT_MAX_PACKET_SIZE };
  const { workload: wire } = checkBackground(name, workload, options, defaults);
  if (unique === "")
    throw new TypeError('unique must not be "": a row that is relayed twice is one job by its unique. Leave it out');
  const time = delay === undefined ? at : Date.now() + delay;
  return {
    function: name,
    workload: typeof wire === "string" ? encoder.encode(wire) : wire,
    unique: unique ?? null,
    priority,
    at: time === undefined ? null : Math.max(0, Math.ceil(Number(time))),
  };
}

/** Columns as the stores select them. */
export interface SelectedRow {
  /** Not `id`: rows would be ordered by this text then, and not by the number. */
  readonly row_id: string | number | bigint;
  readonly function_name: string;
  readonly workload: Uint8Array | ArrayBuffer | readonly number[] | string;
  readonly unique_id: string | null;
  readonly priority: string;
  readonly run_at: string | number | bigint | null;
  readonly losses: string | number | bigint;
}

/** A row that was set aside, as the stores select it. */
export interface SelectedAside {
  readonly row_id: string | number | bigint;
  readonly function_name: string;
  readonly reason: string | null;
}

export function readAside({ row_id: id, function_name, reason }: SelectedAside) {
  return { id: String(id), function: function_name, reason: reason ?? "" };
}

/** What a driver gave, as a row. */
export function readRow(selected: SelectedRow): OutboxRow {
  return {
    id: String(selected.row_id),
    function: selected.function_name,
    workload: bytes(selected.workload),
    unique: selected.unique_id,
    // What isn't one of the words is refused by the client, and set aside.
    priority: selected.priority as Priority,
    at: selected.run_at === null ? null : Number(selected.run_at),
    losses: Number(selected.losses),
  };
}

/** SQLite keeps as text what was inserted as text, whatever the column says; D1 gives bytes as a list. */
function bytes(value: SelectedRow["workload"]): Uint8Array {
  if (typeof value === "string") return encoder.encode(value);
  if (value instanceof Uint8Array) return value;
  return new Uint8Array(value);
}
