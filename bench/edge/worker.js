// What `npm run bench -- edge` measures: jobs submitted by a client of the request's own, by a hub's, an answer without
// any, and what a Worker does that has no client, only a socket.
import { connect } from "cloudflare:sockets";
import { hub } from "../../build/src/cloudflare/index.js";
import { Client } from "../../build/src/index.js";

export { GearmanHub } from "../../build/src/cloudflare/index.js";

/** Jobs of a request for many. */
const MANY = 1_000;

/** ECHO_REQ with one byte, which the server sends back. */
const ECHO = new Uint8Array([0, 0x52, 0x45, 0x51, 0, 0, 0, 16, 0, 0, 0, 1, 0x78]);
/** An answer to it, and JOB_CREATED, have a header of so many bytes. */
const HEADER = 12;

/** @type {Record<string, (env: Env, context: Context) => Promise<unknown>>} */
const WAYS = {
  "/client": (env, context) => withClient(env, context, (client) => client.background("bench", "workload")),
  "/hub": (env) => hub(env.GEARMAN_HUB).background("bench", "workload"),
  "/socket": (env) => answers(env, ECHO, 1),
  "/many": (env, context) =>
    withClient(env, context, async (client) => {
      let count = 0;
      for await (const _ of client.backgroundAll("bench", Array(MANY).fill("workload"))) count++;
      return count;
    }),
  "/many-socket": (env) => answers(env, submits(), MANY),
};

export default {
  /**
   * @param {Request} request
   * @param {Env} env
   * @param {Context} context
   */
  async fetch(request, env, context) {
    const way = WAYS[new URL(request.url).pathname];
    return Response.json((await way?.(env, context)) ?? {});
  },
};

/**
 * @typedef {{ GEARMAN_SERVERS: string, GEARMAN_HUB: import("../../build/src/cloudflare/index.js").HubNamespace }} Env
 * @typedef {{ waitUntil(promise: Promise<unknown>): void }} Context
 */

/**
 * @template T
 * @param {Env} env
 * @param {Context} context
 * @param {(client: Client) => Promise<T>} use
 */
async function withClient(env, context, use) {
  const client = new Client(env.GEARMAN_SERVERS);
  try {
    return await use(client);
  } finally {
    context.waitUntil(client.close());
  }
}

/**
 * Writes to a socket, and waits for so many packets: their headers are read, and no more.
 * @param {Env} env
 * @param {Uint8Array} bytes
 * @param {number} count
 */
async function answers(env, bytes, count) {
  const socket = connect(env.GEARMAN_SERVERS, { secureTransport: "off", allowHalfOpen: false });
  const writer = socket.writable.getWriter();
  await writer.write(bytes);
  const reader = socket.readable.getReader();
  let rest = new Uint8Array(0);
  let seen = 0;
  while (seen < count) {
    const { value, done } = await reader.read();
    if (done) throw new Error("the server closed the connection");
    const chunk = new Uint8Array(rest.length + value.length);
    chunk.set(rest);
    chunk.set(value, rest.length);
    const view = new DataView(chunk.buffer);
    let at = 0;
    for (; chunk.length - at >= HEADER; seen++) {
      const end = at + HEADER + view.getUint32(at + 8);
      if (end > chunk.length) break;
      at = end;
    }
    rest = chunk.subarray(at);
  }
  await socket.close();
  return seen;
}

/** So many SUBMIT_JOB_BG, each with a unique of its own. */
function submits() {
  const prefix = crypto.randomUUID().slice(0, 12);
  const text = new TextEncoder();
  const parts = Array.from({ length: MANY }, (_, each) => {
    const body = text.encode(`bench\0${prefix}${String(each).padStart(4, "0")}\0workload`);
    const packet = new Uint8Array(HEADER + body.length);
    packet.set(ECHO.subarray(0, 8));
    packet[7] = 18;
    packet[11] = body.length;
    packet.set(body, HEADER);
    return packet;
  });
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
