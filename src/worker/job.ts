import { PacketType } from "../../assembly/protocol.js";
import { show } from "../connection/check.js";
import { type Payload, type PayloadInput, toWire } from "../payload.js";

/**
 * Thrown by a handler, this ends the job with WORK_FAIL, which carries no reason: the client gets a `JobFailedError`.
 * Anything else that is thrown reaches the client as an exception, with its message.
 */
export class JobFailed extends Error {
  override readonly name = "JobFailed";
}

/** What became of a job, in its worker. */
export type Outcome =
  | { readonly end: "complete"; readonly result: string | Uint8Array }
  | { readonly end: "fail"; readonly error: Error }
  | { readonly end: "exception"; readonly error: unknown };

/** How a job's packets reach its server. Nothing is sent once the connection it came by is gone. */
export interface JobPort {
  readonly server: string;
  /** Bytes that wait for the connection to take them. */
  readonly waiting: number;
  work(job: Job, type: PacketType, slot: number, args: readonly string[], data?: string | Uint8Array): void;
  /** Resolves once the server has dealt with what was sent; rejects when the connection is lost before. */
  confirm(): Promise<void>;
}

/** What a server tells of a job that it gives out. */
export interface JobDescription {
  handle: string;
  function: string;
  unique: string;
  reducer: string;
  attempt: number;
  workload: Payload;
}

/** A job, as its handler gets it. `Workload` is what its workload is as JSON. */
export class Job<Workload = unknown> {
  /** The job's handle. */
  readonly handle: string;
  /** The function that it was submitted to. */
  readonly function: string;
  /** The unique id of its submission: the same when the job is given out again after a worker was lost. `""` if there is none. */
  readonly unique: string;
  /** The function that its parts are to go to, of a job submitted with one; else `undefined`. */
  readonly reducer: string | undefined;
  /** Which try this is, from 1, of a function that is added with `retry`; of others always 1. */
  readonly attempt: number;
  readonly #port: JobPort;
  readonly #slot: number;
  #workload: Payload<Workload>;
  #envelope: Uint8Array | undefined;
  #ended = false;
  #muted = false;
  #lost = false;
  /** Why its signal aborts, once it does; and what makes it, once somebody asks for it: most handlers never do. */
  #aborted: { readonly reason: unknown } | undefined;
  #controller: AbortController | undefined;
  #gone: AbortController | undefined;
  /** What is done with its outcome before its server is told of it. Must not throw. @internal */
  ending: ((outcome: Outcome) => Promise<void>) | undefined;

  /** @internal */
  constructor(port: JobPort, slot: number, about: JobDescription) {
    this.#port = port;
    this.#slot = slot;
    this.handle = about.handle;
    this.function = about.function;
    this.unique = about.unique;
    this.reducer = about.reducer || undefined;
    this.#workload = about.workload as Payload<Workload>;
    this.attempt = about.attempt;
  }

  get workload(): Payload<Workload> {
    return this.#workload;
  }

  /** Aborts when the job's time is over, its server is lost, or the worker is closed without waiting for it. */
  get signal(): AbortSignal {
    if (!this.#controller) {
      this.#controller = new AbortController();
      if (this.#aborted) this.#controller.abort(this.#aborted.reason);
    }
    return this.#controller.signal;
  }

  /** The server that it came from, as `host:port`. */
  get server(): string {
    return this.#port.server;
  }

  /**
   * Reports progress: `numerator` of `denominator`. `client.status` shows it, and a client that follows the job gets
   * it as an event. gearmand keeps 32 bits: whole numbers from 0 to 4,294,967,295.
   * @throws TypeError when one can't be sent
   */
  status(numerator: number, denominator: number): void {
    for (const number of [numerator, denominator]) {
      if (!Number.isInteger(number) || number < 0 || number > 0xffffffff) {
        throw new TypeError(`a job's status is two whole numbers from 0 to 4294967295, not ${show(number)}`);
      }
    }
    this.#tell(PacketType.WORK_STATUS, [String(numerator), String(denominator)]);
  }

  /**
   * Sends a part of the result to the clients that follow the job. Nothing keeps it for others.
   * @throws TypeError when it can't be sent
   */
  data(payload: PayloadInput): void {
    this.#tell(PacketType.WORK_DATA, [], toWire(payload, "the job's data"));
  }

  /**
   * Sends a warning to the clients that follow the job.
   * @throws TypeError when it can't be sent
   */
  warn(payload: PayloadInput): void {
    this.#tell(PacketType.WORK_WARNING, [], toWire(payload, "the job's warning"));
  }

  /** Ends the job, for the server too, with one of the terminal packets. Only the first call does anything. @internal */
  end(type: PacketType, data?: string | Uint8Array): void {
    this.#send(type, [], data);
    this.#ended = true;
  }

  /** Resolves once the server has dealt with what was sent about it; rejects when the connection is lost before. @internal */
  confirm(): Promise<void> {
    return this.#port.confirm();
  }

  /** The connection that it came by is gone: nothing more can be sent about it. @internal */
  abandon(): void {
    this.#ended = true;
    this.#lost = true;
  }

  /** Has its signal abort. @internal */
  abort(reason: unknown): void {
    this.#aborted ??= { reason };
    this.#controller?.abort(reason);
    if (this.#lost) this.#gone?.abort(reason);
  }

  /** Lets only its end be sent, its time being over. @internal */
  mute(): void {
    this.#muted = true;
  }

  /** Aborts when it is no longer ours; not when its time is over. @internal */
  get gone(): AbortSignal {
    this.#gone ??= new AbortController();
    if (this.#lost) this.#gone.abort(this.#aborted?.reason);
    return this.#gone.signal;
  }

  /** Bytes that wait for its connection to take them. @internal */
  get waiting(): number {
    return this.#port.waiting;
  }

  /** Whether its connection went away before it ended. @internal */
  get lost(): boolean {
    return this.#lost;
  }

  /** Whether nothing more is to be sent about it. @internal */
  get over(): boolean {
    return this.#ended || this.#aborted !== undefined;
  }

  /** Replaces the workload by one that a validator has seen. @internal */
  accept(workload: Payload): void {
    this.#workload = workload as Payload<Workload>;
  }

  /** Replaces the workload by what was in its envelope. @internal */
  open(envelope: Uint8Array, workload: Payload): void {
    this.#envelope = envelope;
    this.accept(workload);
  }

  /** The bytes as they came, with the envelope that they may have been in: what another attempt gets. @internal */
  get given(): Uint8Array {
    const { bytes } = this.#workload;
    if (!this.#envelope) return bytes;
    const given = new Uint8Array(this.#envelope.length + bytes.length);
    given.set(this.#envelope);
    given.set(bytes, this.#envelope.length);
    return given;
  }

  #tell(type: PacketType, args: readonly string[], data?: string | Uint8Array): void {
    if (!this.#muted) this.#send(type, args, data);
  }

  #send(type: PacketType, args: readonly string[], data?: string | Uint8Array): void {
    if (!this.#ended) this.#port.work(this, type, this.#slot, args, data);
  }
}
