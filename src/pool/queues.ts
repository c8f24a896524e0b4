import { Gauge, type Registry } from "prom-client";
import { Admin } from "../admin/admin.js";
import type { FunctionStatus } from "../admin/entries.js";
import { parseServers, type Servers, serverName } from "../connection/address.js";
import { checkMilliseconds, checkOptions } from "../connection/check.js";
import { harmless } from "../events.js";

/** Options of a pool's metrics. Times are in milliseconds. */
export interface QueuesOptions {
  /** The pool's job servers, which are asked for their queues; default 127.0.0.1:4730. */
  servers?: Servers | undefined;
  /** How old figures of a server may be before it is asked again; default 5,000. */
  queueInterval?: number | undefined;
  /** How long a scrape waits for a server; default 1,000. One that has not answered then counts as down. */
  queueTimeout?: number | undefined;
}

interface Queue {
  readonly server: string;
  readonly admin: Admin;
  /** What it answered last; undefined when it didn't. */
  functions: ReadonlyMap<string, FunctionStatus> | undefined;
  /** When that was, in milliseconds since 1970. */
  read: number | undefined;
}

/** The queues of job servers: what waits there, and who works on it, the workers of others included. */
export class Queues {
  readonly #queues: readonly Queue[];
  readonly #interval: number;
  readonly #timeout: number;
  #asked = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  /**
   * @param functions whose queues are told: others' may be many
   * @throws TypeError when an option is wrong
   */
  constructor(registry: Registry, functions: () => readonly string[], options: QueuesOptions) {
    checkOptions(options, "PoolMetrics", ["servers", "queueInterval", "queueTimeout"]);
    const { servers = "127.0.0.1", queueInterval = 5_000, queueTimeout = 1_000 } = options;
    checkMilliseconds(queueInterval, "queueInterval");
    checkMilliseconds(queueTimeout, "queueTimeout", 1);
    this.#interval = queueInterval;
    this.#timeout = queueTimeout;
    this.#queues = parseServers(servers).map((address) => {
      const { host, port, tls } = address;
      const limits = { connectTimeout: queueTimeout, requestTimeout: queueTimeout };
      const admin = new Admin({ host, port, ...(tls && { tls }) }, limits);
      return { server: serverName(address), admin, functions: undefined, read: undefined };
    });
    this.#tell(registry, functions);
  }

  /** Asks the servers, unless that was done not long ago. Takes no longer than the timeout, and never rejects. */
  refresh(): Promise<void> {
    if (!this.#asking && performance.now() - this.#asked >= this.#interval) {
      this.#asking = Promise.all(this.#queues.map((queue) => this.#ask(queue))).then(() => {
        this.#asking = undefined;
        this.#asked = performance.now();
      });
    }
    return this.#asking ?? Promise.resolve();
  }

  async close(): Promise<void> {
    for (const { admin } of this.#queues) harmless(() => admin.destroy());
  }

  async #ask(queue: Queue): Promise<void> {
    try {
      const status = await queue.admin.status({ signal: AbortSignal.timeout(this.#timeout) });
      queue.functions = new Map(status.map((one) => [one.function, one]));
      queue.read = Date.now();
    } catch {
      // Figures of a server that is away are no figures: the metric says that it is.
      queue.functions = undefined;
    }
  }

  #tell(registry: Registry, names: () => readonly string[]): void {
    const queues = this.#queues;
    const registers = [registry];
    new Gauge({
      ...{ name: "edgear_queue_jobs", registers, labelNames: ["server", "function", "state"] },
      help: "Jobs that a job server has of a function of the pool: waiting for a worker, or running, on whichever worker.",
      collect() {
        this.reset();
        for (const { server, functions } of queues) {
          if (!functions) continue;
          for (const name of names()) {
            const { queued = 0, running = 0 } = functions.get(name) ?? {};
            this.set({ server, function: name, state: "waiting" }, queued);
            this.set({ server, function: name, state: "running" }, running);
          }
        }
      },
    });
    new Gauge({
      ...{ name: "edgear_queue_workers", registers, labelNames: ["server", "function"] },
      help: "Workers that a job server knows for a function of the pool, those of others included.",
      collect() {
        this.reset();
        for (const { server, functions } of queues)
          if (functions)
            for (const name of names()) this.set({ server, function: name }, functions.get(name)?.workers ?? 0);
      },
    });
    new Gauge({
      ...{ name: "edgear_server_up", registers, labelNames: ["server"] },
      help: "1 when the job server has answered when it was asked for its queues, 0 when it has not.",
      collect() {
        for (const { server, functions } of queues) this.set({ server }, functions ? 1 : 0);
      },
    });
    new Gauge({
      ...{ name: "edgear_server_read_time_seconds", registers, labelNames: ["server"] },
      help: "When the job server answered last, in seconds since 1970.",
      collect() {
        for (const { server, read } of queues) if (read !== undefined) this.set({ server }, read / 1_000);
      },
    });
  }
}
