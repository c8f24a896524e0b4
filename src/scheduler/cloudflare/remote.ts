import { fromRemote } from "../../cloudflare/errors.js";
import { checkOptions, show } from "../../connection/check.js";
import type { AnyJobs, JobMap } from "../../jobs.js";
import { Scheduler } from "../scheduler.js";
import type { ClaimLimits, Move, Store, StoredJob } from "../store.js";

/** What a Worker sees of a `GearmanScheduler`: the methods that RPC takes there. */
export type SchedulerStub = { [Method in keyof Store]: (...args: Parameters<Store[Method]>) => PromiseLike<unknown> };

/** A Durable Object namespace whose class is `GearmanScheduler`, or one that extends it. */
export interface SchedulerNamespace {
  getByName(name: string, options?: { locationHint?: never }): SchedulerStub;
}

/** Options of `scheduler`. */
export interface RemoteSchedulerOptions {
  /** Which of the namespace's objects: each has jobs of its own. Default `"scheduler"`. */
  readonly name?: string | undefined;
}

/**
 * A scheduler whose jobs a `GearmanScheduler` keeps and submits: `scheduler(env.GEARMAN_SCHEDULER).at(…)`. It has all
 * methods that plan (`at`, `delay`, `every`, `cron`, `list`, `get`, `cancel`, `reschedule`), needs no closing, and
 * may be kept. An object that was restarted before it answered is a `ConnectionLostError`.
 * @throws TypeError when an argument is wrong
 */
export function scheduler<Jobs extends JobMap<Jobs> = AnyJobs>(
  namespace: SchedulerNamespace,
  options: RemoteSchedulerOptions = {},
): Scheduler<Jobs> {
  if (typeof (namespace as Partial<SchedulerNamespace> | undefined)?.getByName !== "function")
    throw new TypeError(
      "scheduler() takes the binding of a Durable Object whose class is GearmanScheduler: this is none",
    );
  checkOptions(options, "scheduler", ["name"]);
  const { name = "scheduler" } = options;
  if (typeof name !== "string" || name === "")
    throw new TypeError(`the name of scheduler must be a text, not ${show(name)}`);
  return new Scheduler<Jobs>({ store: new RemoteStore(namespace, name) });
}

/** The store of a `GearmanScheduler`, by RPC. */
class RemoteStore implements Store {
  readonly #namespace: SchedulerNamespace;
  readonly #name: string;

  constructor(namespace: SchedulerNamespace, name: string) {
    this.#namespace = namespace;
    this.#name = name;
  }

  async put(job: StoredJob, only?: string): Promise<boolean> {
    return (await this.#ask((stub) => (only === undefined ? stub.put(job) : stub.put(job, only)))) as boolean;
  }

  async get(name: string): Promise<StoredJob | undefined> {
    const job = (await this.#ask((stub) => stub.get(name))) as StoredJob | null | undefined;
    return job ?? undefined;
  }

  async remove(name: string): Promise<boolean> {
    return (await this.#ask((stub) => stub.remove(name))) as boolean;
  }

  async list(after: string, limit: number): Promise<StoredJob[]> {
    return (await this.#ask((stub) => stub.list(after, limit))) as StoredJob[];
  }

  async claim(now: number, until: number, most: ClaimLimits): Promise<StoredJob[]> {
    return (await this.#ask((stub) => stub.claim(now, until, most))) as StoredJob[];
  }

  async settle(moves: readonly Move[]): Promise<void> {
    await this.#ask((stub) => stub.settle(moves));
  }

  async next(): Promise<number | undefined> {
    return (await this.#ask((stub) => stub.next())) as number | undefined;
  }

  async #ask(call: (stub: SchedulerStub) => PromiseLike<unknown>): Promise<unknown> {
    try {
      // A stub is of no use any more once its object was restarted: each call has its own.
      return plain(await call(this.#namespace.getByName(this.#name)));
    } catch (error) {
      throw fromRemote(error, this.#name);
    }
  }
}

/** What an answer is made of: it is an object of RPC's itself, and is given back. */
function plain(answer: unknown): unknown {
  if (typeof answer !== "object" || answer === null) return answer;
  const copy = Array.isArray(answer) ? answer.map((each) => ({ ...each })) : { ...answer };
  (answer as Partial<Disposable>)[Symbol.dispose]?.();
  if (!Array.isArray(copy)) Reflect.deleteProperty(copy, Symbol.dispose);
  return copy;
}
