import { isForeignRequest } from "#platform";
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
import { type Connect, dialServer } from "./dial.js";
import { connectionError, lateReason } from "./explain.js";
import { Requests, type Waiter } from "./requests.js";
import { onAbort } from "./signals.js";

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
  uniquePrefix?: string | undefined;
  /** Milliseconds without a packet from the server after which it is asked for an echo; default: never. */
  heartbeat?: number | undefined;
  /** Makes the sockets, instead of the runtime. */
  connect?: Connect | undefined;
}

/** ERROR's code for a result that came too late: it answers no request. */
const JOB_NOT_FOUND = "JOB_NOT_FOUND";

/** How long a closing connection may take to be gone, in milliseconds: a server that is stuck must hold nobody up. */
const CLOSE_TIMEOUT = 1_000;

/** Waits for the answer to an echo that only is to show that the line is alive. */
const HEARTBEAT: Waiter = { expects: PacketType.ECHO_RES, answer: () => {}, fail: () => {} };

/** The error for something that was closed before it could be sent. */
export function notSent(): ClosedError {
  return new ClosedError("this was not sent: the client was closed before it could be");
}

/** ONE connection to a job server: requests go out in batches, and each answer finds the one who waits for it. */
export class Connection implements ChannelOwner {
  /** `host:port` */
  readonly server: string;
  readonly #owner: ConnectionOwner;
  readonly #channel: Channel;
  readonly #options: ConnectionOptions;
  readonly #requests: Requests;
  /** What the connection was lost to, if it was lost to something. */
  #cause: Error | undefined;
  /** When the line was last known to be alive, apart from what came. */
  #alive = performance.now();
  #paused = false;
  #heartbeatTimer: ReturnType<typeof setTimeout> | undefined;
  #closeTimer: ReturnType<typeof setTimeout> | undefined;

  private constructor(address: Address, options: ConnectionOptions, owner: ConnectionOwner) {
    this.server = serverName(address);
    this.#owner = owner;
    this.#options = options;
    const { maxPacketSize, uniquePrefix, requestTimeout } = options;
    this.#channel = new Channel(
      { peer: "server", name: this.server, maxPacketSize, ...(uniquePrefix && { uniquePrefix }) },
      this,
    );
    this.#requests = new Requests(this.server, this.#channel, requestTimeout, (error) => this.destroy(error));
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
    const release = signal && onAbort(signal, () => controller.abort(signal.reason));
    try {
      const receiver = connection.#channel;
      connection.#channel.attach(await dialServer(address, receiver, controller.signal, options.connect));
    } catch (error) {
      connection.#channel.discard();
      if (controller.signal.aborted) throw controller.signal.reason;
      throw connectionError(server, error);
    } finally {
      clearTimeout(timer);
      release?.();
    }
    connection.#beatIn(options.heartbeat);
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
    return this.#requests.wanted;
  }

  /** Requests that have no answer, wanted or not. */
  get unanswered(): number {
    return this.#requests.unanswered;
  }

  /** When a large transfer was last seen to move. */
  get lastMoved(): number {
    return this.#requests.lastMoved;
  }

  /** Bytes that are on their way out. */
  get pending(): number {
    return this.#channel.pending;
  }

  /** Registers who waits for the answer to the request that was just put into the encoder, and has it sent. */
  request(waiter: Waiter): void {
    this.#requests.push(waiter, true);
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
    if (pending === 0 || waited >= this.#options.requestTimeout) this.destroy();
    else this.#closeTimer = setTimeout(() => this.#closeNow(taken, waited), CLOSE_TIMEOUT);
  }

  /** Reads nothing until `resume()`: what comes waits in the system, and then at the server. */
  pause(): void {
    if (this.#paused) return;
    this.#paused = true;
    this.#requests.paused = true;
    this.#channel.pause();
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#alive = performance.now();
    this.#requests.paused = false;
    this.#channel.resume();
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
        this.#requests.answered(type, type).answer(frame);
        return;
      case PacketType.JOB_ASSIGN:
      case PacketType.JOB_ASSIGN_UNIQ:
      case PacketType.JOB_ASSIGN_ALL:
        this.#requests.answered(PacketType.NO_JOB, type).answer(frame);
        return;
      case PacketType.ERROR: {
        const code = frame.text(0);
        if (code === JOB_NOT_FOUND && this.#owner.packet(frame, this)) return;
        const waiter = this.#requests.next();
        if (!waiter)
          throw new ProtocolError(`${this.server} sent the error ${code} (${frame.text(1)}), which answers no request`);
        waiter.fail(new ServerError(code, frame.text(1)));
        return;
      }
      default:
        if (!this.#owner.packet(frame, this))
          throw new ProtocolError(`${this.server} sent a ${PacketType[type]} packet, which has no meaning here`);
    }
  }

  #beatIn(milliseconds: number | undefined): void {
    if (milliseconds !== undefined) this.#heartbeatTimer = setTimeout(() => this.#beat(), milliseconds);
  }

  /**
   * Asks a server that has been quiet for an echo. A line that is dead at the other end only (a machine that lost its
   * power, a firewall that forgot it) looks like a quiet one; the echo's time-out shows it.
   */
  #beat(): void {
    const { heartbeat = 0 } = this.#options;
    if (!this.open) return;
    const now = performance.now();
    // A packet that only drips in shows no life: whoever waits for it would wait for ever.
    const quiet = now - Math.max(this.#channel.lastFrame, this.#requests.moved(now), this.#alive);
    // Whatever waits for an answer has its own time-out, and shows the same.
    if (quiet >= heartbeat && this.#requests.unanswered === 0 && !this.#paused) {
      this.#alive = now;
      this.codec.encoder.packet(PacketType.ECHO_REQ, [], "heartbeat");
      this.#requests.push(HEARTBEAT, false);
      this.#channel.send();
    }
    this.#beatIn(Math.max(1, quiet < heartbeat ? heartbeat - quiet : heartbeat));
  }

  closed(cause: Error | undefined): void {
    this.#cause ??= cause;
    clearTimeout(this.#heartbeatTimer);
    clearTimeout(this.#closeTimer);
    for (const { waiter, sent } of this.#requests.drain()) waiter.fail(this.lostError({ sent }));
    this.#owner.lost(cause, this);
  }

  /** The error for something whose fate the loss of this connection left unknown. */
  lostError(details: { handle?: string | undefined; sent: boolean }): Error {
    const cause = this.#cause;
    if (cause instanceof ClosedError) return details.sent ? cause : notSent();
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
