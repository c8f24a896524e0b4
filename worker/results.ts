import type { Client, Task } from "edgear";
import { isTooLarge, resultTooLarge } from "./problem.js";
import { amount, type Env, makeClient } from "./settings.js";

/** What a packet with a result has besides: the job's handle, and a NUL. */
const HANDLE_SIZE = 64;

/** A client for a request that waits for a result: none larger than `most` bytes, or than what is sent, is read. */
export function makeRunner(env: Env, workload: Uint8Array, most = amount(env, "MAX_RESULT_BYTES")): Client {
  const client = makeClient(env, { maxPacketSize: Math.max(most, workload.length) + HANDLE_SIZE });
  // Otherwise a job with a `unique` would be submitted again, and done again, for a result that is as large as before.
  client.on("disconnect", ({ error }) => {
    if (isTooLarge(error)) client.destroy();
  });
  return client;
}

/** @throws Problem when the result is too large; and what the job ends with otherwise */
export async function resultOf(
  env: Env,
  task: Task,
  most = amount(env, "MAX_RESULT_BYTES"),
): Promise<Uint8Array<ArrayBuffer>> {
  const { bytes } = await task.result;
  if (bytes.length > most) throw resultTooLarge((await task.handle).handle);
  return bytes as Uint8Array<ArrayBuffer>;
}
