import type { Client } from "edgear";
import type { Context } from "hono";
import type { Token } from "./auth.js";
import { type Env, makeClient } from "./settings.js";

/** What the app's routes have: the settings, and whose request it is. */
export interface EdgeEnv {
  Bindings: Env;
  Variables: { token: Token };
}

export type EdgeContext = Context<EdgeEnv>;

/** Calls `use` with a client of this request's own, which is closed when the answer is out. */
export async function withClient<T>(c: EdgeContext, use: (client: Client) => Promise<T>): Promise<T> {
  const client = makeClient(c.env);
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
