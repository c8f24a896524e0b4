import { strictText, toBase64 } from "../bytes.js";
import { checkMilliseconds, checkOptions, show } from "../connection/check.js";
import { harmless } from "../events.js";
import { Payload } from "../payload.js";
import type { Job, Outcome } from "../worker/job.js";
import { messageOf } from "../worker/message.js";
import { checkCount } from "../worker/options.js";
import { allows, checkNetworks } from "./addresses.js";
import { type Posting, post } from "./post.js";
import { callbackKey } from "./sign.js";
import { hostsOf, targetOf } from "./target.js";

/** Options of `withCallback`. Times are in milliseconds. */
export interface CallbackOptions {
  /** The hosts that callbacks may go to, `"host"` or `"host:port"`: no others, and no wildcards. */
  hosts: readonly string[];
  /** Signs them: `whsec_` and 24 or more random bytes in base64. */
  secret: string;
  /**
   * Where a job's callback goes; `undefined` if nowhere. Default: the `callback` of a workload
   * that is a JSON object, as it came: before the worker's validator.
   */
  url?: ((job: Job) => string | undefined) | undefined;
  /** Private addresses and networks (`"10.0.0.0/8"`) that hosts may be at. Default: none. */
  addresses?: readonly string[] | undefined;
  /** How often a callback is tried in all, from 1; default 4. */
  attempts?: number | undefined;
  /** How long each try may take; default 5,000. */
  timeout?: number | undefined;
  /** Before the second try; default 500, doubled for each further one. */
  backoff?: number | undefined;
  /** Certificates of the authorities to trust, PEM, in the place of the runtime's. */
  ca?: string | undefined;
  /** Is told of callbacks that could not be delivered. The job's result is what it is all the same. */
  onError?: ((error: Error, job: Job) => void) | undefined;
}

/** Results above it are told of by their size alone. */
const LARGEST_RESULT = 4 * 1024 * 1024;

/**
 * A handler whose jobs have their outcome posted to the URL that they name. A job ends behind that: a worker that dies in
 * between has the job worked off again, and called back again.
 *
 * A job whose callback may not be called (no https, a host that isn't listed) fails before its handler is called.
 * @throws TypeError when an option is wrong
 */
export function withCallback<Workload, Result>(
  handler: (job: Job<Workload>) => Result,
  options: CallbackOptions,
): (job: Job<Workload>) => Promise<Awaited<Result>> {
  if (typeof handler !== "function") throw new TypeError(`the handler must be a function, not ${show(handler)}`);
  const { url, hosts, posting, onError } = check(options);
  let ready: Promise<Posting> | undefined;
  const deliver = async (job: Job, target: URL, outcome: Outcome) => {
    try {
      ready ??= posting();
      await post(target, bodyOf(job, outcome), await ready, job.gone);
    } catch (cause) {
      const words = `the callback for the job ${job.handle} was not delivered: ${messageOf(cause)}`;
      harmless(() => onError?.(new Error(words, { cause }), job));
    }
  };
  return async (job: Job<Workload>): Promise<Awaited<Result>> => {
    const callback = url(job);
    if (callback !== undefined) {
      const target = targetOf(callback, hosts);
      const { ending } = job;
      job.ending = async (outcome) => {
        await ending?.(outcome);
        await deliver(job, target, outcome);
      };
    }
    return await handler(job);
  };
}

const CODES = { fail: "JOB_FAILED", exception: "JOB_EXCEPTION" } as const;

/** What is posted: as the HTTP door's callbacks, word for word. */
function bodyOf(job: Job, outcome: Outcome): string {
  const { handle, server, unique, function: name } = job;
  const told =
    outcome.end === "complete"
      ? { result: toldOf(outcome.result) }
      : { error: { code: CODES[outcome.end], message: messageOf(outcome.error) } };
  const data = { handle, server, unique, function: name, ...told };
  return JSON.stringify({ type: `job.${outcome.end}`, timestamp: new Date().toISOString(), data });
}

function toldOf(result: string | Uint8Array): object {
  const bytes = typeof result === "string" ? new TextEncoder().encode(result) : result;
  if (bytes.length > LARGEST_RESULT) return { size: bytes.length };
  const text = strictText(bytes);
  return text === undefined ? { base64: toBase64(bytes) } : { text };
}

/** What JSON takes before a value, and a byte order mark, which readers of text pass over. */
const BLANK = new Set([0x20, 0x09, 0x0a, 0x0d, 0xef, 0xbb, 0xbf]);

/** The `callback` of a workload that is a JSON object. */
function callbackOf(job: Job): string | undefined {
  const { bytes } = job.workload;
  // Of what is no object it isn't asked: most workloads are none, and some are large.
  if (bytes[bytes.findIndex((byte) => !BLANK.has(byte))] !== 0x7b) return undefined;
  try {
    // Of the bytes that came: what the worker's validator made of them may have no callback any more, or another one.
    return (new Payload(bytes).json() as { callback?: string }).callback ?? undefined;
  } catch {
    return undefined;
  }
}

function check(options: CallbackOptions) {
  const known = ["hosts", "secret", "url", "addresses", "attempts", "timeout", "backoff", "ca", "onError"];
  checkOptions(options ?? {}, "withCallback", known);
  const { secret, url = callbackOf, addresses = [], attempts = 4, timeout = 5_000, backoff = 500 } = options ?? {};
  const { ca, onError } = options ?? {};
  const hosts = hostsOf(options?.hosts);
  const key = callbackKey(secret);
  for (const [name, each] of Object.entries({ url, onError }))
    if (each !== undefined && typeof each !== "function")
      throw new TypeError(`${name} must be a function, not ${show(each)}`);
  checkNetworks(addresses);
  checkCount(attempts, "attempts");
  checkMilliseconds(timeout, "timeout", 1);
  checkMilliseconds(backoff, "backoff");
  if (ca !== undefined && typeof ca !== "string") throw new TypeError(`ca must be PEM, a string, not ${show(ca)}`);
  const posting = async (): Promise<Posting> => {
    return { key, allowed: await allows(addresses), attempts, timeout, backoff, ca };
  };
  return { url, hosts, posting, onError };
}
