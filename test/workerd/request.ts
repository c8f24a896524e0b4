import { connect } from "cloudflare:sockets";
import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { type StreamSocket, Worker } from "edgear";
import { inject } from "vitest";
import { app } from "../../worker/app.ts";
import type { Env } from "../../worker/settings.ts";
import { fresh } from "../conformance/names.ts";
import { TOKEN, TOKENS } from "../support/tokens.ts";
import { conforms } from "./conforms.ts";

const [{ address } = { address: "" }] = inject("servers");
const ORIGIN = "https://edge.example";

/** Asks the Worker as wrangler.toml sets it up, but for the server's address. Every answer is held against openapi.json. */
export async function ask(path: string, init?: RequestInit): Promise<Response> {
  const request = requestOf(path, init);
  const response = await exports.default.fetch(request);
  await conforms(request, response);
  return response;
}

/** Asks a Worker that is set up otherwise, and waits until it is done with everything. */
export async function askWith(env: Env, path: string, init?: RequestInit): Promise<Response> {
  const context = createExecutionContext();
  const request = requestOf(path, init);
  const response = await app.fetch(request, { GEARMAN_TOKENS: TOKENS, ...env }, context);
  await conforms(request, response);
  await waitOnExecutionContext(context);
  return response;
}

/** Submits a job. */
export function post(path: string, body: BodyInit = "", headers: Record<string, string> = {}): Promise<Response> {
  return ask(path, { method: "POST", body, headers });
}

/** What an answer says of what is wrong. It says nothing else, least of all where in the code it happened. */
export async function problem(response: Response): Promise<{ status: number; code: string; message: string }> {
  const { error } = await response.json<{ error: { code: string; message: string } }>();
  if (/\n|\bat .*:\d+:\d+/.test(error.message)) throw new Error(`this is more than words: ${error.message}`);
  return { status: response.status, ...error };
}

/** A body that comes in pieces, and whose length nobody has announced. */
export function inPieces(size: number, piece = 1_000): ReadableStream<Uint8Array> {
  let left = size;
  return new ReadableStream({
    pull(controller) {
      const next = Math.min(left, piece);
      left -= next;
      controller.enqueue(new Uint8Array(next));
      if (left === 0) controller.close();
    },
  });
}

/** Works off jobs of a new function for as long as a request is answered. */
export async function worked(
  handler: Parameters<Worker["add"]>[1],
  use: (name: string) => Promise<void>,
): Promise<void> {
  const name = fresh("edge");
  await using worker = new Worker(address);
  worker.add(name, handler);
  const running = worker.run();
  await use(name);
  await worker.close({ timeout: 1_000 });
  await running;
}

/** The road to the job server that all tests share: it counts the connections that are open. */
export function counted(): { opened: number; open: number; connect(): StreamSocket } {
  const net = {
    opened: 0,
    open: 0,
    connect() {
      const socket = connect(address);
      net.opened++;
      net.open++;
      const gone = () => {
        net.open--;
      };
      socket.closed.then(gone, gone);
      return socket;
    },
  };
  return net;
}

/** Asks as `askWith` does, and leaves the answer to be read by the test. */
export async function begin(env: Omit<Env, "GEARMAN_SERVERS">, path: string, init?: RequestInit): Promise<Response> {
  const context = createExecutionContext();
  return app.fetch(requestOf(path, init), { GEARMAN_SERVERS: address, GEARMAN_TOKENS: TOKENS, ...env }, context);
}

/** With a token, unless it says otherwise; an empty one is none. */
function requestOf(path: string, init?: RequestInit): Request {
  const request = new Request(ORIGIN + path, init);
  if (!request.headers.has("authorization")) request.headers.set("authorization", `Bearer ${TOKEN}`);
  if (request.headers.get("authorization") === "") request.headers.delete("authorization");
  return request;
}
