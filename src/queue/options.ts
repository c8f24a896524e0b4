import type { Client } from "../client/client.js";
import type { Servers } from "../connection/address.js";
import { checkFunction, checkOptions, show } from "../connection/check.js";
import { checkValidators, type GivenWorkload, type JobValidators, type Validator, type WorkloadOf } from "../jobs.js";
import type { WorkerOptions } from "../worker/options.js";

/** What goes through each queue, by its name: types, or validators. */
// biome-ignore lint/suspicious/noExplicitAny: any queues with anything
export type AnyMessages = any;

type JobsOf<Messages> = { [Name in keyof Messages]: { workload: Messages[Name] } };

/** What `put` takes for a queue, and what comes out of it. */
export type GivenMessage<Messages, Name extends keyof Messages> = GivenWorkload<JobsOf<Messages>, Name>;
export type MessageOf<Messages, Name extends keyof Messages> = WorkloadOf<JobsOf<Messages>, Name>;

/** Validators by queue; the types of the messages are those of the validators. */
export type MessageValidators<Messages> = { readonly [Name in keyof Messages]?: Messages[Name] } & {
  // biome-ignore lint/suspicious/noExplicitAny: a validator of anything
  readonly [name: string]: Validator<any, any>;
};

/** Options that client and worker have alike. */
const SHARED = [
  "connectTimeout",
  "requestTimeout",
  "maxPacketSize",
  "connect",
] as const satisfies (keyof WorkerOptions)[];
/** Of a worker's, those that a queue's readers have. */
const READERS = [...SHARED, "id", "pollInterval", "logger"] as const satisfies (keyof WorkerOptions)[];

type ClientPart = Pick<WorkerOptions, (typeof SHARED)[number]>;
/** What a worker takes, and means by it: the connections that get messages are workers'. */
type ReaderPart = Pick<WorkerOptions, (typeof READERS)[number]>;

/** Options of `new Queue`. Times are in milliseconds. */
export interface QueueOptions<Messages = AnyMessages> extends ReaderPart {
  /** Where the job servers are; default `127.0.0.1:4730`. Messages are put to one of them, and got from all. */
  servers?: Servers | undefined;
  /** Puts by this client, which stays yours to close. Without `servers` beside it, messages can be put only. */
  client?: Client | undefined;
  /** What function names begin with; default `"queue."`: the queue `q1` is the function `queue.q1`. */
  prefix?: string | undefined;
  /** Validators of messages by queue, of the Standard Schema kind. What they check goes as JSON. */
  messages?: MessageValidators<Messages> | undefined;
}

/** Options of `queue.get`. */
export interface GetOptions {
  /** Milliseconds until a message must be there; default: no limit. Then it rejects with a `TimeoutError`. */
  timeout?: number | undefined;
  /** Ends the wait: it rejects with the signal's reason. */
  signal?: AbortSignal | undefined;
  /**
   * `"auto"` (the default): the message has left the queue when `get` resolves. `"manual"`: it is held until it is
   * acknowledged, rejected or given back, and comes again if this process dies before.
   */
  ack?: "auto" | "manual" | undefined;
}

/** Options of `queue.messages`. */
export interface MessagesOptions {
  /** How many messages may be in hand at once, those included that wait for the loop; default 1. Each has its own connection. */
  prefetch?: number | undefined;
  /** Ends the loop. Messages that it gave out can still be acknowledged; those that it has not given out go back. */
  signal?: AbortSignal | undefined;
}

/** Options of `queue.close`. */
export interface QueueCloseOptions {
  /** Milliseconds that messages in hand are waited for, before they go back; default 0. */
  timeout?: number | undefined;
}

/** @throws TypeError when one can't be one; what client and worker take, they check themselves */
export function checkQueueOptions(options: QueueOptions): void {
  checkOptions(options, "Queue", ["servers", "client", "prefix", "messages", ...READERS]);
  const { client, prefix } = options;
  if (prefix !== undefined && typeof prefix !== "string")
    throw new TypeError(`prefix must be a string, not ${show(prefix)}`);
  if (client !== undefined && typeof client?.background !== "function")
    throw new TypeError(`client must be a Client, not ${show(client)}`);
}

/** @throws TypeError when a queue's name can't be one */
export function functionOf(prefix: string, name: unknown): string {
  if (typeof name !== "string" || name === "")
    throw new TypeError(`a queue's name must be a string that isn't empty, not ${show(name)}`);
  const whole = prefix + name;
  checkFunction(whole);
  return whole;
}

/** Of a queue's options, those of its client and of its readers. */
export function clientOptionsOf(options: QueueOptions): ClientPart {
  return Object.fromEntries(SHARED.map((name) => [name, options[name]]));
}
export function readerOptionsOf(options: QueueOptions): ReaderPart {
  return Object.fromEntries(READERS.map((name) => [name, options[name]]));
}

/** Validators by queue, as jobs have them by function. @throws TypeError when they are none */
export function checkMessages(messages: unknown): Record<string, JobValidators> {
  if (messages === undefined) return {};
  if (typeof messages !== "object" || messages === null || Array.isArray(messages))
    throw new TypeError(`messages must be an object of validators by queue, not ${show(messages)}`);
  const all = Object.entries(messages).map(([name, validator]) => [name, { workload: validator }]);
  const validators: Record<string, JobValidators> = Object.fromEntries(all);
  checkValidators(validators);
  return validators;
}
