import { PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { Connection, type ConnectionOptions, type ConnectionOwner, type Waiter } from "../connection/connection.js";
import { ServerError } from "../errors.js";
import { Payload } from "../payload.js";
import type { Address } from "../platform/transport.js";
import { Job, type JobPort } from "./job.js";

/** What a session asks of its worker. */
export interface SessionOwner {
  /** The functions to register, and the id to do it under. */
  readonly functions: Iterable<string>;
  readonly id: string | undefined;
  /** The server gave out a job, for which a slot had been set aside. */
  assigned(job: Job, controller: AbortController, session: Session): void;
  /** What a session needs or has may have changed: slots are to be shared out anew. */
  changed(): void;
  /** The server no longer takes a result that was sent: it had given the job to somebody else. */
  discarded(session: Session): void;
  /** The connection is gone. */
  lost(error: Error | undefined, session: Session): void;
}

/** How often a sleeping worker asks all the same, in milliseconds: gearmand 1.x wakes nobody when a job's time comes. */
const POLL_INTERVAL = 10_000;

/*
 * gearmand 1.1 may answer PRE_SLEEP with a NOOP for a job that it then doesn't give out, again and again. NOOPs that
 * come this soon after it and bring no job are counted; from the third on the worker rests in between, each time twice
 * as long. In milliseconds.
 */
const SOON = 50;
const EMPTY_WAKES = 3;
const FIRST_REST = 20;
const LONGEST_REST = 1_000;

/** A worker's connection to one server: it grabs jobs while the worker has slots for them, and sleeps when there are none. */
export class Session implements ConnectionOwner, JobPort {
  readonly #owner: SessionOwner;
  #connection!: Connection;
  /** Jobs that run, by slot. */
  readonly #jobs = new Map<number, { job: Job; controller: AbortController }>();
  #grabs = 0;
  /** Whether the server may have a job: from a start, a NOOP or a job that came, until a NO_JOB. */
  #hungry = true;
  /** GRAB_JOB_ALL tells the unique and the reducer; a server that doesn't know it (Perl's) is asked by GRAB_JOB. */
  #grab = PacketType.GRAB_JOB_ALL;
  #emptyWakes = 0;
  #rested = false;
  #sleptAt = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;
  readonly gone: Promise<void>;
  #goneNow!: () => void;

  private constructor(owner: SessionOwner) {
    this.#owner = owner;
    this.gone = new Promise((resolve) => {
      this.#goneNow = resolve;
    });
  }

  /** @throws as `Connection.open` */
  static async open(
    address: Address,
    options: ConnectionOptions,
    owner: SessionOwner,
    signal: AbortSignal,
  ): Promise<Session> {
    const session = new Session(owner);
    session.#connection = await Connection.open(address, options, session, signal);
    const { encoder } = session.#connection.codec;
    if (owner.id !== undefined) encoder.packet(PacketType.SET_CLIENT_ID, [owner.id]);
    for (const name of owner.functions) encoder.packet(PacketType.CAN_DO, [name]);
    session.#connection.send();
    return session;
  }

  get server(): string {
    return this.#connection.server;
  }

  /** Whether another grab might bring a job. */
  get hungry(): boolean {
    return this.#hungry && !this.#stopping && this.#connection.open;
  }

  /** Grabs that are out. */
  get grabs(): number {
    return this.#grabs;
  }

  /** Asks for one job. A slot must be set aside for it. */
  grab(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#grabs++;
    this.#connection.codec.encoder.packet(this.#grab);
    this.#connection.request(this.#grabbed);
  }

  /** Registers a function, or takes it back. */
  register(name: string, can: boolean): void {
    if (!this.#connection.open) return;
    this.#connection.codec.encoder.packet(can ? PacketType.CAN_DO : PacketType.CANT_DO, [name]);
    if (can) this.#hungry = true;
    this.#connection.send();
  }

  /** Grabs no more; what is out or runs goes on. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
  }

  /** Closes once what was written is sent. */
  end(): void {
    this.#connection.end();
  }

  /** Closes at once: the server gives the jobs that run here to others. */
  destroy(cause?: Error): void {
    this.#connection.destroy(cause);
  }

  work(type: PacketType, slot: number, args: readonly string[], data?: string | Uint8Array): void {
    if (!this.#connection.open) return;
    const { encoder } = this.#connection.codec;
    encoder.work(type, slot, args, data);
    // In Perl's gearmand an exception doesn't end the job; in gearmand a WORK_FAIL after it is an error.
    if (type === PacketType.WORK_EXCEPTION && this.#grab === PacketType.GRAB_JOB)
      encoder.work(PacketType.WORK_FAIL, slot);
    switch (type) {
      case PacketType.WORK_COMPLETE:
      case PacketType.WORK_FAIL:
      case PacketType.WORK_EXCEPTION:
        this.#jobs.delete(slot);
        this.#connection.codec.decoder.unbind(slot);
    }
    this.#connection.send();
  }

  packet(frame: Frame): boolean {
    switch (frame.type) {
      case PacketType.NOOP:
        this.#hungry = true;
        this.#emptyWakes = performance.now() - this.#sleptAt < SOON ? this.#emptyWakes + 1 : 0;
        this.#owner.changed();
        return true;
      case PacketType.ERROR:
        this.#owner.discarded(this);
        return true;
      default:
        return false;
    }
  }

  lost(error: Error | undefined): void {
    clearTimeout(this.#timer);
    for (const { job, controller } of this.#jobs.values()) {
      job.abandon();
      controller.abort(this.#connection.lostError({ handle: job.handle, sent: true }));
    }
    this.#jobs.clear();
    this.#grabs = 0;
    this.#goneNow();
    this.#owner.lost(error, this);
  }

  /** Who waits for a grab's answer: always the same, as grabs are alike. */
  readonly #grabbed: Waiter = {
    expects: PacketType.NO_JOB,
    answer: (frame) => {
      this.#grabs--;
      if (frame.type === PacketType.NO_JOB) this.#noJob();
      else this.#assigned(frame);
      this.#owner.changed();
    },
    fail: (error) => {
      this.#grabs = Math.max(0, this.#grabs - 1);
      if (!(error instanceof ServerError)) return;
      if (this.#grab === PacketType.GRAB_JOB) {
        this.#connection.destroy(error);
        return;
      }
      if (this.#grabs === 0) this.#grab = PacketType.GRAB_JOB;
      this.#hungry = this.#grabs === 0;
      this.#owner.changed();
    },
  };

  #assigned(frame: Frame): void {
    this.#hungry = true;
    this.#emptyWakes = 0;
    const { type, slot } = frame;
    const controller = new AbortController();
    const job = new Job(this, slot, {
      handle: frame.text(0),
      function: frame.text(1),
      unique: type === PacketType.JOB_ASSIGN ? "" : frame.text(2),
      reducer: type === PacketType.JOB_ASSIGN_ALL ? frame.text(3) : "",
      workload: new Payload(frame.data()),
      signal: controller.signal,
    });
    this.#jobs.set(slot, { job, controller });
    this.#owner.assigned(job, controller, this);
  }

  #noJob(): void {
    this.#hungry = false;
    if (this.#grabs > 0 || this.#stopping) return;
    if (this.#emptyWakes >= EMPTY_WAKES && !this.#rested) {
      this.#rested = true;
      this.#wakeIn(Math.min(LONGEST_REST, FIRST_REST * 2 ** (this.#emptyWakes - EMPTY_WAKES)));
      return;
    }
    this.#rested = false;
    this.#sleptAt = performance.now();
    this.#connection.codec.encoder.packet(PacketType.PRE_SLEEP);
    this.#connection.send();
    this.#wakeIn(POLL_INTERVAL);
  }

  #wakeIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#hungry = true;
      this.#owner.changed();
    }, milliseconds);
  }
}
