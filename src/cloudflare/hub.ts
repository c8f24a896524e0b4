import { DurableObject } from "cloudflare:workers";
import { Client } from "../client/client.js";
import type { ClientOptions } from "../client/options.js";
import type { JobStatus, UniqueStatus } from "../client/status.js";
import type { BackgroundOptions, ForegroundOptions } from "../client/submission.js";
import { checkOptions } from "../connection/check.js";
import { ConfigError } from "../errors.js";
import type { PayloadInput } from "../payload.js";
import { type GearmanHubEnv, type HubSettings, readHubEnv } from "./env.js";
import { MOST_CARRIED, ResultTooLargeError, toRemote } from "./errors.js";

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
 * The platform keeps an object for a socket's sake for 15 minutes at most. So an alarm rings every ten: it makes the
 * connections anew, and each old one ends as soon as its calls are done. A hub that nobody has called since the last
 * alarm, and that waits for nothing, closes instead, and costs nothing until the next call.
 */
export class GearmanHub extends DurableObject<GearmanHubEnv> {
  #settings: HubSettings | undefined;
  #client: Client | undefined;
  /** Whether anybody has called since the last alarm. */
  #used = false;
  /** Calls whose fate is open. */
  #open = 0;
  /** What ends each run whose caller may give it up, by the name that the caller has for it. */
  readonly #runs = new Map<string, AbortController>();

  /** As `client.background`. */
  background(name: string, workload?: PayloadInput, options?: HubBackgroundOptions): Promise<HubJob> {
    return this.#call(async (client) => (await client.background(name, workload, options)).toJSON());
  }

  /**
   * As `client.run`: the result's bytes. It is waited for as long as GEARMAN_HUB_RUN_TIMEOUT says at most: a
   * caller who has died says nothing of it.
   * @param run the caller's name for this run, for `abandon`; no other one has it
   */
  run(name: string, workload?: PayloadInput, options?: HubForegroundOptions, run?: string): Promise<Uint8Array> {
    const given = new AbortController();
    if (run !== undefined) this.#runs.set(run, given);
    return this.#call(async (client, { runTimeout }) => {
      checkOptions(options, "run", ["priority", "unique", "timeout", "reducer"]);
      const { timeout = runTimeout } = options ?? {};
      if (timeout > runTimeout)
        throw new TypeError(
          `the timeout of a hub's run may be ${runTimeout} ms at most (GEARMAN_HUB_RUN_TIMEOUT), not ${timeout}`,
        );
      const task = client.submit(name, workload, { ...options, timeout, signal: given.signal });
      // What it tells on the way isn't kept for anybody.
      for await (const _event of task);
      const { bytes } = await task.result;
      if (bytes.byteLength > MOST_CARRIED) throw new ResultTooLargeError(task.created?.handle ?? "", bytes.byteLength);
      return bytes;
    }).finally(() => run !== undefined && this.#runs.delete(run));
  }

  /** Ends a run that its caller has given up: its connection need not be kept for it. */
  abandon(run: string): void {
    this.#runs.get(run)?.abort();
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
    const client = this.#client;
    // The object was restarted: what it had is gone, and the next call makes it anew.
    if (!client) return;
    if (!this.#used && this.#open === 0) {
      this.#client = undefined;
      await client.close();
      return;
    }
    this.#used = false;
    await client.renew();
    this.#setAlarm();
  }

  /** The options of the hub's client: a hub of yours can have others, e.g. `{ ...super.clientOptions(), balance: "unique" }`. */
  protected clientOptions(): ClientOptions {
    return this.#configured.options;
  }

  get #configured(): HubSettings {
    this.#settings ??= readHubEnv(this.env);
    return this.#settings;
  }

  async #call<T>(what: (client: Client, settings: HubSettings) => Promise<T>): Promise<T> {
    this.#used = true;
    this.#open++;
    try {
      this.#client ??= this.#connect();
      return await what(this.#client, this.#configured);
    } catch (error) {
      throw toRemote(error);
    } finally {
      this.#open--;
    }
  }

  #connect(): Client {
    const client = this.#makeClient();
    let first = true;
    client.on("connect", () => {
      if (first) this.#setAlarm();
      first = false;
    });
    return client;
  }

  /** @throws ConfigError when a variable is wrong: no argument of the caller's is to blame */
  #makeClient(): Client {
    try {
      return new Client(this.#configured.servers, this.clientOptions());
    } catch (cause) {
      if (!(cause instanceof TypeError)) throw cause;
      throw new ConfigError(`the hub is set up wrongly: ${cause.message}`, undefined, [], { cause });
    }
  }

  /**
   * The clock starts with a connection, and is written down after it was made: a connection that is asked for has to
   * wait for what is written, and so have the answers of a hub, unless they are told not to.
   */
  #setAlarm(): void {
    const at = Date.now() + this.#configured.interval;
    this.ctx.waitUntil(this.ctx.storage.setAlarm(at, { allowUnconfirmed: true }));
  }
}
