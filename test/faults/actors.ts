import { Admin, Client, Worker } from "edgear";
import { fresh } from "../conformance/names.ts";
import type { FaultProxy } from "../support/faults/proxy.ts";
import { startWorker } from "../support/worker.ts";
import type { OwnServer } from "./servers.ts";

/** Milliseconds; short, so that what is given up is given up soon. */
export const TIMES = { connectTimeout: 400, requestTimeout: 400 };
/** The same where nothing is to be given up: as long as a busy machine may take. */
export const PATIENT = { connectTimeout: 10_000, requestTimeout: 10_000 };
const RECONNECT = { minDelay: 10, maxDelay: 50 };
export const CLIENT_OPTIONS = { ...TIMES, heartbeat: 200, reconnect: { ...RECONNECT, retries: 5 } };
export const WORKER_OPTIONS = { ...TIMES, pollInterval: 200, reconnect: RECONNECT };

/** Somebody at the near end of a faulty line, connected, with nothing on the way. */
export interface Actor extends AsyncDisposable {
  /** Asks for one thing, or is asked for it; what came of it. */
  ask(): Promise<string>;
}

/** What each gives when all is well. */
export const RESULT = { foreground: "ABC", background: "taken", status: "queued", worker: "ABC", admin: "a version" };

export type ActorName = keyof typeof RESULT;

type Meet = (proxy: FaultProxy, server: OwnServer, times: typeof TIMES) => Promise<Actor>;

export const ACTORS: Record<ActorName, Meet> = {
  async foreground(proxy, server, times) {
    const name = fresh("up");
    const client = new Client(proxy.address, { ...CLIENT_OPTIONS, ...times });
    const worker = startWorker(server.address, { [name]: (job) => job.workload.text().toUpperCase() });
    await client.ping();
    await client.run(name, "first");
    return {
      ask: async () => (await client.run(name, "abc")).text(),
      async [Symbol.asyncDispose]() {
        await client.close({ timeout: 1_000 });
        await worker[Symbol.asyncDispose]();
      },
    };
  },

  async background(proxy, _server, times) {
    const client = new Client(proxy.address, { ...CLIENT_OPTIONS, ...times });
    await client.ping();
    return {
      ask: async () => ((await client.background(fresh("nobody"), "abc")).handle.startsWith("H:") ? "taken" : "?"),
      [Symbol.asyncDispose]: () => client.close({ timeout: 1_000 }),
    };
  },

  async status(proxy, _server, times) {
    const client = new Client(proxy.address, { ...CLIENT_OPTIONS, ...times });
    const job = await client.background(fresh("nobody"), "abc");
    return {
      ask: async () => (await client.status(job)).state,
      [Symbol.asyncDispose]: () => client.close({ timeout: 1_000 }),
    };
  },

  async worker(proxy, server, times) {
    const name = fresh("up");
    const worker = new Worker(proxy.address, { ...WORKER_OPTIONS, ...times });
    worker.add(name, (job) => job.workload.text().toUpperCase());
    const running = worker.run();
    const client = new Client(server.address);
    await client.run(name, "first");
    return {
      ask: async () => (await client.run(name, "abc", { timeout: 10_000 })).text(),
      async [Symbol.asyncDispose]() {
        await client.close({ timeout: 1_000 });
        await worker.close({ timeout: 1_000 });
        await running;
      },
    };
  },

  async admin(proxy, _server, times) {
    const admin = new Admin(proxy.address, times);
    await admin.version();
    return {
      ask: async () => (/^\d+\.\d+\.\d+/.test(await admin.version()) ? "a version" : "?"),
      [Symbol.asyncDispose]: () => admin.close(),
    };
  },
};
