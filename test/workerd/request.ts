import { createExecutionContext, waitOnExecutionContext } from "cloudflare:test";
import { exports } from "cloudflare:workers";
import { app } from "../../worker/app.ts";
import type { Env } from "../../worker/settings.ts";

const ORIGIN = "https://edge.example";

/** Asks the Worker as wrangler.toml sets it up, but for the server's address. */
export function ask(path: string, init?: RequestInit): Promise<Response> {
  return exports.default.fetch(new Request(ORIGIN + path, init));
}

/** Asks a Worker that is set up otherwise, and waits until it is done with everything. */
export async function askWith(env: Env, path: string, init?: RequestInit): Promise<Response> {
  const context = createExecutionContext();
  const response = await app.fetch(new Request(ORIGIN + path, init), env, context);
  await waitOnExecutionContext(context);
  return response;
}

/** Submits a job. */
export function post(path: string, body: BodyInit = ""): Promise<Response> {
  return ask(path, { method: "POST", body });
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
