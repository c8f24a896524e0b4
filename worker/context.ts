import type { Client } from "edgear";
import { type HubClient, hub } from "edgear/cloudflare";
import type { Context } from "hono";
import type { Token } from "./auth.js";
import { idle, problemOf } from "./problem.js";
import { amount, type Env, makeClient } from "./settings.js";

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

/** An answer that is being written. */
export interface Answer {
  /**
   * Writes a part: resolves when that was taken.
   * @throws Problem (IDLE) when nobody has read for `IDLE_TIMEOUT`: the part was not written
   */
  write(text: string): Promise<void>;
  /** Writes whether anybody reads or not: for the little that there is left to say. */
  push(text: string): void;
  /** Aborts when whoever asked has left. */
  readonly left: AbortSignal;
}

/**
 * An answer that is written while it is read, with a client of its own. When whoever asked has left, or reads no
 * further, the client is destroyed at once, which ends what `produce` waits for; nothing of a stream is done in
 * `waitUntil`, as that would keep the connection for another 30 seconds.
 */
export function streamed(
  c: EdgeContext,
  client: Client,
  headers: Record<string, string>,
  produce: (answer: Answer) => Promise<void>,
): Response {
  const { signal } = c.req.raw;
  const patience = amount(c.env, "IDLE_TIMEOUT");
  const encoder = new TextEncoder();
  const left = new AbortController();
  let controller!: ReadableStreamDefaultController<Uint8Array>;
  let asked = false;
  let wake = () => {};
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
  const push = (text: string) => {
    asked = false;
    controller.enqueue(encoder.encode(text));
  };
  const write = async (text: string) => {
    if (!asked && !left.signal.aborted) {
      let timer: number | null = null;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, patience);
      });
      clearTimeout(timer);
    }
    left.signal.throwIfAborted();
    if (!asked) throw idle(`nobody has read the answer for ${patience} ms (IDLE_TIMEOUT)`);
    push(text);
  };
  const written = async () => {
    try {
      await produce({ write, push, left: left.signal });
      controller.close();
    } catch (error) {
      if (!left.signal.aborted) {
        if (problemOf(error).code !== "IDLE") console.error(error);
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
