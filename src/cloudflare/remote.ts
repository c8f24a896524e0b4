import { waitUntil } from "cloudflare:workers";
import { JobHandle } from "../client/handle.js";
import type { WaitOptions } from "../client/options.js";
import { checkReference, type JobReference } from "../client/reference.js";
import type { JobStatus, UniqueStatus } from "../client/status.js";
import type { BackgroundOptions, ForegroundOptions } from "../client/submission.js";
import { checkOptions, show } from "../connection/check.js";
import { onAbort } from "../connection/signals.js";
import { abortable } from "../connection/wait.js";
import type { AnyJobs, FunctionName, GivenResult, GivenWorkload, JobMap, WorkloadArguments } from "../jobs.js";
import { Payload, type PayloadInput, toWire } from "../payload.js";
import { fromRemote, MOST_CARRIED } from "./errors.js";
import type { HubBackgroundOptions, HubForegroundOptions, HubJob } from "./hub.js";

/** What a Worker sees of a hub: the methods that RPC takes there. */
export interface HubStub {
  background(name: string, workload?: Uint8Array, options?: HubBackgroundOptions): PromiseLike<HubJob>;
  run(name: string, workload?: Uint8Array, options?: HubForegroundOptions, run?: string): PromiseLike<Uint8Array>;
  abandon(run: string): PromiseLike<void>;
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
  /** As `Client.run`. It is waited for 15 minutes at most, or as long as the hub's GEARMAN_HUB_RUN_TIMEOUT says. */
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
 * What it gives and throws is what `Client` does. A `signal` ends the wait; a `run` that was given up so is given up by
 * the hub, too.
 */
export function hub<Jobs extends JobMap<Jobs> = AnyJobs>(
  namespace: HubNamespace,
  options?: HubOptions,
): HubClient<Jobs> {
  if (typeof (namespace as Partial<HubNamespace> | undefined)?.getByName !== "function")
    throw new TypeError("hub() takes the binding of a Durable Object whose class is GearmanHub: this is none");
  checkOptions(options, "hub", ["name", "locationHint"]);
  const { name: hubName = "gearman", locationHint } = options ?? {};
  checkWords({ name: hubName, locationHint });

  /** @param pick what of the answer is given out: it is an object of RPC's, and is given back */
  async function ask<Answer, T>(
    call: (stub: HubStub) => PromiseLike<Answer>,
    signal: AbortSignal | undefined,
    pick: (answer: Answer) => T,
    abandon?: (stub: HubStub) => PromiseLike<void>,
  ): Promise<T> {
    signal?.throwIfAborted();
    // A stub is of no use any more once its object was restarted: each call has its own.
    const stub = namespace.getByName(hubName, locationHint ? { locationHint: locationHint as never } : undefined);
    const answer = picked(call(stub), pick).catch((error: unknown) => {
      throw fromRemote(error, hubName);
    });
    if (signal && abandon) {
      const release = onAbort(signal, () => inBackground(abandon(stub)));
      answer.then(release, release);
    }
    return abortable(answer, signal);
  }

  async function background(name: string, workload?: PayloadInput, options?: BackgroundOptions): Promise<JobHandle> {
    checkOptions(options, "background", ["priority", "unique", "signal", "at", "delay"]);
    const { signal, ...rest } = options ?? {};
    const bytes = portable(workload);
    return ask(
      (stub) => stub.background(name, bytes, rest),
      signal,
      ({ handle, server, unique }) => new JobHandle(server, handle, 0, unique, 0),
    );
  }

  async function run(name: string, workload?: PayloadInput, options?: ForegroundOptions): Promise<Payload> {
    checkOptions(options, "run", ["priority", "unique", "signal", "timeout", "reducer"]);
    const { signal, ...rest } = options ?? {};
    const bytes = portable(workload);
    const id = signal && crypto.randomUUID();
    return ask(
      (stub) => stub.run(name, bytes, rest, id),
      signal,
      (result) => new Payload(result),
      id ? (stub) => stub.abandon(id) : undefined,
    );
  }

  async function status(job: JobReference, options?: WaitOptions): Promise<JobStatus> {
    checkOptions(options, "status", ["signal"]);
    const { handle, server } = checkReference(job);
    const asked = server === undefined ? { handle } : { handle, server };
    return ask((stub) => stub.status(asked), options?.signal, statusFields);
  }

  async function statusOf(unique: string, options?: WaitOptions): Promise<UniqueStatus> {
    checkOptions(options, "statusOf", ["signal"]);
    const pick = (answer: UniqueStatus) => ({ ...statusFields(answer), waiting: answer.waiting });
    return ask((stub) => stub.statusOf(unique), options?.signal, pick);
  }

  async function ping(options?: WaitOptions): Promise<number> {
    checkOptions(options, "ping", ["signal"]);
    return ask(
      (stub) => stub.ping(),
      options?.signal,
      (milliseconds) => milliseconds,
    );
  }

  return {
    background: background as HubClient<Jobs>["background"],
    run: run as HubClient<Jobs>["run"],
    status,
    statusOf,
    ping,
  };
}

async function picked<Answer, T>(call: PromiseLike<Answer>, pick: (answer: Answer) => T): Promise<T> {
  const answer = await call;
  try {
    return pick(answer);
  } finally {
    (answer as Partial<Disposable> | undefined)?.[Symbol.dispose]?.();
  }
}

function statusFields({ known, running, numerator, denominator, progress, state }: JobStatus): JobStatus {
  return { known, running, numerator, denominator, progress, state };
}

/** Sees a call through, even when the request that it comes from has been left. Nobody waits for what comes of it. */
function inBackground(call: PromiseLike<void>): void {
  waitUntil(Promise.resolve(call).catch(() => {}));
}

/** @throws TypeError when an option is given that is no text */
function checkWords(options: Record<string, unknown>): void {
  for (const [name, value] of Object.entries(options)) {
    if (value !== undefined && (typeof value !== "string" || value === ""))
      throw new TypeError(`the ${name} of hub must be a text, not ${show(value)}`);
  }
}

const encoder = new TextEncoder();

/**
 * A workload's bytes, as they go on the wire: RPC makes other copies of objects than JSON does, of many texts twice the
 * bytes, and of a view all that is behind it.
 * @throws TypeError when they are more than it carries
 */
function portable(workload: PayloadInput): Uint8Array {
  const wire = toWire(workload, "the workload");
  const bytes = typeof wire === "string" ? encoder.encode(wire) : wire;
  const size = bytes.byteLength;
  if (size > MOST_CARRIED)
    throw new TypeError(
      `the workload has ${size} bytes, and a hub can be handed ${MOST_CARRIED} at most: use a Client for such jobs`,
    );
  return size === bytes.buffer.byteLength ? bytes : bytes.slice();
}
