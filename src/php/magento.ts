/*
 * The Gearman module for Magento 1: a task is a PHP array (`id`, `payload`, maybe `callback`), serialized; without the
 * Gearman extension it goes by Net_Gearman, as JSON, in a list of its own. A result is serialized in either case.
 */
import type { Payload } from "../payload.js";
import type { Job } from "../worker/job.js";
import { parseList } from "./json.js";
import type { UnserializeOptions } from "./options.js";
import { serialize } from "./serialize.js";
import { unserialize } from "./unserialize.js";
import { isPlain } from "./values.js";

/** A task as the module's examples have it; what it holds is up to the shop. */
export interface MagentoTask {
  id?: unknown;
  payload?: unknown;
  /** Where to call when it is done: see docs/callbacks.md. */
  callback?: string;
  [name: string]: unknown;
}

/** @throws TypeError when it isn't a task, SyntaxError and RangeError as `unserialize`, of JSON too */
function task(payload: Payload, options: UnserializeOptions = {}): MagentoTask {
  const value = payload.bytes[0] === 0x5b ? parseList(payload, options)[0] : unserialize(payload, options);
  if (typeof value !== "object" || value === null || !isPlain(value))
    throw new TypeError(
      value instanceof Map
        ? 'a task of Magento\'s is an object: take arrays as "object"'
        : "a task of Magento's must be an array with names, as in ['id' => 1234]",
    );
  return value as MagentoTask;
}

/** The clients and workers of Magento's module. */
export const magento = {
  /** A workload for its workers. */
  workload: (value: MagentoTask): Uint8Array => serialize(value),
  /** A task, out of a job's workload. */
  task,
  /** A result of its workers. */
  result: (payload: Payload, options: UnserializeOptions = {}): unknown => unserialize(payload, options),
  /** A handler for its clients' jobs: gets the task, and gives what `blockingCall` returns in PHP. */
  handler(
    handle: (task: MagentoTask, job: Job) => unknown,
    options: UnserializeOptions = {},
  ): (job: Job) => Promise<Uint8Array> {
    return async (job) => serialize(await handle(task(job.workload, options), job));
  },
};
