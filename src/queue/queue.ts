import { Client } from "../client/client.js";
import type { JobHandle } from "../client/handle.js";
import type { BackgroundOptions } from "../client/submission.js";
import type { Servers } from "../connection/address.js";
import { checkMilliseconds, checkOptions, checkWord, show } from "../connection/check.js";
import { onAbort } from "../connection/signals.js";
import { ClosedError, ConnectionLostError, TimeoutError } from "../errors.js";
import { Emitter } from "../events.js";
import { checkedJson, checkedPayload, type JobValidators, validatorsOf, type WorkloadArguments } from "../jobs.js";
import { Payload, type PayloadInput } from "../payload.js";
import type { Job } from "../worker/job.js";
import { checkCount } from "../worker/options.js";
import { MessageLoop, type Reading } from "./loop.js";
import { type Holder, Message, UnconfirmedError } from "./message.js";
import {
  type AnyMessages,
  checkMessages,
  checkQueueOptions,
  clientOptionsOf,
  functionOf,
  type GetOptions,
  type GivenMessage,
  type MessageOf,
  type MessagesOptions,
  type QueueCloseOptions,
  type QueueOptions,
  readerOptionsOf,
} from "./options.js";
import { Reader } from "./reader.js";

/** What a queue tells. */
export interface QueueEvents {
  /** A server that messages are got from can't be reached, or was lost. It is tried again. */
  error: { server: string; error: Error };
}

type QueueName<Messages> = Extract<keyof Messages, string>;

/** What `put` takes beside the message: priority, unique, at, delay, signal. */
export type PutOptions = BackgroundOptions;

/**
 * Messages through job servers: one that was put is got by one who asks for it, in the order of priority and time.
 *
 * A message is a background job of the function `queue.<name>`, so that any Gearman client can put one, and any worker
 * get it. It is delivered at least once: when whoever got it dies before it was acknowledged, it comes again.
 */
export class Queue<Messages = AnyMessages> extends Emitter<QueueEvents> implements AsyncDisposable {
  /** For the compiler alone: a queue of some messages is none of others. */
  declare protected readonly "~messages": Messages;
  readonly #options: QueueOptions;
  readonly #prefix: string;
  readonly #validators: Readonly<Record<string, JobValidators>>;
  #client: Client | undefined;
  /** All that get messages now. */
  readonly #readers = new Set<Reader>();
  readonly #closed = new AbortController();
  #closing: Promise<void> | undefined;

  /** @throws TypeError when an option is wrong */
  constructor(options: QueueOptions<Messages> = {}) {
    super();
    checkQueueOptions(options as QueueOptions);
    this.#options = options as QueueOptions;
    this.#prefix = options.prefix ?? "queue.";
    this.#validators = checkMessages(options.messages);
    const { client, servers } = options;
    // Both check what they are given now, rather than at the first message; neither connects yet.
    this.#client = client ?? new Client(servers, clientOptionsOf(this.#options));
  }

  /**
   * Puts a message. Resolves once a server has taken it.
   * @throws TypeError (as a rejection) when an argument is wrong, or the message isn't what the validator takes
   * @throws ClosedError when the queue was closed, and as `client.background`
   */
  async put<Name extends QueueName<Messages>>(
    name: Name,
    ...args: WorkloadArguments<GivenMessage<Messages, Name>, PutOptions>
  ): Promise<JobHandle> {
    const [message, options] = args as [PayloadInput?, PutOptions?];
    const queue = functionOf(this.#prefix, name);
    this.#closed.signal.throwIfAborted();
    const { workload } = validatorsOf(this.#validators, name);
    const wire = workload ? await checkedJson(workload, message, `the message for the queue ${show(name)}`) : message;
    return (this.#client as Client).background(queue, wire, options);
  }

  /**
   * Waits for a message, and takes it off the queue: by then it is acknowledged, unless `ack` is `"manual"`. It makes a
   * connection of its own each time; who gets many messages uses `messages`.
   * @throws TimeoutError (as a rejection) when none has come in time; its `cause` says when a server couldn't be reached
   * @throws UnconfirmedError when a message had come, and its acknowledgement may not have arrived: its `received` is the
   * message, which may come again. Any other ConnectionLostError: it had come, and has gone back
   * @throws TypeError when an argument is wrong, ClosedError when the queue is closed, the signal's reason when it aborts
   */
  async get<Name extends QueueName<Messages>>(
    name: Name,
    options: GetOptions = {},
  ): Promise<Message<MessageOf<Messages, Name>>> {
    const queue = functionOf(this.#prefix, name);
    checkOptions(options, "get", ["timeout", "signal", "ack"]);
    const { timeout, signal, ack = "auto" } = options;
    if (timeout !== undefined) checkMilliseconds(timeout, "timeout");
    checkWord(ack, "ack", ["auto", "manual"]);
    signal?.throwIfAborted();
    this.#closed.signal.throwIfAborted();
    let failure: Error | undefined;
    const releases: (() => void)[] = [];
    let reader: Reader | undefined;
    try {
      const [job, holder] = await new Promise<[Job, Holder]>((resolve, reject) => {
        reader = this.#read(queue, true, {
          taken: (job, holder) => resolve([job, holder]),
          failed: (error) => {
            failure = error;
          },
        });
        const late = () => {
          const words = `no message came in time to the queue ${show(name)}`;
          reject(new TimeoutError("timeout", timeout as number, words, failure && { cause: failure }));
        };
        const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
        releases.push(() => clearTimeout(timer));
        for (const each of [signal, this.#closed.signal])
          if (each) releases.push(onAbort(each, () => reject(each.reason)));
      });
      const message = await this.#message<MessageOf<Messages, Name>>(name, job, holder);
      if (ack === "auto") {
        await message.ack().catch((error: unknown) => {
          throw error instanceof ConnectionLostError && error.sent ? new UnconfirmedError(message, error) : error;
        });
      }
      return message;
    } catch (error) {
      // A message that comes at this moment goes back: the connection is closed.
      void reader?.close(0);
      throw error;
    } finally {
      for (const release of releases) release();
    }
  }

  /**
   * Messages as they come, for a `for await` loop. Each is acknowledged (`ack`), rejected or given back (`release`) by
   * whoever got it; the next comes when fewer than `prefetch` are in hand. A loop that is left by `break` or by an
   * error gives back what was not acknowledged, and so does its `return()`, also while a `next()` waits, which has nothing then;
   * one that its signal, or `close`, ends lets what it gave out be finished.
   * @throws TypeError when an argument is wrong
   */
  messages<Name extends QueueName<Messages>>(
    name: Name,
    options: MessagesOptions = {},
  ): AsyncGenerator<Message<MessageOf<Messages, Name>>, void, undefined> {
    const queue = functionOf(this.#prefix, name);
    checkOptions(options, "messages", ["prefetch", "signal"]);
    const { prefetch = 1, signal } = options;
    checkCount(prefetch, "prefetch");
    this.#servers();
    return new MessageLoop<MessageOf<Messages, Name>>({
      prefetch,
      signal,
      closed: this.#closed.signal,
      read: (reading) => this.#read(queue, false, reading),
      open: (job, holder) => this.#message(name, job, holder),
    });
  }

  /**
   * Closes: loops end, waits reject with `ClosedError`, and messages in hand go back, after `timeout` milliseconds at
   * most. A client that was given stays open. Calling it again gives the same promise.
   */
  close(options: QueueCloseOptions = {}): Promise<void> {
    checkOptions(options, "close", ["timeout"]);
    const { timeout = 0 } = options;
    checkMilliseconds(timeout, "timeout");
    this.#closing ??= this.#close(timeout);
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(timeout: number): Promise<void> {
    this.#closed.abort(new ClosedError("this queue was closed"));
    await Promise.all([...this.#readers].map((reader) => reader.close(timeout)));
    if (!this.#options.client) await this.#client?.close();
  }

  #servers(): Servers | undefined {
    const { client, servers } = this.#options;
    if (client && servers === undefined)
      throw new TypeError(
        "this queue was given a client alone, by which messages can only be put: give it servers, too",
      );
    return servers;
  }

  #read(queue: string, once: boolean, owner: Reading): Reader {
    const reader: Reader = new Reader(this.#servers(), readerOptionsOf(this.#options), queue, once, {
      taken: owner.taken,
      failed: (server, error) => {
        owner.failed?.(error);
        this.emit("error", { server, error });
      },
      closed: () => {
        this.#readers.delete(reader);
        owner.closed?.(reader);
      },
    });
    this.#readers.add(reader);
    return reader;
  }

  async #message<Value>(name: string, job: Job, holder: Holder): Promise<Message<Value>> {
    const { workload } = validatorsOf(this.#validators, name);
    let payload = job.workload as Payload<Value>;
    if (workload) {
      const what = `the message from the queue ${show(name)}`;
      payload = await checkedPayload<Value>(workload, job.workload, what).catch(
        (error: unknown) => new InvalidPayload<Value>(job.workload.bytes, error),
      );
    }
    return new Message(name, payload, job, holder);
  }
}

/** What a validator did not take: whoever gets the message decides what becomes of it. */
class InvalidPayload<Value> extends Payload<Value> {
  readonly #error: unknown;

  constructor(bytes: Uint8Array, error: unknown) {
    super(bytes);
    this.#error = error;
  }

  override json<T extends Value = Value>(): T {
    throw this.#error;
  }
}
