import { DurableObject } from "cloudflare:workers";
import { Client } from "../../client/client.js";
import type { ClientOptions } from "../../client/options.js";
import { clientSettings, type GearmanEnv } from "../../cloudflare/env.js";
import { Backoff } from "../../connection/backoff.js";
import type { Submitter } from "../options.js";
import { Scheduler } from "../scheduler.js";
import type { ClaimLimits, Move, Store, StoredJob } from "../store.js";
import { DurableObjectStore, MOST_STORED } from "./store.js";

/** Milliseconds after which an alarm begins no further batch: the platform ends it after 15 minutes. */
const ALARM_LIMIT = 12 * 60_000;

/**
 * A Durable Object that keeps scheduled jobs, and submits them by itself when they are due: its alarm rings then. Nothing
 * runs, and nothing is connected, in between. Jobs are planned by RPC: `scheduler(env.GEARMAN_SCHEDULER)` does that.
 *
 * Job servers are those of GEARMAN_SERVERS, as for `GearmanHub`. While none can be had, the alarm rings again after a
 * second, and after twice as long each time, up to a minute.
 */
export class GearmanScheduler extends DurableObject<GearmanEnv> implements Store {
  #made: DurableObjectStore | undefined;
  readonly #backoff = new Backoff({ minDelay: 1_000, maxDelay: 60_000 });
  /** Whether the alarm is ringing, or waits for what is away: it is set when that is over. */
  #busy = false;
  #away = false;
  /** Kept from alarm to alarm: it remembers which jobs hold others up. */
  #scheduler: Scheduler | undefined;
  /** That of the alarm that rings. */
  #client: Client | undefined;

  get #store(): DurableObjectStore {
    this.#made ??= new DurableObjectStore(this.ctx.storage);
    return this.#made;
  }

  /** As `Store.put`. The alarm is set with it. */
  async put(job: StoredJob, only?: string): Promise<boolean> {
    if (job.workload.byteLength > MOST_STORED)
      throw new TypeError(
        `the workload has ${job.workload.byteLength} bytes, and a Durable Object keeps ${MOST_STORED} of one at most`,
      );
    const written = await this.#store.put(job, only);
    if (written) await this.#setAlarm();
    return written;
  }

  /** As `Store.get`. */
  get(name: string): Promise<StoredJob | undefined> {
    return this.#store.get(name);
  }

  /** As `Store.remove`. */
  remove(name: string): Promise<boolean> {
    return this.#store.remove(name);
  }

  /** As `Store.list`: the 16 MiB of a page are half of what RPC carries. */
  list(after: string, limit: number): Promise<StoredJob[]> {
    return this.#store.list(after, limit);
  }

  /** As `Store.claim`: for schedulers elsewhere. */
  claim(now: number, until: number, most: ClaimLimits): Promise<StoredJob[]> {
    return this.#store.claim(now, until, most);
  }

  /** As `Store.settle`. The alarm is set with it. */
  async settle(moves: readonly Move[]): Promise<void> {
    await this.#store.settle(moves);
    // A job may have been given back.
    await this.#setAlarm();
  }

  /** As `Store.next`. */
  next(): Promise<number | undefined> {
    return this.#store.next();
  }

  /** Submits what is due. The platform calls it. */
  async alarm(): Promise<void> {
    this.#busy = true;
    this.#away = false;
    try {
      await this.#submitDue();
    } catch (error) {
      // An alarm that throws is called again a few times, and then never more.
      this.#away = true;
      warn("the scheduled jobs could not be submitted", error);
    }
    this.#busy = false;
    if (this.#away) {
      await this.ctx.storage.setAlarm(Date.now() + this.#backoff.next());
      return;
    }
    this.#backoff.reset();
    // What was put in while the client was being closed is minded, too.
    await this.#setAlarm();
  }

  /** The options of the client that submits: an object of yours can have others. */
  protected clientOptions(): ClientOptions {
    return clientSettings(this.env).options;
  }

  /** Called once with the scheduler, before it begins: its events tell what happens. The default logs what goes wrong. */
  protected watch(scheduler: Scheduler): void {
    scheduler.on("error", ({ from, error }) => warn(`the ${from} of the scheduled jobs is away`, error));
    scheduler.on("refuse", ({ name, error }) => warn(`the scheduled job ${name} was refused`, error));
  }

  async #submitDue(): Promise<void> {
    const client = new Client(clientSettings(this.env).servers, this.clientOptions());
    this.#client = client;
    this.#scheduler ??= this.#newScheduler();
    try {
      await this.#scheduler.runDue(ALARM_LIMIT);
    } finally {
      await client.close();
    }
  }

  #newScheduler(): Scheduler {
    const client: Submitter = {
      background: async (name, ...args) => {
        if (!this.#client) throw new Error("no alarm rings");
        return this.#client.background(name, ...args);
      },
    };
    const scheduler = new Scheduler({ client, store: this.#store, tolerance: 120_000 });
    scheduler.on("error", () => {
      this.#away = true;
    });
    // Not all that fails at first is away.
    scheduler.on("recover", () => {
      this.#away = false;
    });
    this.watch(scheduler);
    return scheduler;
  }

  async #setAlarm(): Promise<void> {
    if (this.#busy || this.#away) return;
    const next = await this.#store.next();
    // The platform takes no alarm at 0, which here is a time like any other that has gone by.
    if (next !== undefined) await this.ctx.storage.setAlarm(Math.max(1, next));
  }
}

function warn(words: string, error: unknown): void {
  // biome-ignore lint/suspicious/noConsole: the log of a Durable Object, which nobody else reads for it
  console.warn(`${words}: ${error instanceof Error ? error.message : error}`);
}
