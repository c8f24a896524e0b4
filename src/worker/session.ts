import { PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { Connection, type ConnectionOptions, type ConnectionOwner } from "../connection/connection.js";
import type { Waiter } from "../connection/requests.js";
import { ServerError } from "../errors.js";
import { Payload } from "../payload.js";
import type { Address } from "../platform/transport.js";
import { Abilities } from "./abilities.js";
import { Job, type JobPort } from "./job.js";
import { confirm } from "./requests.js";
import { Rests } from "./rests.js";

/** What a session asks of its worker. */
export interface SessionOwner {
  readonly id: string | undefined;
  /** How often a sleeping session asks all the same, in milliseconds. */
  readonly pollInterval: number;
  /** The functions to register, and the time limits that their server is to keep, if any. */
  readonly functions: Iterable<readonly [name: string, serverTimeout: number | undefined]>;
  /** Which attempt a job is. */
  attempt(name: string, unique: string): number;
  /** The server gave out a job, for which a slot had been set aside. */
  assigned(job: Job, session: Session): void;
  /** The server had no job, or was told that we sleep. */
  told(what: "noJob" | "sleep", session: Session): void;
  /** What a session needs or has may have changed: slots are to be shared out anew. */
  changed(): void;
  /** The server does not take a result that was sent: it had given the job to somebody else. */
  discarded(session: Session): void;
  /** The server can't forward a job's data and warnings: they are dropped. */
  dropped(session: Session): void;
  /** The connection is gone. */
  lost(error: Error | undefined, session: Session): void;
}

/** How long a grab may be unanswered until other servers get the slots that it holds, in milliseconds. */
const STALL = 500;

/** A worker's connection to one server: it grabs jobs while the worker has slots for them, and sleeps when there are none. */
export class Session implements ConnectionOwner, JobPort {
  readonly #owner: SessionOwner;
  #connection!: Connection;
  /** Jobs that run, by slot. */
  readonly #jobs = new Map<number, Job>();
  #grabs = 0;
  /** Grabs that were answered; how many they were when it was last looked; and whether there were none since. */
  #answers = 0;
  #answersSeen = 0;
  #stalled = false;
  #stallTimer: ReturnType<typeof setTimeout> | undefined;
  readonly #abilities = new Abilities();
  /** Whether the server may have a job: from a start, a NOOP or a job that came, until a NO_JOB. */
  #hungry = true;
  /** GRAB_JOB_ALL tells the unique and the reducer; a server that doesn't know it (Perl's) is asked by GRAB_JOB. */
  #grab = PacketType.GRAB_JOB_ALL;
  readonly #rests = new Rests();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopping = false;
  #dropped = false;
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
    if (owner.id !== undefined) session.#connection.codec.encoder.packet(PacketType.SET_CLIENT_ID, [owner.id]);
    for (const [name, serverTimeout] of owner.functions) session.register(name, serverTimeout);
    return session;
  }

  get server(): string {
    return this.#connection.server;
  }

  /** What carries it, for what is asked beside jobs. */
  get connection(): Connection {
    return this.#connection;
  }

  /** Whether another grab might bring a job. */
  get hungry(): boolean {
    if (!this.#hungry || this.#stopping || this.#stalled || this.#abilities.leaving) return false;
    // One at first: a server that takes connections and doesn't answer must not take all slots with them.
    return this.#connection.open && (this.answered || this.#grabs === 0);
  }

  /** Whether the server has answered a grab on this connection. */
  get answered(): boolean {
    return this.#answers > 0;
  }

  /** Whether grabs that are out were not answered for a while: their slots are for others meanwhile. */
  get stalled(): boolean {
    return this.#stalled;
  }

  /** Bytes that wait for the connection to take them. */
  get waiting(): number {
    return this.#connection.pending;
  }

  /** Grabs that are out. */
  get grabs(): number {
    return this.#grabs;
  }

  /** Asks for one job. A slot must be set aside for it. */
  grab(): void {
    clearTimeout(this.#timer);
    this.#grabs++;
    this.#watch();
    this.#connection.codec.encoder.packet(this.#grab);
    this.#connection.request(this.#grabbed);
  }

  /** Registers a function, with a time limit that the server is to keep if one is given. False when it knows it already. */
  register(name: string, serverTimeout: number | undefined): boolean {
    if (!this.#connection.open) return false;
    const fresh = this.#abilities.register(this.#connection, name, serverTimeout);
    if (fresh) this.#hungry = true;
    else this.#checkLeaving();
    return fresh;
  }

  /** Gives a job back that came for a function which was taken back meanwhile. */
  refuse(job: Job): void {
    for (const [slot, running] of this.#jobs) {
      if (running !== job) continue;
      this.#abilities.takeBack(this.#connection, job.function);
      this.#forget(slot);
    }
    job.abandon();
  }

  /**
   * Takes a function back. The server would give its running jobs to others at once, so they are waited for, and no
   * job is grabbed meanwhile.
   */
  leave(name: string): Promise<void> {
    return new Promise((resolve) => {
      this.#abilities.leave(name, resolve);
      this.#checkLeaving();
    });
  }

  /** As `confirm` of requests.ts. */
  confirm(dealt = () => {}): Promise<void> {
    return confirm(this.#connection, dealt);
  }

  /** Grabs no more; what is out or runs goes on. */
  stop(): void {
    this.#stopping = true;
    clearTimeout(this.#timer);
  }

  /** Closes once what was written is sent. Only now may the functions be taken back: no job of theirs runs any more. */
  end(): void {
    if (this.#connection.open && this.#jobs.size === 0) {
      this.#connection.codec.encoder.packet(PacketType.RESET_ABILITIES);
    }
    this.#connection.end();
  }

  work(job: Job, type: PacketType, slot: number, args: readonly string[], data?: string | Uint8Array): void {
    if (!this.#connection.open || this.#jobs.get(slot) !== job) return;
    if (this.#grab === PacketType.GRAB_JOB && (type === PacketType.WORK_DATA || type === PacketType.WORK_WARNING)) {
      // Perl's gearmand would answer with an error that looks like the answer to a grab.
      if (!this.#dropped) this.#owner.dropped(this);
      this.#dropped = true;
      return;
    }
    const { encoder } = this.#connection.codec;
    encoder.work(type, slot, args, data);
    switch (type) {
      case PacketType.WORK_EXCEPTION:
        // In Perl's gearmand an exception doesn't end the job; in gearmand a WORK_FAIL after it is an error.
        if (this.#grab === PacketType.GRAB_JOB) encoder.work(PacketType.WORK_FAIL, slot);
        break;
      case PacketType.WORK_COMPLETE:
      case PacketType.WORK_FAIL:
        break;
      default:
        this.#connection.send();
        return;
    }
    this.#forget(slot);
  }

  packet(frame: Frame): boolean {
    switch (frame.type) {
      case PacketType.NOOP:
        this.#hungry = true;
        this.#rests.woken();
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
    clearTimeout(this.#stallTimer);
    for (const job of this.#jobs.values()) {
      job.abandon();
      job.abort(this.#connection.lostError({ handle: job.handle, sent: true }));
    }
    this.#jobs.clear();
    this.#grabs = 0;
    this.#abilities.lost();
    this.#goneNow();
    this.#owner.lost(error, this);
  }

  /** Who waits for a grab's answer: always the same, as grabs are alike. */
  readonly #grabbed: Waiter = {
    expects: PacketType.NO_JOB,
    answer: (frame) => {
      this.#grabs--;
      this.#answers++;
      this.#stalled = false;
      if (frame.type === PacketType.NO_JOB) this.#noJob();
      else this.#assigned(frame);
      this.#checkLeaving();
      this.#owner.changed();
    },
    fail: (error) => {
      // Anything but the server's refusal ends the connection, and is dealt with there.
      if (!(error instanceof ServerError)) return;
      this.#grabs--;
      this.#answers++;
      if (this.#grab === PacketType.GRAB_JOB) {
        this.#connection.destroy(error);
        return;
      }
      // All grabs that are out were of the refused kind: the other is tried when the last of them is answered.
      this.#hungry = this.#grabs === 0;
      if (this.#grabs === 0) this.#grab = PacketType.GRAB_JOB;
      this.#owner.changed();
    },
  };

  #assigned(frame: Frame): void {
    this.#hungry = true;
    this.#rests.fed();
    const { type } = frame;
    const slot = this.#connection.codec.decoder.bind(frame);
    const name = frame.text(1);
    const unique = type === PacketType.JOB_ASSIGN ? "" : frame.text(2);
    const job = new Job(this, slot, {
      handle: frame.text(0),
      function: name,
      unique,
      reducer: type === PacketType.JOB_ASSIGN_ALL ? frame.text(3) : "",
      attempt: this.#owner.attempt(name, unique),
      workload: new Payload(frame.data()),
    });
    const before = this.#jobs.get(slot);
    if (before) {
      // The server took the job back from us, and gives it to us again: the first run is for nothing.
      before.abandon();
      before.abort(new Error(`the server took the job ${job.handle} back, and gave it out again`));
    }
    this.#jobs.set(slot, job);
    this.#owner.assigned(job, this);
  }

  #noJob(): void {
    this.#hungry = false;
    if (this.#grabs > 0) return;
    this.#owner.told("noJob", this);
    if (this.#stopping) return;
    const rest = this.#rests.next();
    if (rest > 0) {
      this.#wakeIn(rest);
      return;
    }
    this.#connection.codec.encoder.packet(PacketType.PRE_SLEEP);
    this.#connection.send();
    this.#owner.told("sleep", this);
    this.#wakeIn(this.#owner.pollInterval);
  }

  #wakeIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#hungry = true;
      this.#owner.changed();
    }, milliseconds);
  }

  /** A job has ended here. */
  #forget(slot: number): void {
    this.#jobs.delete(slot);
    this.#connection.codec.decoder.unbind(slot);
    this.#connection.send();
    this.#checkLeaving();
  }

  /** Looks after a while whether the server still answers. */
  #watch(): void {
    if (this.#stallTimer !== undefined) return;
    this.#answersSeen = this.#answers;
    this.#stallTimer = setTimeout(() => {
      this.#stallTimer = undefined;
      if (this.#grabs === 0) return;
      this.#stalled = this.#answers === this.#answersSeen;
      if (this.#stalled) this.#owner.changed();
      else this.#watch();
    }, STALL);
  }

  /** Takes functions back whose jobs are done, when no grab is out that might bring another. */
  #checkLeaving(): void {
    if (!this.#abilities.leaving || this.#grabs > 0) return;
    if (this.#abilities.settle(this.#connection, this.#jobs.values())) this.#hungry = true;
  }
}
