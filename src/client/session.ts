import { PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { Connection, type ConnectionOptions, type ConnectionOwner } from "../connection/connection.js";
import { Fifo } from "../connection/fifo.js";
import { type ConnectionLostError, ServerError, TimeoutError } from "../errors.js";
import type { Address } from "../platform/transport.js";
import type { Call, CallSession, TaskCall } from "./call.js";
import { Stall } from "./stall.js";

/** How often it is looked whether calls that wait may be sent, in milliseconds. */
const HELD_LOOK = 50;

const NOBODY: ReadonlyMap<TaskCall, unknown> = new Map();

/** What waits to be sent may have so many bytes on its way out before further requests wait for it. */
const MAX_PENDING = 1 << 22;

/**
 * The tasks that follow one job over this connection: gearmand sends each packet as many times as there are submissions.
 * One that was given up is `undefined`, and still has its turn.
 */
interface Followers {
  calls: (TaskCall | undefined)[];
  /** Whose turn the next packet is. */
  turn: number;
}

/** Who uses a session. */
export interface SessionOwner {
  /** The session is gone; `error` is undefined when it was closed on purpose. */
  lost(error: Error | undefined, session: Session): void;
}

/** A client's connection to one server, and what it waits for there. */
export class Session implements ConnectionOwner, CallSession {
  #connection!: Connection;
  readonly #owner: SessionOwner;
  readonly #maxInFlight: number;
  /** Calls that wait until fewer are unanswered. */
  readonly #held = new Fifo<Call>();
  /** By the job's slot. */
  readonly #followers = new Map<number, Followers>();
  /** What handles of this server begin with, once one came. */
  prefix: string | undefined;
  /** Settles with the first answer: whether the server is of any use. */
  readonly greeted: Promise<void>;
  #greet!: { resolve: () => void; reject: (error: Error) => void };
  /** Whether it ends as soon as nobody uses it any more: another one takes the new calls. */
  #retired = false;
  /** Looks after the calls that wait. */
  #heldTimer: ReturnType<typeof setTimeout> | undefined;
  #requestTimeout = 0;
  #lastAnswer = 0;
  #stall!: Stall;
  /** Resolves when the connection is gone. */
  readonly #gone: Promise<void>;
  #goneNow!: () => void;

  private constructor(owner: SessionOwner, maxInFlight: number) {
    this.#owner = owner;
    this.#maxInFlight = maxInFlight;
    this.#gone = new Promise((resolve) => {
      this.#goneNow = resolve;
    });
    this.greeted = new Promise((resolve, reject) => {
      this.#greet = { resolve, reject };
    });
    this.greeted.catch(() => {});
  }

  static async open(
    address: Address,
    options: ConnectionOptions,
    maxInFlight: number,
    owner: SessionOwner,
    signal: AbortSignal,
  ): Promise<Session> {
    const session = new Session(owner, maxInFlight);
    const connection = await Connection.open(address, options, session, signal);
    session.#connection = connection;
    session.#requestTimeout = options.requestTimeout;
    session.#stall = new Stall(connection, options.requestTimeout, (call) => session.#followedBesides(call));
    // Without this option a job's exception arrives as a WORK_FAIL that says nothing. Nobody waits for the answer: a
    // server that doesn't know the option (Perl's) is used without it.
    connection.codec.encoder.packet(PacketType.OPTION_REQ, ["exceptions"]);
    connection.request({
      expects: PacketType.OPTION_RES,
      answer: () => session.#greeted(),
      fail: (error) => (error instanceof ServerError ? session.#greeted() : session.#greet.reject(error)),
    });
    return session;
  }

  /** Whether it can be given calls. One that waits for a reader that is behind is left to those who use it already. */
  get ready(): boolean {
    return this.#connection.open && !this.#stall.stalled;
  }

  get server(): string {
    return this.#connection.server;
  }

  /** Whether the server has sent anything on this connection. */
  get heard(): boolean {
    return this.#connection.answered;
  }

  /** Sends a call's packet, now or once it is its turn. Its answer, or its loss, is told to the call. */
  take(call: Call): void {
    call.session = this;
    if (this.#held.length === 0 && !this.#full) {
      this.#send(call);
      return;
    }
    this.#held.push(call);
    if (this.#heldTimer === undefined) {
      this.#lastAnswer = performance.now();
      this.#lookAtHeld();
    }
  }

  /** A request was answered, or given up: others may go out. */
  answered(): void {
    if (this.#held.length > 0) {
      this.#lastAnswer = performance.now();
      this.#sendHeld();
    }
    this.#stall.check();
    if (this.#retired) this.#endIfIdle();
  }

  /** Ends once all that was asked of it is answered. */
  retire(): void {
    this.#retired = true;
    this.#endIfIdle();
  }

  /** The parts of the handle that a frame begins with. */
  handle(frame: Frame): { prefix: string; number: number } {
    const handle = this.#connection.codec.decoder.handle(frame);
    if (handle.number) this.prefix = handle.prefix;
    return handle;
  }

  /** From now on a call's task is told what a job does: the one that the frame acknowledges. */
  follow(frame: Frame, call: TaskCall): void {
    const slot = this.#connection.codec.decoder.bind(frame);
    const follower = call.over ? undefined : call;
    const followers = this.#followers.get(slot);
    if (followers) {
      // The server attaches submissions between packets: a round of copies is over, and the next one has one more.
      followers.calls.push(follower);
      followers.turn = 0;
    } else {
      this.#followers.set(slot, { calls: [follower], turn: 0 });
    }
    if (call.over) return;
    call.slot = slot;
    if (call.task.told) call.task.onBehind((behind) => this.#stall.reader(call, behind));
  }

  /** A call is over: its job may go on, and has nobody to be told to in its place. */
  forget(call: TaskCall): void {
    const calls = this.#followers.get(call.slot)?.calls;
    const place = calls?.indexOf(call) ?? -1;
    if (calls && place >= 0) calls[place] = undefined;
    if (this.#stall.stalled) this.#stall.reader(call, false);
    if (this.#retired) this.#endIfIdle();
  }

  /** A task no longer follows its job: the server has dropped that, and tells nothing more of it. */
  unfollow(call: TaskCall): void {
    for (const [slot, followers] of this.#followers) {
      const place = followers.calls.indexOf(call);
      if (place < 0) continue;
      followers.turn = place;
      this.#unfollow(slot, followers);
      break;
    }
    if (this.#retired) this.#endIfIdle();
  }

  /** Closes once what was written is sent; resolves when the connection is gone. */
  end(): Promise<void> {
    this.#connection.resume();
    this.#connection.end();
    return this.#gone;
  }

  destroy(cause?: Error): void {
    this.#connection.destroy(cause);
  }

  packet(frame: Frame): boolean {
    switch (frame.type) {
      case PacketType.WORK_COMPLETE:
      case PacketType.WORK_FAIL:
      case PacketType.WORK_EXCEPTION:
      case PacketType.WORK_STATUS:
      case PacketType.WORK_DATA:
      case PacketType.WORK_WARNING:
        break;
      default:
        return false;
    }
    // Its JOB_CREATED may have come in the same batch, after the frame's slot was looked up.
    const slot = frame.slot < 0 ? this.#connection.codec.decoder.lookUp(frame) : frame.slot;
    const followers = this.#followers.get(slot);
    // A job that ended may be spoken of again: gearmand forwards the result of a cancelled one.
    if (!followers) return true;
    const call = followers.calls[followers.turn];
    const ended = call ? call.task.packet(frame) : isTerminal(frame.type);
    if (ended) this.#unfollow(slot, followers);
    else followers.turn = (followers.turn + 1) % followers.calls.length;
    return true;
  }

  lost(error: Error | undefined): void {
    this.#stall.end();
    clearTimeout(this.#heldTimer);
    this.#owner.lost(error, this);
    const followed = [...this.#followers.values()].flatMap(({ calls }) => calls);
    this.#followers.clear();
    for (const call of followed) {
      if (call) call.fail(this.#lostError({ sent: true, handle: call.task.created?.handle }));
    }
    for (const call of this.#held.drain()) call.fail(this.#lostError({ sent: false }));
    this.#goneNow();
  }

  get #full(): boolean {
    const connection = this.#connection;
    return connection.unanswered >= this.#maxInFlight || connection.pending > MAX_PENDING;
  }

  #send(call: Call): void {
    const connection = this.#connection;
    if (!connection.open) {
      call.fail(this.#lostError({ sent: false }));
      return;
    }
    call.encode(connection.codec.encoder);
    connection.request(call);
  }

  #greeted(): void {
    this.#greet.resolve();
    this.answered();
  }

  #sendHeld(): void {
    while (this.#held.length > 0 && !this.#full) {
      const call = this.#held.shift() as Call;
      // One that was given up meanwhile is never sent.
      if (!call.over) this.#send(call);
    }
  }

  /**
   * Calls wait here for answers, or for bytes to be taken, and only the answers are told. Those that wait so long that
   * nothing at all was answered or moved in a request's time have no better chance than what was sent before them.
   */
  #lookAtHeld(): void {
    this.#heldTimer = undefined;
    this.#sendHeld();
    if (this.#held.length === 0) return;
    const since = Math.max(this.#lastAnswer, this.#connection.lastMoved);
    if (performance.now() - since >= this.#requestTimeout && !this.#stall.stalled) {
      const words = `the job server ${this.server} did not answer what was asked before, and this was not sent`;
      for (const call of this.#held.drain())
        call.reject(new TimeoutError("requestTimeout", this.#requestTimeout, words));
      return;
    }
    this.#heldTimer = setTimeout(() => this.#lookAtHeld(), HELD_LOOK);
  }

  #endIfIdle(): void {
    const inUse = this.#connection.waiting > 0 || this.#held.length > 0 || this.#followedBesides(NOBODY);
    if (!inUse && this.#connection.open) void this.end();
  }

  #lostError(details: { handle?: string | undefined; sent: boolean }): ConnectionLostError {
    return this.#connection.lostError(details) as ConnectionLostError;
  }

  #unfollow(slot: number, followers: Followers): void {
    if (followers.calls.length === 1) {
      this.#followers.delete(slot);
      this.#connection.codec.decoder.unbind(slot);
      return;
    }
    followers.calls.splice(followers.turn, 1);
    if (followers.turn === followers.calls.length) followers.turn = 0;
  }

  /** Whether anybody but these readers waits for what comes over this connection. */
  #followedBesides(slow: ReadonlyMap<TaskCall, unknown>): boolean {
    for (const { calls } of this.#followers.values()) {
      if (calls.some((call) => call && !slow.has(call))) return true;
    }
    return false;
  }
}

/** Whether a packet of this type ends its job. */
function isTerminal(type: PacketType): boolean {
  return type === PacketType.WORK_COMPLETE || type === PacketType.WORK_FAIL || type === PacketType.WORK_EXCEPTION;
}
