import assert from "node:assert/strict";
import { Admin, Client, GearmanError, JobFailed, JobFailedError, ServerError, type Task, Worker } from "edgear";
import { collect, eventually, pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { FaultProxy } from "../support/faults/proxy.ts";

/** Milliseconds that anything may take. What is asked takes a few, but for what waits for a worker to come back. */
const LIMIT = 8_000;

/** What asks a server. */
export interface Asked {
  readonly client: Client;
  readonly admin: Admin;
  /** The worker's functions: what becomes of their jobs is in the name. */
  readonly names: Record<"echo" | "events" | "throws" | "fails" | "dies" | "nobody", string>;
  /** How often the worker was given a job of `dies`. */
  readonly deaths: () => number;
}

/** What is asked of each server, by name, and gives a value that says it was answered. */
export const THINGS: Record<string, (asked: Asked) => Promise<unknown>> = {
  ping: async ({ client }) => (await client.ping()) > 0,
  "a background job": async ({ client, names }) => {
    const { handle } = await client.background(names.nobody, "x");
    return handle.includes(":");
  },
  "a background job of high priority": ({ client, names }) => queued(client, names.nobody, { priority: "high" }),
  "a background job of low priority": ({ client, names }) => queued(client, names.nobody, { priority: "low" }),
  "a delayed job": ({ client, names }) => queued(client, names.nobody, { delay: 60_000 }),
  "jobs in bulk": async ({ client, names }) =>
    (await collect(client.backgroundAll(names.nobody, Array.from({ length: 100 }, String)))).length,
  "one job for two equal uniques": async ({ client, names }) => {
    const [one, other] = await Promise.all([
      client.background(names.nobody, "x", { unique: "same" }),
      client.background(names.nobody, "y", { unique: "same" }),
    ]);
    return one.handle === other.handle;
  },
  "a result": async ({ client, names }) => (await client.run(names.echo, "hello")).text(),
  "a result at high priority": async ({ client, names }) =>
    (await client.run(names.echo, "hello", { priority: "high" })).text(),
  "a result at low priority": async ({ client, names }) =>
    (await client.run(names.echo, "hello", { priority: "low" })).text(),
  "a result of 1 MiB": async ({ client, names }) =>
    (await client.run(names.echo, new Uint8Array(1024 * 1024))).bytes.length,
  "status, data and warnings": async ({ client, names }) => events(client.submit(names.events)),
  "an exception": ({ client, names }) => client.run(names.throws),
  "a failure": ({ client, names }) => client.run(names.fails),
  "a job whose worker dies twice": async ({ client, names, deaths }) => {
    const before = deaths();
    const text = await client.run(names.dies).catch((error: unknown) => {
      if (error instanceof JobFailedError) return "failed";
      throw error;
    });
    return `${text} after ${deaths() - before} attempts`;
  },
  "a job's state by its handle": async ({ client, names }) =>
    (await client.status(await client.background(names.nobody))).state,
  "a job's state by its unique": async ({ client, names }) => {
    await client.background(names.nobody, "", { unique: "asked" });
    return (await client.statusOf("asked")).state;
  },
  "a job's end": async ({ client, names }) => {
    await client.completed(await client.background(names.echo), { interval: 50 });
    return "ended";
  },
  "admin: version": async ({ admin }) => /\d+\.\d+/.test(await admin.version()),
  "admin: status": async ({ admin, client, names }) => {
    await client.background(names.nobody);
    return (await admin.status()).some((each) => each.function === names.nobody && each.queued > 0);
  },
  "admin: priorityStatus": async ({ admin, names }) =>
    (await admin.priorityStatus()).some((each) => each.function === names.echo),
  "admin: workers": async ({ admin, names }) =>
    (await admin.workers()).some(({ functions }) => functions.includes(names.echo)),
  "admin: jobs": async ({ admin, client, names }) => {
    const { handle } = await client.background(names.nobody);
    return (await admin.jobs()).some((job) => job.handle === handle);
  },
  "admin: uniqueJobs": async ({ admin, client, names }) => {
    await client.background(names.nobody, "", { unique: "listed" });
    return (await admin.uniqueJobs()).includes("listed");
  },
  "admin: pid": async ({ admin }) => (await admin.pid()) > 0,
  "admin: verbosity": async ({ admin }) => /^[A-Z]+$/.test(await admin.verbosity()),
  "admin: cancel": async ({ admin, client, names }) => {
    await admin.cancel(await client.background(names.nobody));
    return "cancelled";
  },
  "admin: createFunction, dropFunction": async ({ admin }) => {
    const name = fresh("made");
    await admin.createFunction(name);
    await admin.dropFunction(name);
    return "dropped";
  },
  "admin: maxQueue": async ({ admin, client }) => {
    const name = fresh("limited");
    await client.background(name);
    await admin.maxQueue(name, 1);
    const second = await client.background(name).then(
      () => "taken",
      (error: unknown) => (error instanceof ServerError ? error.serverCode : assert.fail(String(error))),
    );
    return second;
  },
  "admin: maxQueue by priority": async ({ admin }) => {
    await admin.maxQueue(fresh("limited"), { high: 3, normal: 2, low: 1 });
    return "limited";
  },
  "admin: shutdown, where it is only a command": async ({ admin }) => admin.shutdown(),
};

async function queued(client: Client, name: string, options: Parameters<Client["background"]>[2]): Promise<string> {
  return (await client.status(await client.background(name, "x", options))).state;
}

async function events(task: Task): Promise<string> {
  const types: string[] = [];
  for await (const event of task) types.push(event.type === "status" ? "status" : `${event.type} ${event.payload}`);
  return [...types, (await task.result).text()].join(", ");
}

/** Asks one thing, and says what came of it: the value, or the error's code and message. Whatever hangs is said to. */
export async function ask(thing: string, asked: Asked): Promise<string> {
  const refused = (error: unknown) => {
    // A TypeError or another stranger is a bug of this test's.
    assert.ok(error instanceof GearmanError, String(error));
    return `${error.code}: ${error.message}`;
  };
  const value = THINGS[thing]?.(asked).then(String, refused) as Promise<string>;
  return Promise.race([value, pause(LIMIT).then(() => `hangs: nothing in ${LIMIT} ms`)]);
}

/** Starts what asks a server, and workers that answer. */
export async function ready(address: string): Promise<Asked & AsyncDisposable> {
  const prefix = fresh("asked");
  const names = {
    echo: `${prefix}-echo`,
    events: `${prefix}-events`,
    throws: `${prefix}-throws`,
    fails: `${prefix}-fails`,
    dies: `${prefix}-dies`,
    nobody: `${prefix}-nobody`,
  };
  const client = new Client(address, { requestTimeout: 3_000 });
  const admin = new Admin(address, { requestTimeout: 3_000 });
  const worker = new Worker(address, { concurrency: 4 });
  worker.add(names.echo, ({ workload }) => workload.bytes);
  worker.add(names.events, (job) => {
    job.status(1, 2);
    job.data("part");
    job.warn("careful");
    return "done";
  });
  worker.add(names.throws, () => {
    throw new Error("out of paper");
  });
  worker.add(names.fails, () => {
    throw new JobFailed();
  });
  const running = worker.run();
  const line = await FaultProxy.to(Number(address.split(":")[1]));
  const mortal = new Worker(line.address);
  let deaths = 0;
  mortal.add(names.dies, async ({ signal }) => {
    if (++deaths % 3 === 0) return "done";
    // To the server this is a worker that is gone.
    line.reset();
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return "too late";
  });
  const dying = mortal.run();
  await eventually("the worker is there", async () =>
    (await admin.workers()).some(({ functions }) => functions.includes(names.echo)),
  );
  return {
    client,
    admin,
    names,
    deaths: () => deaths,
    async [Symbol.asyncDispose]() {
      client.destroy();
      admin.destroy();
      await Promise.all([worker.close({ timeout: 1_000 }), mortal.close({ timeout: 1_000 })]);
      await Promise.all([running, dying]);
      await line[Symbol.asyncDispose]();
    },
  };
}
