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
import { connectionError, lateReason } from "./explain.js";
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

interface Request {
  readonly waiter: Waiter;
  readonly deadline: number;
  expired: boolean;
}

/** ERROR's code for a result that came too late: it answers no request. */
const JOB_NOT_FOUND = "JOB_NOT_FOUND";

/** How long a closing connection may take to be gone, in milliseconds: a server that is stuck must hold nobody up. */
const CLOSE_TIMEOUT = 1_000;

/** Requests made within so many milliseconds are given up together: each gets its own time, and none is lost to the first one's. */
const BURST = 100;

/** Above this the program itself was busy when a timer was due, and so long it then reads before it judges. In milliseconds. */
const LATE = 50;
const READ_TIME = 20;

/** How often it is looked whether a large transfer still moves, in milliseconds; and from how many bytes one is large. */
const MOVING = 1_000;
const LARGE = 65_536;

/** ONE connection to a job server: requests go out in batches, and each answer finds the one who waits for it. */
export class Connection implements ChannelOwner {
  /** `host:port` */
  readonly server: string;
  readonly #owner: ConnectionOwner;
  readonly #channel: Channel;
  readonly #requestTimeout: number;
  readonly #waiting = new Fifo<Request>();
  /** Requests that wait, and whose time is over: who made them has been told. */
  #expired = 0;
  /** How many of the last that wait have not been given to the socket. */
  #unsent = 0;
  /** Bytes that were on their way out, and those that had gone out, when it was last looked; when a large transfer last moved. */
  #pending = 0;
  #taken = 0;
  #lastMoved = Number.NEGATIVE_INFINITY;
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
    const late = new TimeoutError("connectTimeout", connectTimeout, lateReason(server, address.tls !== undefined));
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

  /** Whether the server has sent anything. */
  get answered(): boolean {
    return this.#channel.lastReceived > 0;
  }

  /** Requests that wait for their answers, and that somebody still wants answered. */
  get waiting(): number {
    return this.#waiting.length - this.#expired;
  }

  /** Bytes that are on their way out. */
  get pending(): number {
    return this.#channel.pending;
  }

  /** Registers who waits for the answer to the request that was just put into the encoder, and has it sent. */
  request(waiter: Waiter): void {
    this.#waiting.push({ waiter, deadline: performance.now() + this.#requestTimeout, expired: false });
    this.#unsent++;
    if (this.#timer === undefined) this.#expireIn(this.#requestTimeout);
    this.#channel.send();
  }

  /** Has what was put into the encoder sent; nobody waits for an answer. */
  send(): void {
    this.#channel.send();
  }

  /** Closes once what was put into the encoder is sent, and in bounded time. What waits fails. */
  end(): void {
    this.#channel.end();
    this.#closeTimer ??= setTimeout(() => this.#closeNow(this.#channel.taken, 0), CLOSE_TIMEOUT);
  }

  /** Gives a closing connection time as long as what was written still goes out. */
  #closeNow(before: number, stuck: number): void {
    const { pending, taken } = this.#channel;
    const waited = taken === before ? stuck + CLOSE_TIMEOUT : 0;
    if (pending === 0 || waited >= this.#requestTimeout) this.destroy();
    else this.#closeTimer = setTimeout(() => this.#closeNow(taken, waited), CLOSE_TIMEOUT);
  }

  /** Closes at once. What waits fails. */
  destroy(cause?: Error): void {
    this.#cause ??= cause;
    this.#channel.destroy(cause);
  }

  frame(frame: Frame): void {
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
    this.#next()?.waiter.answer(frame, this);
  }

  #next(): Request | undefined {
    const request = this.#waiting.shift();
    if (request?.expired) this.#expired--;
    return request;
  }

  #expireIn(milliseconds: number): void {
    const due = performance.now() + milliseconds;
    this.#pending = this.#channel.pending;
    this.#taken = this.#channel.taken;
    this.#timer = setTimeout(() => this.#expire(due), milliseconds);
  }

  /** Fails the requests whose time is over. They keep their places: the server may still answer them, in order. */
  #expire(due: number): void {
    this.#timer = undefined;
    const now = performance.now();
    const first = this.#waiting.peek();
    if (!first) return;
    // The program was busy: what came meanwhile is read only after timers, and must have its chance.
    if (now > due + LATE) {
      this.#expireIn(READ_TIME);
      return;
    }
    const { pending, taken, receiving, lastReceived } = this.#channel;
    const sending = taken !== this.#taken && Math.max(pending, this.#pending) >= LARGE;
    if (sending || (receiving && now - lastReceived < MOVING)) {
      // A large workload on its way out, or a result on its way in, delays the answers behind it.
      this.#lastMoved = now;
      this.#expireIn(MOVING);
      return;
    }
    const earliest = this.#lastMoved + this.#requestTimeout;
    let next: number | undefined;
    for (let distance = 0; distance < this.#waiting.length; distance++) {
      const request = this.#waiting.peek(distance);
      if (!request) break;
      const deadline = Math.max(request.deadline, earliest);
      if (deadline > now) {
        next = deadline;
        break;
      }
      if (request.expired) continue;
      request.expired = true;
      this.#expired++;
      request.waiter.fail(
        new TimeoutError(
          "requestTimeout",
          this.#requestTimeout,
          `the job server ${this.server} did not answer in time`,
        ),
      );
    }
    const quiet = now - Math.max(lastReceived, this.#lastMoved, first.deadline - this.#requestTimeout);
    const silent = first.expired && quiet >= this.#requestTimeout;
    if (silent && !(next !== undefined && next <= first.deadline + BURST)) {
      // Not a byte in all that time: the connection is as good as dead, and a new one may not be.
      this.destroy(
        new TimeoutError("requestTimeout", this.#requestTimeout, `the job server ${this.server} fell silent`),
      );
    } else {
      this.#expireIn(next === undefined ? this.#requestTimeout : Math.max(1, next - now));
    }
  }

  closed(cause: Error | undefined): void {
    this.#cause ??= cause;
    clearTimeout(this.#timer);
    clearTimeout(this.#closeTimer);
    const waiting = this.#waiting.drain();
    const sent = waiting.length - this.#unsent;
    for (const [index, { waiter, expired }] of waiting.entries()) {
      if (!expired) waiter.fail(this.lostError({ sent: index < sent }));
    }
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
