import type { TracerProvider } from "@opentelemetry/api";
import { trace } from "@opentelemetry/api";
import { Client } from "../client/client.js";
import { checkFunction, checkOptions, show } from "../connection/check.js";
import type { AnyJobs, FunctionName, JobMap } from "../jobs.js";
import { VERSION } from "../version.js";
import { Worker } from "../worker/worker.js";
import { traceClient } from "./client.js";
import { traceWorker } from "./worker.js";

/** Options of a traced worker. */
export interface TracedOptions {
  /** Who makes the spans; default: the one that was registered with OpenTelemetry, be it later on. */
  tracerProvider?: TracerProvider | undefined;
}

/** Options of a traced client. */
export interface TracedClientOptions<Jobs extends JobMap<Jobs> = AnyJobs> extends TracedOptions {
  /**
   * The functions whose workloads go in an envelope that carries the trace, so that their workers' spans become children
   * of the client's. Default: none. Every worker of such a function must be a traced one, or take the envelope off
   * itself: another one gets it for its workload.
   */
  envelope?: readonly FunctionName<Jobs>[] | undefined;
}

const already = new WeakSet<object>();

/**
 * Has a client make spans of what it submits: a producer's for a background job, until a server has taken it, one for a
 * whole bulk, and a client's for a foreground job, until its result is there. It is the same client that is given back.
 *
 * Spans follow OpenTelemetry's conventions for messaging (docs/observability.md). Where no SDK is registered, nothing is
 * made.
 * @throws TypeError when it is traced already, or an option is wrong
 */
export function traced<Jobs extends JobMap<Jobs>>(
  client: Client<Jobs>,
  options?: TracedClientOptions<Jobs>,
): Client<Jobs>;
/**
 * Has a worker make a consumer's span of each job, in which its handler runs, and takes off the envelopes that traced
 * clients may have put the workloads into, whatever the function. It is the same worker that is given back.
 * @throws TypeError when it is traced already, or an option is wrong
 */
export function traced<Jobs extends JobMap<Jobs>>(worker: Worker<Jobs>, options?: TracedOptions): Worker<Jobs>;
export function traced(target: Client | Worker, options: TracedClientOptions = {}): Client | Worker {
  const isClient = target instanceof Client;
  if (!isClient && !(target instanceof Worker))
    throw new TypeError(`traced takes a Client or a Worker, not ${show(target)}`);
  checkOptions(options, "traced", isClient ? ["tracerProvider", "envelope"] : ["tracerProvider"]);
  const { tracerProvider = trace, envelope = [] } = options;
  if (typeof tracerProvider?.getTracer !== "function")
    throw new TypeError(`tracerProvider must be one of OpenTelemetry's, not ${show(tracerProvider)}`);
  if (!Array.isArray(envelope)) throw new TypeError(`envelope must be a list of functions, not ${show(envelope)}`);
  for (const name of envelope) checkFunction(name);
  // Twice would be two spans of each job.
  if (already.has(target)) throw new TypeError(`this ${isClient ? "client" : "worker"} is traced already`);
  already.add(target);
  const tracer = tracerProvider.getTracer("edgear", VERSION);
  if (isClient) traceClient(target, tracer, new Set(envelope));
  else traceWorker(target, tracer);
  return target;
}
