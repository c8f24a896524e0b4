import { connect } from "cloudflare:sockets";
import { type BackgroundOptions, Client, type ForegroundOptions, GearmanError, JobExceptionError } from "edgear";
import { type GearmanHubEnv, GearmanHub as Hub, type HubNamespace, type HubOptions, hub } from "edgear/cloudflare";

export { GearmanHub } from "edgear/cloudflare";

/** What a VPC network binding leads to. It stands in for one here: the real thing needs an account. */
const dialled: unknown[] = [];

/** A hub whose servers are in a private network. */
export class PrivateHub extends Hub {
  constructor(ctx: DurableObjectState, env: GearmanHubEnv) {
    const network = {
      connect(address: { hostname: string; port: number }) {
        dialled.push(address);
        return connect(address);
      },
    };
    super(ctx, { ...env, GEARMAN_NET: network });
  }
}

/** A hub whose sockets never open. */
export class SilentHub extends Hub {
  protected override clientOptions() {
    return { ...super.clientOptions(), connect: () => new Promise<never>(() => {}) };
  }
}

/** A hub that can be restarted, as a deployment does, and that tells of its alarms. */
export class RestartedHub extends Hub {
  readonly #set: { in: number; options: unknown }[] = [];
  readonly #rung: string[] = [];

  constructor(ctx: DurableObjectState, env: GearmanHubEnv) {
    super(ctx, env);
    const setAlarm = (at: number, options: DurableObjectSetAlarmOptions) => {
      this.#set.push({ in: at - Date.now(), options });
      return ctx.storage.setAlarm(at, options);
    };
    const waitUntil = (promise: Promise<unknown>) => ctx.waitUntil(promise);
    this.ctx = { storage: { setAlarm }, waitUntil, abort: () => ctx.abort("restarted by a test") } as never;
    this.alarmed = async () => ({ set: this.#set, rung: this.#rung, at: await ctx.storage.getAlarm() });
  }

  alarmed: () => Promise<object>;

  restart(): void {
    this.ctx.abort();
  }

  override async alarm(): Promise<void> {
    try {
      await super.alarm();
      this.#rung.push("well");
    } catch (error) {
      this.#rung.push(String(error));
      throw error;
    }
  }

  told(): Promise<object> {
    return this.alarmed();
  }
}

interface Env extends GearmanHubEnv {
  GEARMAN_HUB: DurableObjectNamespace<Hub>;
  PRIVATE_HUB: DurableObjectNamespace<PrivateHub>;
  SILENT_HUB: DurableObjectNamespace<SilentHub>;
  RESTARTED_HUB: DurableObjectNamespace<RestartedHub>;
}

/** What a request asks for: a method, its arguments, and which of the ways there are. */
interface Asked {
  method: "background" | "run" | "status" | "statusOf" | "ping";
  args: unknown[];
  by?: "hub" | "client" | "private" | "silent" | "restarted";
  /** What `hub()` is given. */
  options?: HubOptions;
  /** Milliseconds after which a signal aborts. */
  abortAfter?: number;
  /** Whether the request's own signal is given: it aborts when whoever sent it leaves. */
  leaving?: boolean;
}

export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/dialled") return Response.json(dialled.splice(0));
    const restarted = env.RESTARTED_HUB.getByName("gearman");
    if (pathname === "/alarms") return Response.json(await restarted.told());
    if (pathname === "/restart") {
      await restarted.restart();
      return Response.json({});
    }
    try {
      if (pathname === "/echo") return await echo(request, env);
      if (pathname === "/view") return await view(env);
      if (pathname === "/wrong") return Response.json(await wrong(env));
      if (pathname.startsWith("/sized/")) return await sized(env, pathname);
      const result = await answer(await request.json(), request, env, context);
      return Response.json(result ?? null);
    } catch (error) {
      return Response.json(described(error as Error), { status: 500 });
    }
  },
};

async function answer(asked: Asked, request: Request, env: Env, context: ExecutionContext) {
  const { method, args, by = "hub", options, abortAfter, leaving } = asked;
  const client = by === "client" ? new Client(env.GEARMAN_SERVERS) : hub(namespace(by, env), options);
  try {
    const [first, second, third] = args as [string, string, BackgroundOptions & ForegroundOptions];
    const after = abortAfter === undefined ? undefined : AbortSignal.timeout(abortAfter);
    const signal = leaving ? request.signal : after;
    if (method === "background") return await client.background(first, second, { ...third, signal });
    if (method === "run") return (await client.run(first, second, { ...third, signal })).text();
    if (method === "ping") return await client.ping();
    const status = await client[method](first);
    // Whatever isn't data has no place in it.
    return { ...status, symbols: Object.getOwnPropertySymbols(status).length };
  } finally {
    if (client instanceof Client) context.waitUntil(client.close());
  }
}

function namespace(by: string, env: Env): HubNamespace {
  if (by === "silent") return env.SILENT_HUB;
  return by === "private" ? env.PRIVATE_HUB : by === "restarted" ? env.RESTARTED_HUB : env.GEARMAN_HUB;
}

/** Hands a body to the job `echo`, and gives its result out. */
async function echo(request: Request, env: Env): Promise<Response> {
  const { bytes } = await hub(env.GEARMAN_HUB).run("echo", new Uint8Array(await request.arrayBuffer()));
  return new Response(bytes as Uint8Array<ArrayBuffer>);
}

/** A few bytes of a buffer that is more than RPC carries. */
async function view(env: Env): Promise<Response> {
  const few = new Uint8Array(new ArrayBuffer(34 << 20), 3, 5);
  return new Response((await hub(env.GEARMAN_HUB).run("echo", few)).bytes as Uint8Array<ArrayBuffer>);
}

/** `/sized/<method>/<bytes>`: a workload of so many bytes, or a job that has a result of so many. */
async function sized(env: Env, pathname: string): Promise<Response> {
  const [, , method, bytes] = pathname.split("/");
  const client = hub(env.GEARMAN_HUB);
  if (method === "background") return Response.json(await client.background("nobody", new Uint8Array(Number(bytes))));
  if (method === "text") return Response.json(await client.background("nobody", "ä".repeat(Number(bytes) / 2)));
  return Response.json((await client.run("zeros", bytes)).bytes.byteLength);
}

/** What is said of arguments that can't be. */
async function wrong(env: Env): Promise<Record<string, string>> {
  const bound = env.GEARMAN_HUB;
  const client = hub(bound) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
  const make = hub as (...args: unknown[]) => unknown;
  const tries: Record<string, () => unknown> = {
    "no binding": () => make(undefined),
    "null for options": () => make(bound, null),
    "an unknown option": () => make(bound, { nam: "x" }),
    "a name that is none": () => make(bound, { name: 7 }),
    "an empty hint": () => make(bound, { locationHint: "" }),
    "background, null": () => client.background?.("x", "y", null),
    "background, unknown": () => client.background?.("x", "y", { timeout: 1 }),
    "background, signal": () => client.background?.("x", "y", { signal: 5 }),
    "run, unknown": () => client.run?.("x", "y", { at: 1 }),
    "run, signal": () => client.run?.("x", "y", { signal: {} }),
    "status, none": () => client.status?.(undefined),
    "status, unknown": () => client.status?.("H:x:1", { bogus: 1 }),
    "statusOf, null": () => client.statusOf?.("x", null),
    "ping, signal": () => client.ping?.({ signal: null }),
    "run, more than the longest": () => client.run?.("x", "y", { timeout: 900_001 }),
    "run of the object, null": () => bound.getByName("gearman").run("x", "y", null as never),
  };
  const said: Record<string, string> = {};
  for (const [name, attempt] of Object.entries(tries)) {
    try {
      await attempt();
      said[name] = "nothing";
    } catch (error) {
      said[name] = `${(error as Error).name}: ${(error as Error).message}`;
    }
  }
  return said;
}

/** An error as JSON: what of it is not enumerable, too. */
function described(error: Error) {
  const { name, message, cause } = error;
  return {
    ...error,
    name,
    message,
    typed: error instanceof GearmanError,
    cause: cause instanceof Error ? cause.message : undefined,
    ...(error instanceof JobExceptionError && { payload: error.payload.text() }),
  };
}
