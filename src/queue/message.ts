import { PacketType } from "../../assembly/protocol.js";
import { ConnectionLostError, RefusedError } from "../errors.js";
import type { Payload } from "../payload.js";
import type { Job } from "../worker/job.js";

/** Who holds a message's job, by a connection that is this message's alone. */
export interface Holder {
  /** Ends the job by one of the terminal packets; rejects when the server is not known to have taken that. */
  end(type: PacketType): Promise<void>;
  /** Gives the job back to the server. */
  giveBack(): Promise<void>;
}

/**
 * A message that is in hand: nobody else gets it until it is acknowledged, rejected or given back. When its consumer
 * dies, or the connection is lost, it goes back to its queue by itself, and comes again: to somebody else, maybe.
 */
export class Message<Value = unknown> implements AsyncDisposable {
  /** The queue that it came by, without the prefix. */
  readonly queue: string;
  /** What was put. With a validator, `json()` gives what that made of it, and throws a `TypeError` when it isn't valid. */
  readonly payload: Payload<Value>;
  readonly #job: Job;
  readonly #holder: Holder;
  #settled: { readonly as: "acknowledged" | "rejected" | "given back"; readonly done: Promise<void> } | undefined;

  /** @internal */
  constructor(queue: string, payload: Payload<Value>, job: Job, holder: Holder) {
    this.queue = queue;
    this.payload = payload;
    this.#job = job;
    this.#holder = holder;
  }

  /** The handle of the job that carries it. It is another one when the server was restarted in between. */
  get handle(): string {
    return this.#job.handle;
  }

  /** The unique id that it was put with: the same when it comes again. */
  get unique(): string {
    return this.#job.unique;
  }

  /** The server that it came from, as `host:port`. */
  get server(): string {
    return this.#job.server;
  }

  /** Aborts when the message is no longer ours: its connection was lost, or its loop or queue was left. */
  get signal(): AbortSignal {
    return this.#job.signal;
  }

  /** Whether `ack`, `reject` or `release` was called. */
  get settled(): boolean {
    return this.#settled !== undefined;
  }

  /**
   * The message is done with, and leaves the queue. Resolves once the server has taken that; calling it again gives the
   * same promise.
   * @throws ConnectionLostError (as a rejection) when the message is no longer ours (`sent` is false: it has gone back),
   * or when the connection was lost before the server's word (`sent` is true: it may come again)
   * @throws RefusedError when it was rejected or given back before, or the server had taken it from us
   */
  ack(): Promise<void> {
    return this.#settle("acknowledged", () => this.#holder.end(PacketType.WORK_COMPLETE));
  }

  /**
   * The message leaves the queue as a failed job (WORK_FAIL). The server keeps nothing of it: what is to be looked at
   * later is put to another queue first.
   * @throws as `ack`
   */
  reject(): Promise<void> {
    return this.#settle("rejected", () => this.#holder.end(PacketType.WORK_FAIL));
  }

  /**
   * The message goes back to its queue, at the end of its priority, and comes again at once to whoever gets next.
   * Gearman has no packet for it: the connection that brought the message is closed, as if its consumer had died.
   * Where the server counts attempts (`gearmand --job-retries`), this counts as one.
   * @throws RefusedError (as a rejection) when it was acknowledged or rejected before
   */
  release(): Promise<void> {
    return this.#settle("given back", () => this.#holder.giveBack());
  }

  /** Gives it back, unless it was settled. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#settled) await this.release();
  }

  #settle(as: "acknowledged" | "rejected" | "given back", settle: () => Promise<void>): Promise<void> {
    if (this.#settled?.as === as) return this.#settled.done;
    if (this.#settled)
      return Promise.reject(new RefusedError(`the message ${this.handle} was ${this.#settled.as} already`));
    // What has gone back by itself need not be given back.
    const gone = this.#job.lost || this.signal.aborted;
    const done = !gone ? settle() : as === "given back" ? Promise.resolve() : Promise.reject(this.#lost(as));
    this.#settled = { as, done };
    return done;
  }

  #lost(as: string): ConnectionLostError {
    return new ConnectionLostError(
      this.server,
      `the message ${this.handle} can't be ${as}: it is no longer ours, went back to its queue, and comes again`,
      { handle: this.handle, sent: false, cause: this.signal.reason },
    );
  }
}

/**
 * `get` has a message, and doesn't know whether its acknowledgement arrived: the connection was lost before the
 * server's word. The message may come again, or not; here it is, so that it isn't lost if not.
 */
export class UnconfirmedError extends ConnectionLostError {
  readonly received: Message;

  /** @internal */
  constructor(received: Message, error: ConnectionLostError) {
    super(error.server, error.message, { handle: error.handle, sent: true, cause: error.cause });
    this.received = received;
  }
}
