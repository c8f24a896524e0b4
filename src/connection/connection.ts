import { dial, isForeignRequest } from "#platform";
import { PacketType } from "../../assembly/protocol.js";
import type { Codec } from "../codec/codec.js";
import type { Frame } from "../codec/frame.js";
import {
  ClosedError,
  ConnectionLostError,
  ProtocolError,
  RequestScopeError,
  ServerError,
  TimeoutError,
} from "../errors.js";
import type { Address } from "../platform/transport.js";
import { serverName } from "./address.js";
import { Channel, type ChannelOwner } from "./channel.js";
import { connectionError } from "./explain.js";
import { Fifo } from "./fifo.js";

/** One request that waits for its answer. The server answers in order, so the first that waits is the one that is meant. */
export interface Waiter {
  /** The packet that answers it; NO_JOB stands for JOB_ASSIGN and its kin as well. */
  readonly expects: PacketType;
  /** The answer. */
  answer(frame: Frame, connection: Connection): void;
  /** An ERROR packet took the answer's place, no answer came in time, or the connection was lost. After a time-out, `answer` may still be called. */
  fail(error: Error): void;
}

/** Who uses a connection: it is told what no request asked for. */
export interface ConnectionOwner {
  /** A packet that is no answer. False when it makes no sense here: then the connection is closed with a ProtocolError. */
  packet(frame: Frame, connection: Connection): boolean;
  /** The connection is gone, `cause` being undefined when it was closed on purpose. Every waiter has failed by now. */
  lost(error: Error | undefined, connection: Connection): void;
}

export interface ConnectionOptions {
  /** Milliseconds until a connection must be there. */
  connectTimeout: number;
  /** Milliseconds until a request must be answered. */
  requestTimeout: number;
  maxPacketSize: number;
  uniquePrefix?: string;
}

/** ERROR's code for a result that came too late: it answers no request. */
const JOB_NOT_FOUND = "JOB_NOT_FOUND";

/** How long a closing connection may take to be gone, in milliseconds: a server that is stuck must hold nobody up. */
const CLOSE_TIMEOUT = 1_000;

/** Requests made within so many milliseconds are given up together: each gets its own time, and none is lost to the first one's. */
const BURST = 100;

/** ONE connection to a job server: requests go out in batches, and each answer finds the one who waits for it. */
export class Connection implements ChannelOwner {
  /** `host:port` */
  readonly server: string;
  readonly #owner: ConnectionOwner;
  readonly #channel: Channel;
  readonly #requestTimeout: number;
  readonly #waiting = new Fifo<{ waiter: Waiter; deadline: number }>();
  /** How many of the last that wait have not been given to the socket. */
  #unsent = 0;
  #lastReceived = 0;
  /** What the connection was lost to, if it was lost to something. */
  #cause: Error | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  private constructor(address: Address, options: ConnectionOptions, owner: ConnectionOwner) {
    this.server = serverName(address);
    this.#owner = owner;
    this.#requestTimeout = options.requestTimeout;
    const { maxPacketSize, uniquePrefix } = options;
    this.#channel = new Channel(
      { peer: "server", name: this.server, maxPacketSize, ...(uniquePrefix && { uniquePrefix }) },
      this,
    );
    this.#channel.flushed = () => {
      this.#unsent = 0;
    };
  }

  /**
   * @throws ConnectionError when no connection can be made, TimeoutError when it isn't there in time, the signal's
   * reason when it aborts
   */
  static async open(
    address: Address,
    options: ConnectionOptions,
    owner: ConnectionOwner,
    signal?: AbortSignal,
  ): Promise<Connection> {
    signal?.throwIfAborted();
    const connection = new Connection(address, options, owner);
    const { server } = connection;
    const controller = new AbortController();
    const { connectTimeout } = options;
    const late = new TimeoutError(
      "connectTimeout",
      connectTimeout,
      `the job server ${server} did not take the connection in time`,
    );
    const timer = setTimeout(() => controller.abort(late), connectTimeout);
    const abort = () => controller.abort(signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    try {
      connection.#channel.attach(await dial(address, connection.#channel, controller.signal));
    } catch (error) {
      connection.#channel.discard();
      if (controller.signal.aborted) throw controller.signal.reason;
      throw connectionError(server, error);
    } finally {
      clearTimeout(timer);
      signal?.removeEventListener("abort", abort);
    }
    return connection;
  }

  get codec(): Codec {
    return this.#channel.codec;
  }

  /** False once it was closed or lost. */
  get open(): boolean {
    return this.#channel.open;
  }

  /** Requests that wait for their answers. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Registers who waits for the answer to the request that was just put into the encoder, and has it sent. */
  request(waiter: Waiter): void {
    this.#waiting.push({ waiter, deadline: performance.now() + this.#requestTimeout });
    this.#unsent++;
    this.#timer ??= setTimeout(() => this.#expire(), this.#requestTimeout);
    this.#channel.send();
  }

  /** Has what was put into the encoder sent; nobody waits for an answer. */
  send(): void {
    this.#channel.send();
  }

  /** Closes once what was put into the encoder is sent, and in bounded time. What waits fails. */
  end(): void {
    this.#channel.end();
    this.#closeTimer ??= setTimeout(() => this.destroy(), CLOSE_TIMEOUT);
  }

  /** Closes at once. What waits fails. */
  destroy(cause?: Error): void {
    this.#channel.destroy(cause);
  }

  frame(frame: Frame): void {
    this.#lastReceived = performance.now();
    const { type } = frame;
    switch (type) {
      case PacketType.JOB_CREATED:
      case PacketType.STATUS_RES:
      case PacketType.STATUS_RES_UNIQUE:
      case PacketType.ECHO_RES:
      case PacketType.OPTION_RES:
      case PacketType.NO_JOB:
        this.#answer(frame, type);
        return;
      case PacketType.JOB_ASSIGN:
      case PacketType.JOB_ASSIGN_UNIQ:
      case PacketType.JOB_ASSIGN_ALL:
        this.#answer(frame, PacketType.NO_JOB);
        return;
      case PacketType.ERROR: {
        const code = frame.text(0);
        if (code === JOB_NOT_FOUND && this.#owner.packet(frame, this)) return;
        const request = this.#waiting.shift();
        if (!request)
          throw new ProtocolError(`${this.server} sent the error ${code} (${frame.text(1)}), which answers no request`);
        request.waiter.fail(new ServerError(code, frame.text(1)));
        return;
      }
      default:
        if (!this.#owner.packet(frame, this))
          throw new ProtocolError(`${this.server} sent a ${PacketType[type]} packet, which has no meaning here`);
    }
  }

  #answer(frame: Frame, kind: PacketType): void {
    const expected = this.#waiting.peek()?.waiter.expects;
    if (expected !== kind) {
      const wanted =
        expected === undefined ? "no request waits" : `the first request that waits wants ${PacketType[expected]}`;
      throw new ProtocolError(`${this.server} sent a ${PacketType[frame.type]} packet, but ${wanted}`);
    }
    this.#waiting.shift()?.waiter.answer(frame, this);
  }

  /** Fails the requests whose time is over. They keep their places: the server may still answer them, in order. */
  #expire(): void {
    this.#timer = undefined;
    const now = performance.now();
    let next: number | undefined;
    for (let distance = 0; distance < this.#waiting.length; distance++) {
      const request = this.#waiting.peek(distance);
      if (!request) break;
      if (request.deadline > now) {
        next = request.deadline;
        break;
      }
      request.waiter.fail(
        new TimeoutError(
          "requestTimeout",
          this.#requestTimeout,
          `the job server ${this.server} did not answer in time`,
        ),
      );
    }
    const first = this.#waiting.peek();
    const silent = first && first.deadline <= now && this.#lastReceived < first.deadline - this.#requestTimeout;
    if (silent && !(next !== undefined && next <= first.deadline + BURST)) {
      // Not a byte in all that time: the connection is as good as dead, and a new one may not be.
      this.destroy(
        new TimeoutError("requestTimeout", this.#requestTimeout, `the job server ${this.server} fell silent`),
      );
    } else if (next !== undefined || first) {
      this.#timer = setTimeout(
        () => this.#expire(),
        next === undefined ? this.#requestTimeout : Math.max(1, next - now),
      );
    }
  }

  closed(cause: Error | undefined): void {
    this.#cause = cause;
    clearTimeout(this.#timer);
    clearTimeout(this.#closeTimer);
    const waiting = this.#waiting.drain();
    const sent = waiting.length - this.#unsent;
    for (const [index, { waiter }] of waiting.entries()) waiter.fail(this.lostError({ sent: index < sent }));
    this.#owner.lost(cause, this);
  }

  /** The error for something whose fate the loss of this connection left unknown. */
  lostError(details: { handle?: string; sent: boolean }): Error {
    const cause = this.#cause;
    if (cause instanceof ClosedError) return cause;
    if (cause && isForeignRequest(cause)) return new RequestScopeError({ cause });
    const why = cause ? `: ${cause.message}` : "";
    const fate = details.handle
      ? `The job ${details.handle} was acknowledged; what became of it is not known`
      : details.sent
        ? "The request was sent, but not answered; whether the server took it is not known"
        : "The request had not been sent";
    return new ConnectionLostError(
      this.server,
      `the connection to the job server ${this.server} was lost${why}. ${fate}`,
      { ...details, cause },
    );
  }
}
