import { MAX_ARGUMENTS_SIZE, MAX_HANDLE_SIZE, MAX_UNIQUE_SIZE, PacketType } from "../../assembly/protocol.js";
import type { Encoder } from "../codec/encoder.js";
import {
  byteLength,
  checkFunction,
  checkMilliseconds,
  checkOptions,
  checkReducer,
  checkUnique,
  checkWord,
  show,
} from "../connection/check.js";
import { type PayloadInput, toWire } from "../payload.js";

/** Which of a function's jobs a worker gets first. */
export type Priority = "high" | "normal" | "low";

const PRIORITIES: readonly Priority[] = ["high", "normal", "low"];

/** What both kinds of job can be given. */
interface SubmitOptions {
  /** Default `"normal"`. */
  priority?: Priority | undefined;
  /**
   * Jobs of one function with equal uniques are one job as long as it is queued or running: a later submit joins it,
   * and its workload and priority are dropped. 63 bytes at most. Default: a generated one, that no other job has;
   * `""` sends none (a persistent queue then keeps only one such job).
   */
  unique?: string | undefined;
  /** Gives up waiting for the server's answer, with the signal's reason. A job that was sent is not taken back. */
  signal?: AbortSignal | undefined;
}

/** Options of `client.background`. */
export interface BackgroundOptions extends SubmitOptions {
  /** When the job may run, to the second (rounded up); a time gone by is now. Such a job's priority is always normal. */
  at?: Date | number | undefined;
  /** In how many milliseconds the job may run; otherwise as `at`. */
  delay?: number | undefined;
}

/** Options of `client.submit` and `client.run`. */
export interface ForegroundOptions extends SubmitOptions {
  /**
   * Milliseconds until the result must be there; then the result rejects with a `TimeoutError`, and the job, if it
   * still runs, runs on unheard. Default: no limit, as a job takes as long as it takes.
   */
  timeout?: number | undefined;
  /** The function that a worker is to hand its parts to (SUBMIT_REDUCE_JOB). Such a job's priority is always normal. */
  reducer?: string | undefined;
}

/**
 * The option, known to this package alone, that puts a workload's bytes into an envelope, once they are what goes on the
 * wire. It is told how many bytes there is room for.
 */
export const SEAL: unique symbol = Symbol("seal");

/** A workload as it goes on the wire, and what is sent in its place. */
export type Seal = (workload: string | Uint8Array, room: number) => string | Uint8Array;

/** A submit that was checked: every packet it can become is one that gearmand answers. */
export interface Submission {
  readonly type: PacketType;
  readonly function: string;
  /** The unique's text, or for a generated one its prefix, which the serial follows. */
  readonly unique: string;
  readonly serial: number;
  /** Arguments after the unique. */
  readonly rest: readonly string[];
  readonly workload: string | Uint8Array;
}

const FOREGROUND = { high: PacketType.SUBMIT_JOB_HIGH, normal: PacketType.SUBMIT_JOB, low: PacketType.SUBMIT_JOB_LOW };
const BACKGROUND = {
  high: PacketType.SUBMIT_JOB_HIGH_BG,
  normal: PacketType.SUBMIT_JOB_BG,
  low: PacketType.SUBMIT_JOB_LOW_BG,
};
const NOTHING: readonly string[] = [];

/** The latest time that `Date` knows, in milliseconds. */
const LATEST = 8.64e15;

/** Makes the uniques that nobody gave: a part that can't be guessed for each client, and a number. */
export class Uniques {
  readonly prefix: string;
  #serial = 0;

  constructor() {
    const random = crypto.getRandomValues(new Uint8Array(9));
    this.prefix = btoa(String.fromCharCode(...random))
      .replaceAll("+", "-")
      .replaceAll("/", "_");
  }

  next(): number {
    this.#serial = (this.#serial % 0xffffffff) + 1;
    return this.#serial;
  }
}

/** What a client gives to all its submissions. */
export interface SubmissionDefaults {
  readonly uniques: Uniques;
  readonly maxPacketSize: number;
}

/** @throws TypeError in words when something is wrong */
export function checkBackground(
  name: string,
  workload: PayloadInput,
  options: BackgroundOptions | undefined,
  defaults: SubmissionDefaults,
): Submission {
  checkFunction(name);
  if (options === undefined) return submission(BACKGROUND.normal, name, undefined, NOTHING, workload, defaults);
  checkOptions(options, "background", ["priority", "unique", "signal", "at", "delay"]);
  const { priority = "normal", unique, at, delay } = options;
  const seal = (options as { [SEAL]?: Seal })[SEAL];
  checkWord(priority, "priority", PRIORITIES);
  if (at === undefined && delay === undefined)
    return submission(BACKGROUND[priority], name, unique, NOTHING, workload, defaults, seal);
  if (at !== undefined && delay !== undefined)
    throw new TypeError("at and delay say the same thing twice: give one of them");
  if (priority !== "normal")
    throw new TypeError(
      `a job with ${at === undefined ? "a delay" : "a time"} always has the normal priority: leave ${show(priority)} out`,
    );
  const seconds = String(Math.max(0, Math.ceil(moment(at, delay) / 1000)));
  return submission(PacketType.SUBMIT_JOB_EPOCH, name, unique, [seconds], workload, defaults, seal);
}

/** @throws TypeError in words when something is wrong */
export function checkForeground(
  name: string,
  workload: PayloadInput,
  options: ForegroundOptions | undefined,
  defaults: SubmissionDefaults,
): Submission {
  checkFunction(name);
  if (options === undefined) return submission(FOREGROUND.normal, name, undefined, NOTHING, workload, defaults);
  checkOptions(options, "submit", ["priority", "unique", "signal", "timeout", "reducer"]);
  const { priority = "normal", unique, reducer, timeout } = options;
  const seal = (options as { [SEAL]?: Seal })[SEAL];
  checkWord(priority, "priority", PRIORITIES);
  if (timeout !== undefined) checkMilliseconds(timeout, "timeout", 1);
  if (reducer === undefined) return submission(FOREGROUND[priority], name, unique, NOTHING, workload, defaults, seal);
  checkReducer(reducer);
  if (priority !== "normal")
    throw new TypeError(`a job with a reducer always has the normal priority: leave ${show(priority)} out`);
  // gearmand reads a fourth argument that the public protocol text doesn't know, and ignores it.
  return submission(PacketType.SUBMIT_REDUCE_JOB, name, unique, [reducer, ""], workload, defaults, seal);
}

function submission(
  type: PacketType,
  name: string,
  unique: string | undefined,
  rest: readonly string[],
  workload: PayloadInput,
  defaults: SubmissionDefaults,
  seal?: Seal,
): Submission {
  if (unique !== undefined) checkUnique(unique);
  const { uniques, maxPacketSize } = defaults;
  const plain = toWire(workload, "the workload");
  const wire = seal ? seal(plain, maxPacketSize - MAX_ARGUMENTS_SIZE) : plain;
  const size = typeof wire === "string" && wire.length * 3 > maxPacketSize ? byteLength(wire) : wire.length;
  if (size > maxPacketSize) {
    throw new TypeError(`the workload has ${size} bytes, more than maxPacketSize (${maxPacketSize} bytes)`);
  }
  if (size + MAX_ARGUMENTS_SIZE > maxPacketSize) checkAssignment(size, name, rest, maxPacketSize);
  const given = unique !== undefined;
  return {
    type,
    function: name,
    unique: given ? unique : uniques.prefix,
    serial: given ? 0 : uniques.next(),
    rest,
    workload: wire,
  };
}

function moment(at: Date | number | undefined, delay: number | undefined): number {
  if (delay !== undefined) {
    if (typeof delay !== "number" || !(delay >= 0) || delay > LATEST)
      throw new TypeError(`delay must be a number of milliseconds from 0, not ${show(delay)}`);
    return Date.now() + delay;
  }
  const time = at instanceof Date ? at.getTime() : at;
  if (typeof time !== "number" || !(Math.abs(time) <= LATEST)) {
    throw new TypeError(
      `at must be a valid Date, or milliseconds since 1970, not ${at instanceof Date ? "an invalid Date" : show(at)}`,
    );
  }
  return time;
}

/** Puts a submission's packet down. */
export function encode(submission: Submission, encoder: Encoder): void {
  const { type, function: name, unique, serial, rest, workload } = submission;
  if (serial && rest.length === 0) encoder.submit(type, name, serial, workload);
  else encoder.packet(type, [name, serial ? unique + serial.toString(32) : unique, ...rest], workload);
}

/**
 * A job reaches its worker with a handle and its names before it. One that only then is too large for a packet would
 * cost every worker that gets it the connection, and be given to the next.
 */
function checkAssignment(size: number, name: string, rest: readonly string[], maxPacketSize: number): void {
  const names = [name, ...rest].reduce((sum, text) => sum + byteLength(text) + 1, 0);
  // The assignment has a reducer, be it an empty one, and its NUL.
  const reducer = rest.length === 0 ? 1 : 0;
  const most = maxPacketSize - names - reducer - (MAX_HANDLE_SIZE + 1) - (MAX_UNIQUE_SIZE + 1);
  if (size > most)
    throw new TypeError(
      `the workload has ${size} bytes, and with the job's names more than maxPacketSize (${maxPacketSize} bytes): ${most} are left for it`,
    );
}
