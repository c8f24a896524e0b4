import { PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { Connection, type ConnectionOptions, type ConnectionOwner, type Waiter } from "../connection/connection.js";
import type { Address } from "../platform/transport.js";
import { JobHandle } from "./handle.js";
import { type JobStatus, readStatus, readUniqueStatus, type UniqueStatus } from "./status.js";
import { encode, type Submission } from "./submission.js";
import type { Task } from "./task.js";

/**
 * The tasks that follow one job over this connection: gearmand sends each packet as many times as there are submissions.
 * One that was given up is `undefined`, and still has its turn.
 */
interface Followers {
  tasks: (Task | undefined)[];
  /** Whose turn the next packet is. */
  turn: number;
}

/** A client's connection to one server, and what it waits for there. */
export class Session implements ConnectionOwner {
  #connection!: Connection;
  /** By the job's slot. */
  readonly #followers = new Map<number, Followers>();
  /** Tasks that were submitted and whose fate is open. */
  #open = 0;
  #onIdle: (() => void) | undefined;
  readonly #onLost: (error: Error | undefined) => void;
  /** Resolves when the connection is gone. */
  readonly #gone: Promise<void>;
  #goneNow!: () => void;

  private constructor(onLost: (error: Error | undefined) => void) {
    this.#onLost = onLost;
    this.#gone = new Promise((resolve) => {
      this.#goneNow = resolve;
    });
  }

  static async open(
    address: Address,
    options: ConnectionOptions,
    onLost: (error: Error | undefined) => void,
    signal: AbortSignal,
  ): Promise<Session> {
    const session = new Session(onLost);
    session.#connection = await Connection.open(address, options, session, signal);
    // Without this option a job's exception arrives as a WORK_FAIL that says nothing. Nobody waits for the answer: a
    // server that doesn't know the option (Perl's) is used without it.
    session.#ask(PacketType.OPTION_REQ, ["exceptions"], PacketType.OPTION_RES, () => {}).catch(() => {});
    return session;
  }

  get open(): boolean {
    return this.#connection.open;
  }

  get server(): string {
    return this.#connection.server;
  }

  /** Whether the server has sent anything on this connection. */
  get answered(): boolean {
    return this.#connection.answered;
  }

  /** Submits a background job. */
  background(submission: Submission): Promise<JobHandle> {
    return new Promise((resolve, reject) => {
      this.#submit(submission, (handle) => resolve(handle), reject);
    });
  }

  /** Submits a foreground job for a task to follow. */
  submit(submission: Submission, task: Task): void {
    this.#open++;
    task.onSettled(() => {
      this.#open--;
      this.#checkIdle();
    });
    this.#submit(
      submission,
      (handle, frame) => {
        task.acknowledge(handle);
        this.#follow(this.#connection.codec.decoder.bind(frame), task);
      },
      (error) => task.fail(error),
    );
  }

  status(handle: string): Promise<JobStatus> {
    return this.#ask(PacketType.GET_STATUS, [handle], PacketType.STATUS_RES, readStatus);
  }

  uniqueStatus(unique: string): Promise<UniqueStatus> {
    return this.#ask(PacketType.GET_STATUS_UNIQUE, [unique], PacketType.STATUS_RES_UNIQUE, readUniqueStatus);
  }

  /** An echo's round trip, in milliseconds. */
  async ping(): Promise<number> {
    const begin = performance.now();
    await this.#ask(PacketType.ECHO_REQ, [], PacketType.ECHO_RES, () => {}, "ping");
    return performance.now() - begin;
  }

  /** Waits until nothing is in flight, then closes; resolves when the connection is gone. */
  async close(): Promise<void> {
    await this.#idle();
    this.#connection.end();
    await this.#gone;
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
    const task = followers.tasks[followers.turn];
    const ended = task ? task.packet(frame) : isTerminal(frame.type);
    if (ended) this.#unfollow(slot, followers);
    else followers.turn = (followers.turn + 1) % followers.tasks.length;
    return true;
  }

  lost(error: Error | undefined): void {
    for (const { tasks } of this.#followers.values()) {
      for (const task of tasks) {
        const handle = task?.created?.handle;
        task?.fail(this.#connection.lostError({ sent: true, ...(handle && { handle }) }));
      }
    }
    this.#followers.clear();
    this.#onLost(error);
    this.#checkIdle();
    this.#goneNow();
  }

  #follow(slot: number, task: Task): void {
    const followers = this.#followers.get(slot) ?? { tasks: [], turn: 0 };
    this.#followers.set(slot, followers);
    // The server attaches submissions between packets: a round of copies is over, and the next one has one more.
    followers.tasks.push(task);
    followers.turn = 0;
    task.onSettled(() => {
      const place = followers.tasks.indexOf(task);
      if (place >= 0) followers.tasks[place] = undefined;
    });
  }

  #unfollow(slot: number, followers: Followers): void {
    followers.tasks.splice(followers.turn, 1);
    if (followers.turn === followers.tasks.length) followers.turn = 0;
    if (followers.tasks.length === 0) {
      this.#followers.delete(slot);
      this.#connection.codec.decoder.unbind(slot);
    }
  }

  #submit(
    submission: Submission,
    created: (handle: JobHandle, frame: Frame) => void,
    fail: (error: Error) => void,
  ): void {
    const { unique, serial } = submission;
    this.#request((connection) => encode(submission, connection.codec.encoder), {
      expects: PacketType.JOB_CREATED,
      answer: (frame, connection) => {
        const { prefix, number } = connection.codec.decoder.handle(frame);
        created(new JobHandle(connection.server, prefix, number, unique, serial), frame);
        this.#checkIdle();
      },
      fail: (error) => {
        fail(error);
        this.#checkIdle();
      },
    });
  }

  #ask<T>(type: PacketType, args: string[], expects: PacketType, read: (frame: Frame) => T, data?: string): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#request((connection) => connection.codec.encoder.packet(type, args, data), {
        expects,
        answer: (frame) => {
          resolve(read(frame));
          this.#checkIdle();
        },
        fail: (error) => {
          reject(error);
          this.#checkIdle();
        },
      });
    });
  }

  #request(encodeRequest: (connection: Connection) => void, waiter: Waiter): void {
    const connection = this.#connection;
    if (!connection.open) {
      waiter.fail(connection.lostError({ sent: false }));
      return;
    }
    encodeRequest(connection);
    connection.request(waiter);
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#onIdle = resolve;
      this.#checkIdle();
    });
  }

  #checkIdle(): void {
    if (this.#onIdle && (!this.open || (this.#open === 0 && this.#connection.waiting === 0))) this.#onIdle();
  }
}

/** Whether a packet of this type ends its job. */
function isTerminal(type: PacketType): boolean {
  return type === PacketType.WORK_COMPLETE || type === PacketType.WORK_FAIL || type === PacketType.WORK_EXCEPTION;
}
