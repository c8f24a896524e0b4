import { DurableObject } from "cloudflare:workers";
import { Client } from "../client/client.js";
import type { JobStatus, UniqueStatus } from "../client/status.js";
import type { BackgroundOptions, ForegroundOptions } from "../client/submission.js";
import { MAX_TIMER } from "../connection/check.js";
import type { PayloadInput } from "../payload.js";
import { type GearmanHubEnv, type HubSettings, readEnv } from "./env.js";
import { toRemote } from "./errors.js";

/** A job that a server took, as it goes from a hub to its caller: what `status` takes. */
export interface HubJob {
  readonly handle: string;
  readonly server: string;
  readonly unique: string;
}

/** Options whose values can go to another object. A signal stays with the caller: `hub()` sees to it. */
export type HubBackgroundOptions = Omit<BackgroundOptions, "signal">;
export type HubForegroundOptions = Omit<ForegroundOptions, "signal">;

/**
 * A Durable Object that keeps one client, and so one connection to each job server, for all requests of a Worker. Its
 * methods are called by RPC: `hub(env.GEARMAN_HUB)` does that, and gives `JobHandle`, `Payload` and the library's errors.
 *
 * The platform keeps an object for a socket's sake for 15 minutes at most. So an alarm rings every ten: it makes a new
 * connection, and the old one ends as soon as its calls are done. A hub that nobody has called since the last alarm
 * closes instead, and costs nothing until the next call.
 */
export class GearmanHub extends DurableObject<GearmanHubEnv> {
  #settings: HubSettings | undefined;
  #client: Client | undefined;
  /** Whether anybody has called since the last alarm. */
  #used = false;

  /** As `client.background`. */
  background(name: string, workload?: PayloadInput, options?: HubBackgroundOptions): Promise<HubJob> {
    return this.#call(async (client) => (await client.background(name, workload, options)).toJSON());
  }

  /** As `client.run`: the result's bytes. */
  run(name: string, workload?: PayloadInput, options?: HubForegroundOptions): Promise<Uint8Array> {
    return this.#call(async (client) => (await client.run(name, workload, options)).bytes);
  }

  /** As `client.status`. */
  status(job: string | { readonly handle: string; readonly server?: string | undefined }): Promise<JobStatus> {
    return this.#call((client) => client.status(job));
  }

  /** As `client.statusOf`. */
  statusOf(unique: string): Promise<UniqueStatus> {
    return this.#call((client) => client.statusOf(unique));
  }

  /** As `client.ping`. */
  ping(): Promise<number> {
    return this.#call((client) => client.ping());
  }

  /** Makes the connections anew, or closes them when nobody uses them. The platform calls it. */
  async alarm(): Promise<void> {
    const old = this.#client;
    // The object was restarted: what it had is gone, and the next call makes it anew.
    if (!old) return;
    if (!this.#used) {
      this.#client = undefined;
      this.#retire(old);
      return;
    }
    this.#used = false;
    const next = this.#open();
    try {
      await next.ping();
    } catch {
      // The old one is as good as any then, and tries again by itself; the next alarm does, too.
      next.destroy();
      this.#setAlarm();
      return;
    }
    this.#client = next;
    this.#retire(old);
  }

  async #call<T>(what: (client: Client) => Promise<T>): Promise<T> {
    try {
      this.#client ??= this.#open();
      this.#used = true;
      return await what(this.#client);
    } catch (error) {
      throw toRemote(error);
    }
  }

  #open(): Client {
    this.#settings ??= readEnv(this.env);
    const { servers, client: options } = this.#settings;
    const client = new Client(servers, options);
    let first = true;
    client.on("connect", () => {
      if (first) this.#setAlarm();
      first = false;
    });
    return client;
  }

  /**
   * The clock starts with a connection, and is written down after it was made: a connection that is asked for has to
   * wait for what is written, and so have the answers of a hub, unless they are told not to.
   */
  #setAlarm(): void {
    const at = Date.now() + (this.#settings as HubSettings).interval;
    this.ctx.waitUntil(this.ctx.storage.setAlarm(at, { allowUnconfirmed: true }));
  }

  /** Closes a client as soon as its calls are done, however long that takes. */
  #retire(client: Client): void {
    this.ctx.waitUntil(client.close({ timeout: MAX_TIMER }));
  }
}
