import type { Client } from "edgear";
import { type HubClient, hub } from "edgear/cloudflare";
import type { Context } from "hono";
import type { Token } from "./auth.js";
import { type Env, makeClient } from "./settings.js";

/** What the app's routes have: the settings, and whose request it is. */
export interface EdgeEnv {
  Bindings: Env;
  Variables: { token: Token };
}

export type EdgeContext = Context<EdgeEnv>;

/** What a hub does as a client of the request's own does it: no job is waited for. */
type Caller = Pick<HubClient, "background" | "status" | "statusOf" | "ping">;

/** Calls `use` with the hub, when one is bound, or with a client of this request's own, which is closed when the answer is out. */
export async function withClient<T>(c: EdgeContext, use: (client: Caller) => Promise<T>): Promise<T> {
  // It finds what is wrong with the settings, which are the hub's, too, and connects only when it is used.
  const client = makeClient(c.env);
  if (c.env.GEARMAN_HUB) return use(hub(c.env.GEARMAN_HUB));
  try {
    return await use(client);
  } finally {
    c.executionCtx.waitUntil(client.close());
  }
}

/** Writes a part of a streamed answer: resolves when there is room for the next. */
export type Write = (text: string) => Promise<void>;

/**
 * An answer that is written while it is read, with a client of its own. When whoever asked has left, the client is
 * destroyed at once, which ends what `produce` waits for; nothing of a stream is done in `waitUntil`, as that would
 * keep the connection for another 30 seconds.
 */
export function streamed(
  c: EdgeContext,
  client: Client,
  headers: Record<string, string>,
  produce: (write: Write, left: AbortSignal) => Promise<void>,
): Response {
  const { signal } = c.req.raw;
  const encoder = new TextEncoder();
  const left = new AbortController();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let asked = false;
  let waiting: (() => void)[] = [];
  const wake = () => {
    const woken = waiting;
    waiting = [];
    for (const resolve of woken) resolve();
  };
  const leave = () => {
    left.abort();
    client.destroy();
    wake();
  };
  // Not a TransformStream: in workerd, its writer learns by the next write only that the reader has cancelled.
  const readable = new ReadableStream<Uint8Array>({
    start(made) {
      controller = made;
    },
    pull() {
      asked = true;
      wake();
    },
    cancel: leave,
  });
  signal.addEventListener("abort", leave);
  const write = async (text: string) => {
    while (!left.signal.aborted && !asked) await new Promise<void>((resolve) => waiting.push(resolve));
    asked = false;
    left.signal.throwIfAborted();
    controller.enqueue(encoder.encode(text));
  };
  const written = async () => {
    try {
      await produce(write, left.signal);
      controller.close();
    } catch (error) {
      if (!left.signal.aborted) {
        console.error(error);
        controller.error(error);
      }
      leave();
    } finally {
      signal.removeEventListener("abort", leave);
      c.executionCtx.waitUntil(client.close());
    }
  };
  void written();
  return c.body(readable, 200, { "Cache-Control": "no-store", ...headers });
}
