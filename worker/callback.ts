import type { BackgroundOptions, JobHandle, Task } from "edgear";
import { callbackKey, callbackPrefix, signCallback } from "edgear/callback";
import type { EdgeContext } from "./context.js";
import { jsonOf } from "./json.js";
import { asRequested, badRequest, loggedProblemOf, misconfigured } from "./problem.js";
import { makeRunner, resultOf } from "./results.js";
import { amount, type Env, list } from "./settings.js";

/** Where a result is to go, and the key that signs it. */
interface Callback {
  readonly url: URL;
  readonly key: Uint8Array<ArrayBuffer>;
}

/** A Worker has 30 seconds after its answer; a second is for whatever comes in between. */
const BUDGET = 29_000;

const ATTEMPTS = 4;

/** An attempt that has less time than this is none. */
const LEAST = 1_000;

/** A result is held several times over while it is signed and sent. */
const LARGEST_RESULT = 4 * 1024 * 1024;

/** Milliseconds until a host must have answered, and before the second attempt (doubled for each further one). */
const ATTEMPT_TIMEOUT = 5_000;
const FIRST_WAIT = 500;

/** @throws Problem when the results can't, or may not, go there */
export function callbackOf(env: Env, callback: string, options: BackgroundOptions): Callback {
  const hosts = hostsOf(env);
  const { CALLBACK_SECRET: secret } = env;
  if (hosts.length === 0 || !secret)
    throw badRequest("callbacks are not taken here: CALLBACK_HOSTS and the secret CALLBACK_SECRET are not set");
  // A URL is read without them, which may be another one than what was meant.
  if (/[\0-\x20\x7f-\x9f\u2028\u2029]/.test(callback))
    throw badRequest(`callback must not have spaces or control characters, as ${show(callback)} has`);
  if (!URL.canParse(callback)) throw badRequest(`callback must be a URL, not ${show(callback)}`);
  const url = new URL(callback);
  if (url.protocol !== "https:") throw badRequest(`callback must be an https:// URL, not ${show(callback)}`);
  if (url.username || url.password) throw badRequest("callback must not have a user name or password");
  if (!hosts.includes(url.host))
    throw badRequest(`callback must be at a host that CALLBACK_HOSTS lists, which ${show(url.host)} is not`);
  if (options.delay !== undefined)
    throw badRequest("a job with a callback can't have a delay: its result is waited for, and that not for long");
  return { url, key: keyOf(secret) };
}

/**
 * Submits a job whose result is waited for, and sent on, behind the answer. Gearman keeps no results: it must be a
 * foreground job, and ends with its connection.
 */
export async function callBack(
  c: EdgeContext,
  callback: Callback,
  name: string,
  workload: Uint8Array,
  options: BackgroundOptions,
): Promise<JobHandle> {
  const most = Math.min(LARGEST_RESULT, amount(c.env, "MAX_RESULT_BYTES"));
  const client = makeRunner(c.env, workload, most);
  const begin = Date.now();
  let job: JobHandle;
  let task: Task;
  try {
    const submit = async () =>
      client.submit(name, workload, { ...options, timeout: amount(c.env, "CALLBACK_TIMEOUT") });
    task = await asRequested(submit());
    job = await task.handle;
  } catch (error) {
    c.executionCtx.waitUntil(client.close());
    throw error;
  }
  const { handle, unique, server } = job;
  const deliver = async () => {
    const { type, result, error } = await outcomeOf(resultOf(c.env, task, most));
    // What is to come may take its time, and needs no job server any more.
    const closed = client.close();
    const data = { handle, server, unique, function: name, ...(error && { error }) };
    const text = JSON.stringify({ type, timestamp: new Date().toISOString(), data });
    // The result comes last, in pieces: before the braces that close `data` and all.
    const parts = result ? [`${text.slice(0, -2)},"result":`, ...jsonOf(result), "}}"] : [text];
    await send(callback, parts, begin);
    await closed;
  };
  c.executionCtx.waitUntil(
    deliver().catch((error: unknown) => console.error(`the callback for the job ${handle} was not delivered:`, error)),
  );
  return job;
}

interface Outcome {
  readonly type: string;
  readonly result?: Uint8Array;
  readonly error?: { code: string; message: string };
}

async function outcomeOf(result: Promise<Uint8Array>): Promise<Outcome> {
  try {
    return { type: "job.complete", result: await result };
  } catch (error) {
    const { code, message } = loggedProblemOf(error);
    const types: Record<string, string> = { JOB_FAILED: "job.fail", JOB_EXCEPTION: "job.exception" };
    return { type: types[code] ?? "job.unknown", error: { code, message } };
  }
}

/** Posts until it is taken, as https://www.standardwebhooks.com has it: each attempt is signed anew, by the same id. */
async function send({ url, key }: Callback, parts: readonly string[], begin: number): Promise<void> {
  const id = `msg_${crypto.randomUUID()}`;
  const prefix = (timestamp: string) => callbackPrefix(id, timestamp);
  // What is signed: the body itself is its end, and not held once more.
  const signed = joined([prefix(now()), ...parts.map((part) => encoder.encode(part))]);
  const body = signed.subarray(prefix(now()).length);
  let reason = "";
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const left = begin + BUDGET - Date.now();
    if (left < LEAST) throw new Error(`the time is over, after: ${reason || "nothing was sent"}`);
    const timestamp = now();
    signed.set(prefix(timestamp));
    try {
      const response = await fetch(url, {
        method: "POST",
        // A redirection may lead anywhere: to a host that isn't listed, for one.
        redirect: "manual",
        headers: {
          "Content-Type": "application/json",
          "User-Agent": "edgear",
          "Webhook-Id": id,
          "Webhook-Timestamp": timestamp,
          "Webhook-Signature": await signCallback(key, signed),
        },
        body,
        signal: AbortSignal.timeout(Math.min(ATTEMPT_TIMEOUT, left)),
      });
      await response.body?.cancel();
      if (response.ok) return;
      reason = `${url.host} answered ${response.status}`;
      if (response.status < 500 && response.status !== 408 && response.status !== 429) break;
    } catch (error) {
      reason = `${url.host} did not answer: ${error instanceof Error ? error.message : error}`;
    }
    // By half of it by chance, so that those that fail together don't come again together.
    const wait = FIRST_WAIT * 2 ** (attempt - 1) * (0.5 + Math.random() / 2);
    if (attempt < ATTEMPTS) await new Promise((resolve) => setTimeout(resolve, wait));
  }
  throw new Error(reason);
}

const encoder = new TextEncoder();

/** Seconds since 1970, in ten digits. */
function now(): string {
  return String(Math.floor(Date.now() / 1000));
}

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}

/** The hosts that callbacks may go to, as URLs have them: one that is written otherwise would never match. */
function hostsOf(env: Env): readonly string[] {
  return (list(env, "CALLBACK_HOSTS") ?? []).map((host) => {
    if (/[/\\*@?#\s]/.test(host) || !URL.canParse(`https://${host}`))
      throw misconfigured(
        `CALLBACK_HOSTS has ${show(host)}: write "host" or "host:port", without https://, a path or a wildcard`,
      );
    return new URL(`https://${host}`).host;
  });
}

/** The key, in base64 behind `whsec_`, as Standard Webhooks has it. */
function keyOf(secret: string): Uint8Array<ArrayBuffer> {
  try {
    return callbackKey(secret);
  } catch {
    throw misconfigured("CALLBACK_SECRET must be whsec_ and 24 bytes or more in base64");
  }
}

function show(text: string): string {
  return JSON.stringify(text.slice(0, 200));
}
