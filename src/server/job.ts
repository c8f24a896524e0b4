import type { PacketType } from "../../assembly/protocol.js";
import { toArgument } from "./bytes.js";
import type { Heap, Placed } from "./heap.js";
import { type Linked, Queue } from "./queue.js";

/** A job's place in its function's queues: 0 is high, 1 normal, 2 low. */
export type Priority = 0 | 1 | 2;

export const HIGH: Priority = 0;
export const NORMAL: Priority = 1;
export const LOW: Priority = 2;

/** A connection as the jobs see it: a client, a worker, or both. */
export interface Peer {
  /** A number that no other connection has; the text protocol shows it where gearmand shows a file descriptor. */
  readonly number: number;
  /** The address that it comes from. */
  readonly address: string;
  /** What SET_CLIENT_ID called it. */
  readonly id: string;
  /** Whether it wants to be told a job's exception; a WORK_FAIL stands in for it otherwise. */
  readonly exceptions: boolean;
  /** What it can do as a worker. */
  readonly abilities: Set<Ability>;
  /** Those of them whose functions may have jobs; by priority, where that comes first. */
  readonly offers: readonly Heap<Offer>[];
  /** Those of them whose functions would not wake it. */
  readonly unlisted: Set<Ability>;
  /** Jobs that it has grabbed, in that order. */
  readonly running: Set<Job>;
  /** Jobs of its foreground submissions. */
  readonly followed: Set<Job>;
  /** Whether it is to be woken (NOOP) when a job comes that it can do. */
  sleeping: boolean;
  /** Whether it was woken and has not grabbed since. It is not woken again before it does, whatever it says. */
  woken: boolean;
  /** Sends a packet; false when nothing can be sent any more. */
  packet(type: PacketType, args?: readonly (string | Uint8Array)[], data?: Uint8Array): boolean;
}

/** A function that a connection can do. */
export interface Ability {
  readonly function: JobFunction;
  readonly worker: Peer;
  /** Which of several functions with jobs is served: the one of the lowest rank. */
  rank: number;
  /** By priority, where that comes first. */
  readonly offers: Offer[];
  /** Milliseconds until a job that it grabbed is queued again; 0: never. */
  timeout: number;
}

/** A function that may have jobs for a worker. When it has a place it is among the worker's offers, otherwise the worker is unaware. */
export interface Offer extends Placed {
  readonly ability: Ability;
}

export type Limits = readonly [high: number, normal: number, low: number];

/** A function that somebody submitted jobs for, or can do. */
export class JobFunction {
  /** One character a byte. */
  readonly name: string;
  /** The name as packets take it. */
  readonly argument: string | Uint8Array;
  /** By priority: jobs that wait for a worker. */
  readonly queues: readonly Queue<Job>[] = [new Queue<Job>(), new Queue<Job>(), new Queue<Job>()];
  readonly workers = new Map<Peer, Ability>();
  /** Its jobs that a submit may join, by unique; and those whose unique is their workload, by the workload's hash. */
  readonly byUnique = new Map<string, Job>();
  readonly byWorkload = new Map<number, Job>();
  /** Whom the next job wakes, of those of them that sleep. A submit looks at these only: a thousand busy workers cost it nothing. */
  readonly sleeping = new Set<Ability>();
  /** By priority, where that comes first: offers to workers that found no job, and are told of the next. */
  readonly unaware: readonly Set<Offer>[] = [new Set(), new Set(), new Set()];
  /** All of its jobs: the queued, those whose time has not come, and the running. */
  total = 0;
  running = 0;
  /** Jobs whose time has not come. */
  delayed = 0;
  /** By priority: a submit is refused when the function has so many jobs in all; 0 is no limit. */
  limits: Limits = [0, 0, 0];

  constructor(name: string) {
    this.name = name;
    this.argument = toArgument(name);
  }
}

/** What a submit asks for. Texts have one character a byte. */
export interface Submission {
  readonly function: string;
  readonly unique: string;
  /** `""` for none. */
  readonly reducer: string;
  readonly priority: Priority;
  /** When it may run, in seconds since 1970; what has gone by is now. */
  readonly when: number;
  readonly workload: Uint8Array;
  /** Who waits for the result; `undefined` for a background job. */
  readonly client: Peer | undefined;
}

/** A job, from its submit to its end. */
export class Job implements Linked<Job> {
  /** Counts all jobs of the server, from 1. */
  readonly serial: number;
  readonly handle: string;
  readonly function: JobFunction;
  readonly unique: string;
  readonly reducer: string;
  readonly priority: Priority;
  readonly when: number;
  readonly workload: Uint8Array;
  /** What its first submission was: `show jobs` tells no more. */
  readonly began: "foreground" | "background";
  /** Whether a background submission asked for it: then it runs whoever waits for it or doesn't. */
  background = false;
  /** Whether it was cancelled while it ran: its worker is not told, and nobody hears of its end. */
  cancelled = false;
  /** Whether the server has forgotten it. */
  ended = false;
  /** The connection that grabbed it, and only that one may speak of it. */
  worker: Peer | undefined;
  numerator = 0;
  denominator = 0;
  /** How often a worker that had it was lost. */
  retries = 0;
  /** Runs while a worker with a timeout has it. */
  timer: ReturnType<typeof setTimeout> | undefined;
  /** Its neighbours in its function's queue. */
  previous: Job | undefined;
  next: Job | undefined;
  /** Its neighbours among the jobs of other functions with an equal unique, or of its own with an equal hash. */
  older: Job | undefined;
  newer: Job | undefined;
  /** Its place among the jobs whose time has not come, or -1. */
  place = -1;
  /** How many foreground submissions each connection has made of it. Most background jobs never need the map. */
  #clients: Map<Peer, number> | undefined;
  #waiting = 0;

  constructor(serial: number, handle: string, fn: JobFunction, submission: Submission) {
    this.serial = serial;
    this.handle = handle;
    this.function = fn;
    this.unique = submission.unique;
    this.reducer = submission.reducer;
    this.priority = submission.priority;
    this.when = submission.when;
    this.workload = submission.workload;
    this.began = submission.client ? "foreground" : "background";
  }

  /** Foreground submissions that wait for its result. */
  get waiting(): number {
    return this.#waiting;
  }

  /** Whether its result is of use to anybody. */
  get wanted(): boolean {
    return !this.cancelled && (this.background || this.#waiting > 0);
  }

  /** A submission joins: of this client, or a background one. */
  join(client: Peer | undefined): void {
    if (!client) {
      this.background = true;
      return;
    }
    this.#clients ??= new Map();
    this.#clients.set(client, (this.#clients.get(client) ?? 0) + 1);
    this.#waiting++;
    client.followed.add(this);
  }

  /** A client is gone, with all its submissions. */
  leave(client: Peer): void {
    this.#waiting -= this.#clients?.get(client) ?? 0;
    this.#clients?.delete(client);
    client.followed.delete(this);
  }

  /**
   * Calls back once for each foreground submission: who submitted the job twice is told everything twice. False from
   * the callback says that this client can't be told any more: it may have submitted the job 100,000 times.
   */
  tell(callback: (client: Peer) => boolean): void {
    for (const [client, submissions] of this.#clients ?? []) {
      for (let count = 0; count < submissions && callback(client); count++);
    }
  }

  /** Lets go of those that waited. */
  end(): void {
    for (const client of this.#clients?.keys() ?? []) client.followed.delete(this);
    this.#clients = undefined;
    this.#waiting = 0;
  }
}
