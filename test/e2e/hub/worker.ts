import { connect } from "cloudflare:sockets";
import { type BackgroundOptions, Client, type ForegroundOptions, GearmanError, JobExceptionError } from "edgear";
import { type GearmanHubEnv, GearmanHub as Hub, type HubNamespace, hub } from "edgear/cloudflare";

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

/** A hub that can be restarted, as a deployment does. */
export class RestartedHub extends Hub {
  restart(): void {
    this.ctx.abort("restarted by a test");
  }
}

interface Env extends GearmanHubEnv {
  GEARMAN_HUB: DurableObjectNamespace<Hub>;
  PRIVATE_HUB: DurableObjectNamespace<PrivateHub>;
  RESTARTED_HUB: DurableObjectNamespace<RestartedHub>;
}

/** What a request asks for: a method, its arguments, and which of the ways there are. */
interface Asked {
  method: "background" | "run" | "status" | "statusOf" | "ping";
  args: unknown[];
  by?: "hub" | "client" | "private" | "restarted";
  /** Milliseconds after which a signal aborts. */
  abortAfter?: number;
}

export default {
  async fetch(request: Request, env: Env, context: ExecutionContext): Promise<Response> {
    const { pathname } = new URL(request.url);
    if (pathname === "/dialled") return Response.json(dialled.splice(0));
    if (pathname === "/echo") return echo(request, env);
    if (pathname === "/restart") {
      await env.RESTARTED_HUB.getByName("gearman").restart();
      return Response.json({});
    }
    const asked: Asked = await request.json();
    try {
      const result = await answer(asked, env, context);
      return Response.json(result ?? null);
    } catch (error) {
      return Response.json(described(error as Error), { status: 500 });
    }
  },
};

async function answer({ method, args, by = "hub", abortAfter }: Asked, env: Env, context: ExecutionContext) {
  const client = by === "client" ? new Client(env.GEARMAN_SERVERS) : hub(namespace(by, env));
  try {
    const [first, second, third] = args as [string, string, BackgroundOptions & ForegroundOptions];
    const signal = abortAfter === undefined ? undefined : AbortSignal.timeout(abortAfter);
    if (method === "background") return await client.background(first, second, { ...third, signal });
    if (method === "run") return (await client.run(first, second, { ...third, signal })).text();
    if (method === "ping") return await client.ping();
    return await client[method](first);
  } finally {
    if (client instanceof Client) context.waitUntil(client.close());
  }
}

function namespace(by: string, env: Env): HubNamespace {
  return by === "private" ? env.PRIVATE_HUB : by === "restarted" ? env.RESTARTED_HUB : env.GEARMAN_HUB;
}

/** Hands a body to the job `echo`, and gives its result out. */
async function echo(request: Request, env: Env): Promise<Response> {
  const { bytes } = await hub(env.GEARMAN_HUB).run("echo", new Uint8Array(await request.arrayBuffer()));
  return new Response(bytes as Uint8Array<ArrayBuffer>);
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
