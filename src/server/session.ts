import { MAX_ARGUMENTS_SIZE, MAX_CLIENT_ID_SIZE, PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { Channel, type ChannelOwner } from "../connection/channel.js";
import { ProtocolError } from "../errors.js";
import { cString, fromBytes, integer, textOf, toArgument, toBytes } from "./bytes.js";
import { ArgumentsTooLong, ERRORS, type Refusal, refusalOf } from "./errors.js";
import { Heap } from "./heap.js";
import { type Ability, HIGH, type Job, LOW, NORMAL, type Offer, type Priority } from "./job.js";
import type { Jobs } from "./jobs.js";
import { whenStuck } from "./stuck.js";
import { type Requester, workData, workEnd, workStatus } from "./work.js";

/**
 * The longest unique, or reducer, that gearmand takes, in bytes. It breaks on the 64th byte of a unique; here it is one
 * like the others, since a SHA-256 in hexadecimal has just so many.
 */
const MAX_UNIQUE_SIZE = 64;

/** The most characters of a CAN_DO_TIMEOUT's milliseconds: of more, gearmand drops the packet. */
const MAX_TIMEOUT_DIGITS = 20;

/** The shortest time limit of a job, in milliseconds: gearmand raises smaller ones to it. */
const LEAST_TIMEOUT = 1_000;

/** The longest that a timer takes; a job that may take longer is as good as unlimited. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/**
 * Milliseconds that a peer whose connection is being closed has to read why, and to close its end. Until then what it
 * still sends is read and dropped: unread bytes would make the system throw away the answer with the connection.
 */
const PARTING_TIME = 1_000;

/** Milliseconds in which a peer that has ended its side must read something of what there is for it. */
const UNREAD_TIME = 30_000;

/** What a submit's packet type says: how urgent, and whether its client waits for the result. */
const SUBMITS: Partial<Record<PacketType, readonly [priority: Priority, background: boolean]>> = {
  [PacketType.SUBMIT_JOB]: [NORMAL, false],
  [PacketType.SUBMIT_JOB_HIGH]: [HIGH, false],
  [PacketType.SUBMIT_JOB_LOW]: [LOW, false],
  [PacketType.SUBMIT_JOB_BG]: [NORMAL, true],
  [PacketType.SUBMIT_JOB_HIGH_BG]: [HIGH, true],
  [PacketType.SUBMIT_JOB_LOW_BG]: [LOW, true],
  [PacketType.SUBMIT_JOB_EPOCH]: [NORMAL, true],
  [PacketType.SUBMIT_REDUCE_JOB]: [NORMAL, false],
  [PacketType.SUBMIT_REDUCE_JOB_BACKGROUND]: [NORMAL, true],
};

/** What sessions share. */
export interface SessionOwner {
  readonly jobs: Jobs;
  readonly maxPacketSize: number;
  readonly maxPending: number;
  readonly exceptions: boolean;
  /** Answers a line of the text protocol: what to send back, or undefined to close the connection. */
  text(line: string, session: Session): string | undefined;
  /** A request was answered with an error. */
  refused(session: Session, refusal: Refusal): void;
  closed(session: Session, cause: Error | undefined): void;
  /** Something may be otherwise than it was. */
  changed(): void;
}

/** One connection: a client, a worker, an administrator, or all of them. */
export class Session implements ChannelOwner, Requester {
  readonly number: number;
  readonly address: string;
  id = "-";
  exceptions: boolean;
  sleeping = false;
  woken = false;
  readonly abilities = new Set<Ability>();
  readonly offers = Array.from({ length: 3 }, () => new Heap<Offer>((a, b) => a.ability.rank < b.ability.rank));
  readonly unlisted = new Set<Ability>();
  readonly running = new Set<Job>();
  readonly followed = new Set<Job>();
  readonly channel: Channel;
  readonly #owner: SessionOwner;
  /** Stops the wait for a peer that is to close its end. */
  #parting: (() => void) | undefined;

  constructor(number: number, peer: { address: string; port: number }, owner: SessionOwner) {
    this.number = number;
    this.address = peer.address;
    this.exceptions = owner.exceptions;
    this.#owner = owner;
    const { maxPacketSize } = owner;
    this.channel = new Channel(
      { peer: "client", name: `${peer.address}:${peer.port}`, maxPacketSize, textLines: true, lenient: true },
      this,
    );
  }

  get jobs(): Jobs {
    return this.#owner.jobs;
  }

  packet(type: PacketType, args: readonly (string | Uint8Array)[] = [], data?: Uint8Array): boolean {
    if (!this.#canTake()) return false;
    this.channel.codec.encoder.packet(type, args, data);
    this.channel.send();
    return true;
  }

  refuse(refusal: Refusal): void {
    this.packet(PacketType.ERROR, [refusal.code, refusal.text]);
    this.#owner.refused(this, refusal);
  }

  /** What came was no packet: says so where gearmand says nothing, then closes. */
  fault(error: Error): void {
    const refusal = refusalOf(error, this.#owner.maxPacketSize);
    if (!refusal || !this.channel.open) {
      this.channel.destroy(error);
      return;
    }
    this.refuse(refusal);
    this.#part();
  }

  /** The peer has ended its side: it asks and does nothing more, and is only left to read its answers. */
  ended(): void {
    this.#owner.jobs.leave(this);
    this.#owner.changed();
    this.channel.end();
    this.#parting ??= whenStuck(
      () => this.channel.taken,
      UNREAD_TIME,
      () => this.channel.destroy(new ProtocolError("it had ended its side, and did not read its answers")),
    );
  }

  closed(cause: Error | undefined): void {
    this.#parting?.();
    // It may close in the middle of what is being told to it, and of what is being done to its jobs.
    queueMicrotask(() => {
      this.#owner.jobs.leave(this);
      this.#owner.closed(this, cause);
    });
  }

  frame(frame: Frame): void {
    this.#take(frame);
    this.#owner.changed();
  }

  #take(frame: Frame): void {
    const { jobs } = this.#owner;
    const { type } = frame;
    // The connection is being closed: what is still taken could not be answered.
    if (!this.channel.open) return;
    // gearmand has 8 KiB for a packet's arguments, and closes the connection when they don't fit.
    if (type !== PacketType.TEXT && frame.argumentsSize > MAX_ARGUMENTS_SIZE)
      throw new ArgumentsTooLong(PacketType[type]);
    if (frame.foreign) {
      this.refuse(ERRORS.INVALID_MAGIC);
      return;
    }
    switch (type) {
      case PacketType.TEXT:
        this.#text(fromBytes(frame.data()));
        return;
      case PacketType.CAN_DO:
        jobs.canDo(this, textOf(frame, 0), 0);
        return;
      case PacketType.CAN_DO_TIMEOUT:
        if (frame.size(1) > MAX_TIMEOUT_DIGITS) return;
        jobs.canDo(this, textOf(frame, 0), timeoutOf(integer(cString(frame, 1))));
        return;
      case PacketType.CANT_DO:
        jobs.cantDo(this, textOf(frame, 0));
        return;
      case PacketType.RESET_ABILITIES:
        jobs.resetAbilities(this);
        return;
      case PacketType.PRE_SLEEP:
        // Told at once, and not asleep: whoever sleeps with a job in the queue would be woken by the next one only.
        if (!jobs.sleep(this)) this.packet(PacketType.NOOP);
        return;
      case PacketType.GRAB_JOB:
      case PacketType.GRAB_JOB_UNIQ:
      case PacketType.GRAB_JOB_ALL:
        this.#grab(type);
        return;
      case PacketType.SET_CLIENT_ID:
        this.id = cString(frame, 0).slice(0, MAX_CLIENT_ID_SIZE);
        return;
      case PacketType.OPTION_REQ:
        this.#option(cString(frame, 0));
        return;
      case PacketType.ECHO_REQ:
        this.packet(PacketType.ECHO_RES, [], frame.data());
        return;
      case PacketType.GET_STATUS:
        this.#status(cString(frame, 0));
        return;
      case PacketType.GET_STATUS_UNIQUE:
        this.#uniqueStatus(cString(frame, 0));
        return;
      case PacketType.WORK_STATUS:
        workStatus(frame, this);
        return;
      case PacketType.WORK_DATA:
      case PacketType.WORK_WARNING:
        workData(frame, this);
        return;
      case PacketType.WORK_COMPLETE:
      case PacketType.WORK_FAIL:
      case PacketType.WORK_EXCEPTION:
        workEnd(frame, this);
        return;
      default: {
        const submit = SUBMITS[type];
        if (submit) this.#submit(frame, ...submit);
        else this.refuse(ERRORS.INVALID_COMMAND);
      }
    }
  }

  /** Whether something can be sent. Whoever leaves too much unread is cut off, and costs no more than that. */
  #canTake(): boolean {
    if (!this.channel.open) return false;
    const { maxPending } = this.#owner;
    if (this.channel.pending <= maxPending) return true;
    this.channel.destroy(new ProtocolError(`it left more than ${maxPending} bytes unread (maxPending)`));
    return false;
  }

  #text(line: string): void {
    const answer = this.#owner.text(line, this);
    if (answer === undefined) {
      this.#part();
      return;
    }
    if (!this.#canTake()) return;
    this.channel.codec.encoder.text(toBytes(answer));
    this.channel.send();
  }

  #part(): void {
    this.channel.end();
    const timer = setTimeout(() => this.channel.destroy(), PARTING_TIME);
    this.#parting = () => clearTimeout(timer);
  }

  #submit(frame: Frame, priority: Priority, background: boolean): void {
    const { type } = frame;
    const reduce = type === PacketType.SUBMIT_REDUCE_JOB || type === PacketType.SUBMIT_REDUCE_JOB_BACKGROUND;
    if (frame.size(1) > MAX_UNIQUE_SIZE || (reduce && frame.size(2) > MAX_UNIQUE_SIZE)) {
      this.refuse(ERRORS.UNIQUE_TOO_LARGE);
      return;
    }
    const job = this.#owner.jobs.submit({
      function: textOf(frame, 0),
      unique: textOf(frame, 1),
      reducer: reduce ? textOf(frame, 2) : "",
      priority,
      when: type === PacketType.SUBMIT_JOB_EPOCH ? Number(integer(textOf(frame, 2))) : 0,
      workload: frame.data(),
      client: background ? undefined : this,
    });
    if (job) this.packet(PacketType.JOB_CREATED, [job.handle]);
    else this.refuse(ERRORS.QUEUE_FULL);
  }

  #grab(type: PacketType): void {
    const job = this.#owner.jobs.grab(this);
    if (!job) {
      this.packet(PacketType.NO_JOB);
      return;
    }
    const { handle, workload } = job;
    const name = job.function.argument;
    const unique = toArgument(job.unique);
    if (type === PacketType.GRAB_JOB) this.packet(PacketType.JOB_ASSIGN, [handle, name], workload);
    else if (type === PacketType.GRAB_JOB_UNIQ || job.reducer === "") {
      // As gearmand does: a job without a reducer needs no JOB_ASSIGN_ALL.
      this.packet(PacketType.JOB_ASSIGN_UNIQ, [handle, name, unique], workload);
    } else {
      this.packet(PacketType.JOB_ASSIGN_ALL, [handle, name, unique, toArgument(job.reducer)], workload);
    }
  }

  #option(option: string): void {
    if (option.toLowerCase() !== "exceptions") {
      this.refuse(ERRORS.UNKNOWN_OPTION);
      return;
    }
    this.exceptions = true;
    this.packet(PacketType.OPTION_RES, [option]);
  }

  #status(handle: string): void {
    const job = this.#owner.jobs.get(handle);
    // gearmand never answers when the handle is too long; a client that waits in order would wait for ever.
    this.packet(PacketType.STATUS_RES, [toArgument(handle), ...statusOf(job)]);
  }

  #uniqueStatus(unique: string): void {
    const job = this.#owner.jobs.newest(unique);
    this.packet(PacketType.STATUS_RES_UNIQUE, [toArgument(unique), ...statusOf(job), String(job?.waiting ?? 0)]);
  }
}

/** Known, running, numerator and denominator, as the status packets have them. */
function statusOf(job: Job | undefined): string[] {
  if (!job) return ["0", "0", "0", "0"];
  return ["1", job.worker ? "1" : "0", String(job.numerator), String(job.denominator)];
}

/** Milliseconds of a CAN_DO_TIMEOUT; 0 is none. */
function timeoutOf(milliseconds: bigint): number {
  if (milliseconds <= 0n || milliseconds > LONGEST_TIMEOUT) return 0;
  return Math.max(LEAST_TIMEOUT, Number(milliseconds));
}
