/*
 * sfGearmanPlugin (symfony 1): scalars go as their text, everything else by PHP's serialize(). Who reads can't tell text
 * from what was serialized but by trying, and so does this, as the plugin does.
 */
import { strictText } from "../bytes.js";
import type { Payload } from "../payload.js";
import type { Job } from "../worker/job.js";
import type { UnserializeOptions } from "./options.js";
import { asText } from "./scalar.js";
import { serialize } from "./serialize.js";
import { unserialize } from "./unserialize.js";

/** A workload, as sfGearmanClient sends it; and a result, as its workers do. */
function encode(value: unknown): string | Uint8Array {
  return asText(value) ?? serialize(value);
}

/**
 * What came: the value that was serialized, or the text itself (bytes where it is no UTF-8). Limits that are exceeded
 * are errors, as what was meant is clear then.
 * @throws RangeError as `unserialize`
 */
function decode(payload: Payload, options: UnserializeOptions = {}): unknown {
  try {
    return unserialize(payload, options);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
  }
  return strictText(payload.bytes) ?? payload.bytes;
}

/** sfGearmanPlugin's clients and workers. */
export const sfGearman = {
  /** A workload for its workers: `client.run("hash", sfGearman.workload(["a", 1]))`. */
  workload: encode,
  /** A result of its workers. */
  result: decode,
  /** A handler for its clients' jobs: gets the value, and gives one. */
  handler(
    handle: (value: unknown, job: Job) => unknown,
    options: UnserializeOptions = {},
  ): (job: Job) => Promise<string | Uint8Array> {
    return async (job) => encode(await handle(decode(job.workload, options), job));
  },
};
