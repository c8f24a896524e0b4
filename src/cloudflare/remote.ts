import { JobHandle } from "../client/handle.js";
import type { WaitOptions } from "../client/options.js";
import type { JobReference } from "../client/reference.js";
import type { JobStatus, UniqueStatus } from "../client/status.js";
import type { BackgroundOptions, ForegroundOptions } from "../client/submission.js";
import { abortable } from "../connection/wait.js";
import type { AnyJobs, FunctionName, GivenResult, GivenWorkload, JobMap, WorkloadArguments } from "../jobs.js";
import { Payload, type PayloadInput, toWire } from "../payload.js";
import { fromRemote } from "./errors.js";
import type { HubBackgroundOptions, HubForegroundOptions, HubJob } from "./hub.js";

/** What a Worker sees of a hub: the methods that RPC takes there. */
export interface HubStub {
  background(name: string, workload?: string | Uint8Array, options?: HubBackgroundOptions): PromiseLike<HubJob>;
  run(name: string, workload?: string | Uint8Array, options?: HubForegroundOptions): PromiseLike<Uint8Array>;
  status(job: string | { handle: string; server?: string }): PromiseLike<JobStatus>;
  statusOf(unique: string): PromiseLike<UniqueStatus>;
  ping(): PromiseLike<number>;
}

/** A Durable Object namespace whose class is `GearmanHub`, or one that extends it. */
export interface HubNamespace {
  getByName(name: string, options?: { locationHint?: never }): HubStub;
}

/** Options of `hub`. */
export interface HubOptions {
  /** Which of the namespace's hubs: each is an object with connections of its own. Default `"gearman"`. */
  name?: string | undefined;
  /** Where the hub is to be when it is made, e.g. `"weur"`: near the job servers. Default: near the first who calls. */
  locationHint?: string | undefined;
}

/** A client whose connections a hub keeps. It is made in no time, needs no closing, and may be kept. */
export interface HubClient<Jobs extends JobMap<Jobs> = AnyJobs> {
  /** As `Client.background`. A hub that was restarted meanwhile is a `ConnectionLostError`. */
  background<Name extends FunctionName<Jobs>>(
    name: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, BackgroundOptions>
  ): Promise<JobHandle>;
  /** As `Client.run`. */
  run<Name extends FunctionName<Jobs>>(
    name: Name,
    ...args: WorkloadArguments<GivenWorkload<Jobs, Name>, ForegroundOptions>
  ): Promise<Payload<GivenResult<Jobs, Name>>>;
  /** As `Client.status`. */
  status(job: JobReference, options?: WaitOptions): Promise<JobStatus>;
  /** As `Client.statusOf`. */
  statusOf(unique: string, options?: WaitOptions): Promise<UniqueStatus>;
  /** As `Client.ping`: the round trip between the hub and its job server. */
  ping(options?: WaitOptions): Promise<number>;
}

/**
 * A client of a hub: `hub(env.GEARMAN_HUB).background("resize", { id: 7 })`.
 *
 * What it gives and throws is what `Client` does; a `signal` ends the wait here, and not the call there.
 */
export function hub<Jobs extends JobMap<Jobs> = AnyJobs>(
  namespace: HubNamespace,
  options: HubOptions = {},
): HubClient<Jobs> {
  const { name: hubName = "gearman", locationHint } = options;
  if (typeof (namespace as Partial<HubNamespace> | undefined)?.getByName !== "function")
    throw new TypeError("hub() takes the binding of a Durable Object whose class is GearmanHub: this is none");

  async function ask<T>(call: (stub: HubStub) => PromiseLike<T>, signal: AbortSignal | undefined): Promise<T> {
    signal?.throwIfAborted();
    // A stub is of no use any more once its object was restarted: each call has its own.
    const stub = namespace.getByName(hubName, locationHint ? { locationHint: locationHint as never } : undefined);
    const answer = Promise.resolve(call(stub)).catch((error: unknown) => {
      throw fromRemote(error, hubName);
    });
    return abortable(answer, signal);
  }

  async function background(
    name: string,
    workload?: PayloadInput,
    { signal, ...rest }: BackgroundOptions = {},
  ): Promise<JobHandle> {
    const bytes = portable(workload);
    const { handle, server, unique } = await ask((stub) => stub.background(name, bytes, rest), signal);
    return new JobHandle(server, handle, 0, unique, 0);
  }

  async function run(name: string, workload?: PayloadInput, { signal, ...rest }: ForegroundOptions = {}) {
    const bytes = portable(workload);
    return new Payload(await ask((stub) => stub.run(name, bytes, rest), signal));
  }

  return {
    background: background as HubClient<Jobs>["background"],
    run: run as HubClient<Jobs>["run"],
    status: (job, { signal } = {}) => ask((stub) => stub.status(reference(job)), signal),
    statusOf: (unique, { signal } = {}) => ask((stub) => stub.statusOf(unique), signal),
    ping: ({ signal } = {}) => ask((stub) => stub.ping(), signal),
  };
}

/** A workload as it goes on the wire: RPC makes other copies of objects than JSON does, and of a view all that is behind it. */
function portable(workload: PayloadInput): string | Uint8Array {
  const wire = toWire(workload, "the workload");
  return typeof wire === "string" || wire.byteLength === wire.buffer.byteLength ? wire : wire.slice();
}

function reference(job: JobReference): string | { handle: string; server?: string } {
  if (typeof job !== "object" || job === null) return job;
  const { handle, server } = job;
  return server === undefined ? { handle } : { handle, server };
}
