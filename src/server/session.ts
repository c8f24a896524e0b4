import {
  MAX_ARGUMENTS_SIZE,
  MAX_CLIENT_ID_SIZE,
  MAX_HANDLE_SIZE,
  MAX_LINE_SIZE,
  PacketType,
} from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { Channel, type ChannelOwner } from "../connection/channel.js";
import { ProtocolError } from "../errors.js";
import type { Transport } from "../platform/transport.js";
import { cString, fromBytes, integer, textOf, toArgument, toBytes, unsigned } from "./bytes.js";
import { type Ability, HIGH, type Job, LOW, NORMAL, type Peer, type Priority } from "./job.js";
import type { Jobs } from "./jobs.js";

/** What gearmand calls its errors, and says of them. */
const ERRORS = {
  INVALID_COMMAND: "Command not expected",
  UNIQUE_TOO_LARGE: "Unique value too large",
  QUEUE_FULL: "Job queue is full",
  UNKNOWN_OPTION: "Server does not recognize given option",
  NO_SUCH_JOB: "Job does not exist on server",
  NO_SUCH_RESULT: "Job given in work result not found",
  NO_SUCH_EXCEPTION: "An exception was received for a job that does not exist",
  HANDLE_TOO_LARGE: "Error occurred due to GEARMAND_JOB_HANDLE_SIZE being too small from snprintf",
};

/**
 * The longest unique, or reducer, that gearmand takes, in bytes. It breaks on the 64th byte of a unique; here it is one
 * like the others, since a SHA-256 in hexadecimal has just so many.
 */
const MAX_UNIQUE_SIZE = 64;

/** The longest denominator of a WORK_STATUS that is taken, in bytes; one above is dropped. gearmand reads ten of them. */
const MAX_DENOMINATOR_SIZE = 11;
const DENOMINATOR_DIGITS = 10;

/** The most characters of a CAN_DO_TIMEOUT's milliseconds: of more, gearmand drops the packet. */
const MAX_TIMEOUT_DIGITS = 20;

/** The shortest time limit of a job, in milliseconds: gearmand raises smaller ones to it. */
const LEAST_TIMEOUT = 1_000;

/** The longest that a timer takes; a job that may take longer is as good as unlimited. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

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
  /** Answers a line of the text protocol: what to send back, or undefined to close the connection. */
  text(line: string, session: Session): string | undefined;
  closed(session: Session): void;
}

/** One connection: a client, a worker, an administrator, or all of them. */
export class Session implements ChannelOwner, Peer {
  readonly number: number;
  readonly address: string;
  id = "-";
  exceptions = false;
  readonly abilities: Ability[] = [];
  readonly running = new Set<Job>();
  readonly followed = new Set<Job>();
  readonly channel: Channel;
  readonly #owner: SessionOwner;
  /** Whether it has said PRE_SLEEP, and has not been woken since. */
  #sleeping = false;
  /** Whether it was woken, and has not grabbed since: it is not woken again before it does. */
  #woken = false;

  constructor(
    number: number,
    peer: { address: string; port: number },
    maxPacketSize: number,
    transport: Transport,
    owner: SessionOwner,
  ) {
    this.number = number;
    this.address = peer.address;
    this.#owner = owner;
    this.channel = new Channel(
      { peer: "client", name: `${peer.address}:${peer.port}`, maxPacketSize, textLines: true },
      this,
    );
    this.channel.attach(transport);
  }

  packet(type: PacketType, args: readonly (string | Uint8Array)[] = [], data?: Uint8Array): void {
    if (!this.channel.open) return;
    this.channel.codec.encoder.packet(type, args, data);
    this.channel.send();
  }

  wake(): void {
    if (!this.#sleeping || this.#woken) return;
    this.#woken = true;
    this.packet(PacketType.NOOP);
  }

  closed(): void {
    this.#owner.jobs.leave(this);
    this.#owner.closed(this);
  }

  frame(frame: Frame): void {
    const { jobs } = this.#owner;
    const { type } = frame;
    // The connection is being closed: what is still taken could not be answered.
    if (!this.channel.open) return;
    // gearmand has 8 KiB for a packet's arguments, and closes the connection when they don't fit.
    if (type !== PacketType.TEXT && frame.argumentsSize > MAX_ARGUMENTS_SIZE)
      throw new ProtocolError(`${PacketType[type]} has too long arguments`);
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
        this.#preSleep();
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
        this.#workStatus(frame);
        return;
      case PacketType.WORK_DATA:
      case PacketType.WORK_WARNING:
        this.#workData(frame);
        return;
      case PacketType.WORK_COMPLETE:
      case PacketType.WORK_FAIL:
      case PacketType.WORK_EXCEPTION:
        this.#workEnd(frame);
        return;
      default: {
        const submit = SUBMITS[type];
        if (submit) this.#submit(frame, ...submit);
        else this.#error("INVALID_COMMAND", ERRORS.INVALID_COMMAND);
      }
    }
  }

  #text(line: string): void {
    if (line.length >= MAX_LINE_SIZE) throw new ProtocolError("a line of the text protocol is too long");
    const answer = this.#owner.text(line, this);
    if (answer === undefined) {
      this.channel.end();
      return;
    }
    this.channel.codec.encoder.text(toBytes(answer));
    this.channel.send();
  }

  #submit(frame: Frame, priority: Priority, background: boolean): void {
    const { type } = frame;
    const reduce = type === PacketType.SUBMIT_REDUCE_JOB || type === PacketType.SUBMIT_REDUCE_JOB_BACKGROUND;
    if (frame.size(1) > MAX_UNIQUE_SIZE || (reduce && frame.size(2) > MAX_UNIQUE_SIZE)) {
      this.#error("ARGUMENT_TOO_LARGE", ERRORS.UNIQUE_TOO_LARGE);
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
    else this.#error("QUEUE_ERROR", ERRORS.QUEUE_FULL);
  }

  #preSleep(): void {
    // Told at once, and not marked as sleeping: whoever sleeps with a job in the queue would be woken by the next one only.
    if (this.#owner.jobs.waits(this)) this.packet(PacketType.NOOP);
    else {
      this.#sleeping = true;
      this.#woken = false;
    }
  }

  #grab(type: PacketType): void {
    this.#sleeping = false;
    this.#woken = false;
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
      this.#error("UNKNOWN_OPTION", ERRORS.UNKNOWN_OPTION);
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

  #workStatus(frame: Frame): void {
    const job = this.#owner.jobs.grabbed(cString(frame, 0), this);
    if (!job) {
      this.#error("JOB_NOT_FOUND", ERRORS.NO_SUCH_RESULT);
      return;
    }
    const numerator = cString(frame, 1);
    const denominator = cString(frame, 2);
    if (denominator.length > MAX_DENOMINATOR_SIZE) return;
    job.numerator = unsigned(numerator);
    job.denominator = unsigned(denominator.slice(0, DENOMINATOR_DIGITS));
    const args = [job.handle, toArgument(numerator), toArgument(denominator)];
    job.tell((client) => client.packet(PacketType.WORK_STATUS, args));
  }

  #workData(frame: Frame): void {
    const job = this.#owner.jobs.grabbed(cString(frame, 0), this);
    if (!job) {
      this.#error("JOB_NOT_FOUND", ERRORS.NO_SUCH_JOB);
      return;
    }
    const { type } = frame;
    const data = frame.data();
    job.tell((client) => client.packet(type, [job.handle], data));
  }

  #workEnd(frame: Frame): void {
    const { type } = frame;
    if (type === PacketType.WORK_FAIL && frame.size(0) > MAX_HANDLE_SIZE) {
      this.#error("ARGUMENT_TOO_LARGE", ERRORS.HANDLE_TOO_LARGE);
      return;
    }
    const job = this.#owner.jobs.grabbed(cString(frame, 0), this);
    if (!job) {
      this.#error(
        "JOB_NOT_FOUND",
        type === PacketType.WORK_EXCEPTION ? ERRORS.NO_SUCH_EXCEPTION : ERRORS.NO_SUCH_RESULT,
      );
      return;
    }
    const { handle } = job;
    const data = frame.data();
    job.tell((client) => {
      if (type === PacketType.WORK_FAIL || (type === PacketType.WORK_EXCEPTION && !client.exceptions)) {
        client.packet(PacketType.WORK_FAIL, [handle]);
      } else client.packet(type, [handle], data);
    });
    this.#owner.jobs.end(job);
  }

  #error(code: string, text: string): void {
    this.packet(PacketType.ERROR, [code, text]);
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
