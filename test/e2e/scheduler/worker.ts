import type { GearmanEnv } from "edgear/cloudflare";
import type { ScheduledJob, Store, When } from "edgear/scheduler";
import { GearmanScheduler, scheduler } from "edgear/scheduler/cloudflare";

export { GearmanScheduler } from "edgear/scheduler/cloudflare";

/** A scheduler that can be looked into, and restarted as a deployment does. */
export class WatchedScheduler extends GearmanScheduler {
  async alarmAt(): Promise<number | null> {
    return this.ctx.storage.getAlarm();
  }

  /** Puts many in at once, due at one time. */
  async fill(count: number, called: string, due: number): Promise<void> {
    for (let index = 0; index < count; index++) {
      const workload = new TextEncoder().encode(`${index}`);
      const rest = { rule: "", function: called, form: "text", priority: "normal", missed: "once" } as const;
      await super.put({ name: `${called}-${index}`, id: `${index}`, due, workload, ...rest });
    }
  }

  restart(): void {
    this.ctx.abort("restarted by a test");
  }
}

/** One whose line to the job server is cut by some jobs. */
export class TouchyScheduler extends WatchedScheduler {
  constructor(ctx: DurableObjectState, env: Env) {
    super(ctx, { ...env, GEARMAN_SERVERS: env.TOUCHY_SERVERS });
  }

  override clientOptions(): ReturnType<GearmanScheduler["clientOptions"]> {
    return { ...super.clientOptions(), reconnect: { retries: 1 } };
  }
}

/** A store alone: nothing rings. */
export class SilentScheduler extends GearmanScheduler {
  override async alarm(): Promise<void> {}
}

interface Env extends GearmanEnv {
  TOUCHY_SERVERS: string;
  TOUCHY: DurableObjectNamespace<TouchyScheduler>;
  SCHEDULER: DurableObjectNamespace<GearmanScheduler>;
  WATCHED: DurableObjectNamespace<WatchedScheduler>;
  SILENT: DurableObjectNamespace<SilentScheduler>;
}

/** Bytes go in JSON as base64. */
const portable = (_: string, value: unknown) =>
  value instanceof Uint8Array ? { base64: btoa(String.fromCharCode.apply(null, [...value])) } : value;
const revive = (_: string, value: { base64?: string } | null) =>
  typeof value?.base64 === "string" ? Uint8Array.from(atob(value.base64), (c) => c.charCodeAt(0)) : value;

export default {
  async fetch(request: Request, env: Env): Promise<Response> {
    const { pathname } = new URL(request.url);
    const [, what = "", name = "scheduler"] = pathname.split("/");
    const args = JSON.parse((await request.text()) || "[]", revive as never) as unknown[];
    try {
      const answer = await call(what, decodeURIComponent(name), args, env);
      return new Response(JSON.stringify(answer ?? null, portable), {
        headers: { "content-type": "application/json" },
      });
    } catch (error) {
      const { name, message } = error as Error;
      return Response.json({ name, message }, { status: 500 });
    }
  },
};

async function call(what: string, name: string, args: unknown[], env: Env): Promise<unknown> {
  // The contract of a store, by RPC, as a scheduler elsewhere has it.
  if (what === "store") {
    const [method, ...rest] = args as [string, ...unknown[]];
    const stub = env.SILENT.getByName(name) as unknown as Record<string, (...args: unknown[]) => Promise<unknown>>;
    return stub[method]?.(...rest);
  }
  const namespace = name.startsWith("touchy") ? env.TOUCHY : env.WATCHED;
  const watched = namespace.getByName(name);
  if (what === "alarm") return watched.alarmAt();
  if (what === "fill") return watched.fill(...(args as unknown as [number, string, number]));
  if (what === "back") {
    const store = watched as unknown as Store;
    const most = { jobs: 1, bytes: 1, latest: Number.MAX_SAFE_INTEGER };
    const [claimed] = await store.claim(5_000_000_000_000, 6_000_000_000_000, most);
    if (!claimed) throw new Error("there was none");
    const { name, id, due } = claimed;
    await store.settle([{ name, id, due, to: { due, ready: Number(args[0]) } }]);
    return undefined;
  }
  if (what === "restart") return watched.restart();
  const planner = scheduler(namespace, { name });
  const [job, second, called, workload, options] = args as [string, number, string, string, object];
  if (what === "at") return planner.at(job, second, called, workload, options);
  if (what === "delay") return planner.delay(job, second, called, workload, options);
  if (what === "every") return planner.every(job, second, called, workload, options);
  if (what === "cron") return planner.cron(job, second as never, called, workload, options);
  if (what === "get") return planner.get(job);
  if (what === "cancel") return planner.cancel(job);
  if (what === "reschedule") return planner.reschedule(job, second as unknown as When);
  if (what === "large") return void (await planner.at(job, second, called, new Uint8Array(Number(workload))));
  if (what === "list") {
    const jobs: ScheduledJob[] = [];
    for await (const each of planner.list()) jobs.push(each);
    return jobs.map((each) => each.name);
  }
  throw new Error(`what is ${what}?`);
}
