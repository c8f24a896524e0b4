import type { RequestOptions } from "node:https";
import { onAbort } from "../connection/signals.js";
import { abortable, sleep } from "../connection/wait.js";
import { type Allows, addressesOf, RefusedAddress } from "./addresses.js";
import { callbackPrefix, signCallback } from "./sign.js";

/** How a callback is posted. */
export interface Posting {
  readonly key: Uint8Array<ArrayBuffer>;
  readonly allowed: Allows;
  /** How often it is tried in all, and how long each try may take, in milliseconds. */
  readonly attempts: number;
  readonly timeout: number;
  /** Before the second try, in milliseconds; doubled for each further one. */
  readonly backoff: number;
  /** Certificates of the authorities to trust, instead of the runtime's. */
  readonly ca: string | undefined;
}

/**
 * Posts until it is taken: each try is signed anew, by the same id.
 * @throws Error that says why it was not taken; the signal's reason when that aborts
 */
export async function post(url: URL, text: string, posting: Posting, signal: AbortSignal): Promise<void> {
  const id = `msg_${crypto.randomUUID()}`;
  const body = new TextEncoder().encode(text);
  let reason = "";
  for (let attempt = 1; attempt <= posting.attempts; attempt++) {
    // By half of it by chance, so that those that fail together don't come again together.
    if (attempt > 1) await sleep(posting.backoff * 2 ** (attempt - 2) * (0.5 + Math.random() / 2), signal);
    try {
      const status = await tried(url, id, body, posting, attempt, signal);
      if (status >= 200 && status < 300) return;
      reason = `${url.host} answered ${status}`;
      if (status < 500 && status !== 408 && status !== 429) break;
    } catch (error) {
      signal.throwIfAborted();
      if (error instanceof RefusedAddress) throw error;
      reason = `${url.host} did not answer: ${error instanceof Error ? error.message : error}`;
    }
  }
  throw new Error(reason);
}

/** One try: the status that was answered. */
async function tried(
  url: URL,
  id: string,
  body: Uint8Array,
  posting: Posting,
  attempt: number,
  signal: AbortSignal,
): Promise<number> {
  const controller = new AbortController();
  const timer = setTimeout(() => {
    controller.abort(new Error(`it took longer than ${posting.timeout} ms`));
  }, posting.timeout);
  const release = onAbort(signal, () => controller.abort(signal.reason));
  try {
    // Anew each time, as they may have changed; and another of them, as one may be out of reach.
    const found = await abortable(addressesOf(url, posting.allowed), controller.signal);
    const { address } = found[(attempt - 1) % found.length] as { address: string };
    const timestamp = String(Math.floor(Date.now() / 1000));
    const prefix = callbackPrefix(id, timestamp);
    const signed = new Uint8Array(prefix.length + body.length);
    signed.set(prefix);
    signed.set(body, prefix.length);
    const headers = {
      Host: url.host,
      "Content-Type": "application/json",
      "Content-Length": String(body.length),
      "User-Agent": "edgear",
      "Webhook-Id": id,
      "Webhook-Timestamp": timestamp,
      "Webhook-Signature": await signCallback(posting.key, signed),
    };
    return await send(url, address, { headers, ca: posting.ca }, body, controller.signal);
  } finally {
    clearTimeout(timer);
    release();
  }
}

/** Sends to the address that was looked at, and to no other: the name is not looked up again. Redirections are not followed. */
async function send(
  url: URL,
  address: string,
  options: RequestOptions,
  body: Uint8Array,
  signal: AbortSignal,
): Promise<number> {
  const { request } = await import("node:https");
  const { isIP } = await import("node:net");
  return new Promise((resolve, reject) => {
    const name = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const sending = request({
      ...options,
      method: "POST",
      host: address,
      port: url.port || 443,
      path: `${url.pathname}${url.search}`,
      // The certificate must be for the name; an IP address is no name to ask for.
      ...(isIP(name) ? {} : { servername: name }),
      agent: false,
      rejectUnauthorized: true,
    });
    const release = onAbort(signal, () => sending.destroy(signal.reason));
    sending.once("response", (response) => {
      release();
      resolve(response.statusCode ?? 0);
      // Whatever else it says is not read.
      response.on("error", () => {});
      response.destroy();
    });
    sending.on("error", (error) => {
      release();
      reject(error);
    });
    sending.end(body);
  });
}
