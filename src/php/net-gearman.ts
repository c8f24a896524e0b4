/*
 * Net_Gearman (PEAR): a workload that is no scalar goes as JSON, a scalar as its text; a result is always a JSON array of
 * PHP's, and a worker that gives something else has it put into one, as `result`.
 */
import type { Payload } from "../payload.js";
import type { Job } from "../worker/job.js";
import { asText } from "./scalar.js";

function encode(value: unknown): string | Uint8Array {
  return asText(value) ?? JSON.stringify(value ?? null);
}

/** What PHP's worker is given: nothing is an empty array, and what is no JSON is the text itself. */
function argument(payload: Payload): unknown {
  if (payload.bytes.length === 0) return [];
  const text = payload.text();
  try {
    return JSON.parse(text) ?? text;
  } catch {
    return text;
  }
}

/** Net_Gearman's clients and workers. */
export const netGearman = {
  /** A workload for its workers. */
  workload: encode,
  /** What a job's workload holds. */
  argument,
  /** A result of its workers, or of GearmanManager's; `null` when it is no JSON, as there. */
  result(payload: Payload): unknown {
    try {
      return payload.json();
    } catch {
      return null;
    }
  },
  /** A handler for its clients' jobs: gets the argument, and gives a result. */
  handler(handle: (argument: unknown, job: Job) => unknown): (job: Job) => Promise<string> {
    return async (job) => {
      const result = await handle(argument(job.workload), job);
      return JSON.stringify(typeof result === "object" && result !== null ? result : { result: result ?? null });
    };
  },
};
