import { PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { ProtocolError, TimeoutError } from "../errors.js";
import type { Channel } from "./channel.js";
import { Fifo, Numbers } from "./fifo.js";

/** One request that waits for its answer. The server answers in order, so the first that waits is the one that is meant. */
export interface Waiter {
  /** The packet that answers it; NO_JOB stands for JOB_ASSIGN and its kin as well. */
  readonly expects: PacketType;
  /** The answer. */
  answer(frame: Frame): void;
  /** An ERROR packet took the answer's place, no answer came in time, or the connection was lost. After a time-out, `answer` may still be called. */
  fail(error: Error): void;
}

/** Requests made within so many milliseconds are given up together: each gets its own time, and none is lost to the first one's. */
const BURST = 100;

/** Above this the program itself was busy when a timer was due, and so long it then reads before it judges. In milliseconds. */
const LATE = 50;
const READ_TIME = 20;

/** How often in a row that is waited for: a program that is always busy has time limits, too. */
const READS = 5;

/** How often it is looked whether a large transfer still moves, in milliseconds; and from how many bytes on its way out one is large. */
const MOVING = 1_000;
const LARGE = 65_536;

/** So many bytes of one that comes in must be new for each `MOVING` since it was last seen to move: fewer are as good as none. */
const LEAST = 1_024;

/** The requests of one connection that wait for their answers, and the time that they have. */
export class Requests {
  readonly #server: string;
  readonly #channel: Channel;
  readonly #timeout: number;
  readonly #fellSilent: (error: TimeoutError) => void;
  readonly #waiting = new Fifo<Waiter>();
  /**
   * When each one's time is over; negative when nobody wants the answer any more, or ever did. Such a request keeps its
   * place: the server answers in order.
   */
  readonly #deadlines = new Numbers();
  #unwanted = 0;
  /** How many of the last that wait have not been given to the socket. */
  #unsent = 0;
  /** Bytes that were on their way out, and those that had gone out, when it was last looked; when a large transfer last moved. */
  #pending = 0;
  #taken = 0;
  /** How much of a large packet was there when it was last seen to move, and when that was: any time, at first. */
  #collected = 0;
  #since = Number.POSITIVE_INFINITY;
  #lastMoved = Number.NEGATIVE_INFINITY;
  #paused = false;
  #reads = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /**
   * @param timeout milliseconds that each request has
   * @param fellSilent called when no packet has come in all that time: the connection is as good as dead
   */
  constructor(server: string, channel: Channel, timeout: number, fellSilent: (error: TimeoutError) => void) {
    this.#server = server;
    this.#channel = channel;
    this.#timeout = timeout;
    this.#fellSilent = fellSilent;
    channel.flushed = () => {
      this.#unsent = 0;
    };
  }

  /** How many have no answer. */
  get unanswered(): number {
    return this.#waiting.length;
  }

  /** When a large transfer was last seen to move, in either direction. */
  get lastMoved(): number {
    return this.#lastMoved;
  }

  /** Looks whether a large packet comes in; when a large transfer last moved. One that only drips would take all time. */
  moved(now: number): number {
    const { collected, lastReceived } = this.#channel;
    const fresh = collected < this.#collected ? collected : collected - this.#collected;
    if (fresh >= LEAST * Math.max(1, (now - this.#since) / MOVING)) {
      this.#lastMoved = Math.max(this.#lastMoved, lastReceived);
      this.#collected = collected;
      this.#since = now;
    }
    return this.#lastMoved;
  }

  /** How many of them somebody still wants answered. */
  get wanted(): number {
    return this.#waiting.length - this.#unwanted;
  }

  /** The next that wait, in order. Whoever is not `wanted` is told nothing. */
  push(waiter: Waiter, wanted: boolean): void {
    const deadline = performance.now() + this.#timeout;
    this.#waiting.push(waiter);
    this.#deadlines.push(wanted ? deadline : -deadline);
    if (!wanted) this.#unwanted++;
    this.#unsent++;
    if (this.#timer === undefined) {
      this.#look();
      this.#checkIn(this.#timeout);
    }
  }

  /** Whatever comes in from here on is new. */
  #look(): void {
    this.#collected = this.#channel.collected;
    this.#since = Number.POSITIVE_INFINITY;
  }

  /**
   * The one that an answer of this kind is for.
   * @throws ProtocolError when the first that waits wants another one
   */
  answered(kind: PacketType, type: PacketType): Waiter {
    const expected = this.#waiting.peek()?.expects;
    if (expected !== kind) {
      const wanted =
        expected === undefined ? "no request waits" : `the first request that waits wants ${PacketType[expected]}`;
      throw new ProtocolError(`${this.#server} sent a ${PacketType[type]} packet, but ${wanted}`);
    }
    return this.next() as Waiter;
  }

  /** The first that waits, taken out. */
  next(): Waiter | undefined {
    if (this.#deadlines.shift() < 0) this.#unwanted--;
    return this.#waiting.shift();
  }

  /** Nothing is read for a while, on purpose: no answer can come, and none is late. */
  set paused(paused: boolean) {
    this.#paused = paused;
    if (paused) return;
    this.#lastMoved = performance.now();
    this.#look();
  }

  /** Takes all out: each that was wanted, and whether it was sent. */
  drain(): { waiter: Waiter; sent: boolean }[] {
    clearTimeout(this.#timer);
    const waiting = this.#waiting.drain();
    const deadlines = this.#deadlines.drain();
    const sent = waiting.length - this.#unsent;
    return waiting.flatMap((waiter, index) =>
      (deadlines[index] as number) < 0 ? [] : [{ waiter, sent: index < sent }],
    );
  }

  #checkIn(milliseconds: number): void {
    clearTimeout(this.#timer);
    const due = performance.now() + milliseconds;
    this.#pending = this.#channel.pending;
    this.#taken = this.#channel.taken;
    this.#timer = setTimeout(() => this.#check(due), milliseconds);
  }

  /** Fails the requests whose time is over. They keep their places: the server may still answer them, in order. */
  #check(due: number): void {
    this.#timer = undefined;
    const now = performance.now();
    if (this.#waiting.length === 0) return;
    // The program was busy: what came meanwhile is read only after timers, and must have its chance.
    if (now > due + LATE && this.#reads++ < READS) {
      this.#checkIn(READ_TIME);
      return;
    }
    this.#reads = 0;
    const { pending, taken, collected, lastFrame } = this.#channel;
    const sending = taken !== this.#taken && Math.max(pending, this.#pending) >= LARGE;
    if (this.#paused || sending) {
      // A large workload on its way out delays the answers behind it.
      this.#lastMoved = now;
      this.#checkIn(MOVING);
      return;
    }
    // So does a large result on its way in, and that may pause.
    const moved = this.moved(now);
    const next = this.#expire(now);
    const first = this.#deadlines.peek();
    const quiet = now - Math.max(lastFrame, moved, Math.abs(first) - this.#timeout);
    const silent = first < 0 && quiet >= this.#timeout;
    if (silent && !(next !== undefined && next <= Math.abs(first) + BURST)) {
      // Nothing whole in all that time: a new connection may be better.
      this.#fellSilent(new TimeoutError("requestTimeout", this.#timeout, `the job server ${this.#server} fell silent`));
    } else {
      const wait = next === undefined ? this.#timeout : Math.max(1, next - now);
      this.#checkIn(collected ? Math.min(MOVING, wait) : wait);
    }
  }

  /** Fails those whose time is over; when the next one's will be. */
  #expire(now: number): number | undefined {
    const earliest = this.#lastMoved + this.#timeout;
    for (let distance = 0; distance < this.#waiting.length; distance++) {
      const own = this.#deadlines.peek(distance);
      const deadline = Math.max(Math.abs(own), earliest);
      if (deadline > now) return deadline;
      if (own < 0) continue;
      this.#deadlines.set(distance, -own);
      this.#unwanted++;
      this.#waiting
        .peek(distance)
        ?.fail(
          new TimeoutError("requestTimeout", this.#timeout, `the job server ${this.#server} did not answer in time`),
        );
    }
    return undefined;
  }
}
