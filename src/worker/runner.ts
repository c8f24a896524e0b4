import { PacketType } from "../../assembly/protocol.js";
import { sleep } from "../connection/wait.js";
import type { WorkerEvents } from "./events.js";
import { execute, type Registration } from "./execute.js";
import type { Job, Outcome } from "./job.js";
import { messageOf } from "./message.js";
import { type Again, tryAgain } from "./retry.js";
import type { Session } from "./session.js";

/**
 * What stands around a job from before its start is told until its handler is done. A job whose handler must not be
 * called is run with the reason: its exception.
 */
export type Around = (job: Job, run: (refusal?: Error) => Promise<Outcome>) => Promise<Outcome>;

/** What a runner asks of its worker. */
export interface RunnerOwner {
  readonly concurrency: number;
  registration(name: string): Registration | undefined;
  emit<Name extends keyof WorkerEvents>(name: Name, event: WorkerEvents[Name]): void;
  readonly around: Around | undefined;
  /** A job is over: there may be a slot, or nothing left to wait for. */
  changed(): void;
}

/** A job, and the connection that it came by. */
interface Given {
  readonly job: Job;
  readonly session: Session;
}

/** How long jobs are run one after the other until what they left behind has its turn, in milliseconds. */
const TURN = 1;

/** How long turns may follow one another until the event loop has its own: sockets, timers, signals. In milliseconds. */
const LONGEST_TURNS = 10;

/** Runs the jobs that a worker was given, as many at once as it has slots, and tells their servers what became of them. */
export class Runner {
  readonly #owner: RunnerOwner;
  /** The jobs in hand, whatever became of their servers. */
  readonly #jobs = new Set<Job>();
  /** Those that wait for a slot: a server that had fallen silent may give out what was asked of it long before. */
  readonly #waiting: Given[] = [];
  /** Those that are about to run. */
  #fresh: Given[] = [];
  /** Whether jobs run one after the other, and one of them is over already: the worker is told once for all. */
  #inTurn = false;
  /** When the first began of the turns that follow one another; 0 when the last one left nothing. */
  #turnsSince = 0;
  #anyOver = false;
  /** Why no job is run any more, once that is so. */
  #ended: Error | undefined;

  constructor(owner: RunnerOwner) {
    this.#owner = owner;
  }

  /** Jobs in hand. */
  get size(): number {
    return this.#jobs.size;
  }

  take(job: Job, session: Session): void {
    if (this.#ended) {
      // A grab's answer that was on its way when the worker left: its server gives it to somebody else.
      letGo(job, this.#ended);
      return;
    }
    this.#jobs.add(job);
    if (this.#jobs.size - this.#waiting.length > this.#owner.concurrency) this.#waiting.push({ job, session });
    else this.#start({ job, session });
  }

  #start(given: Given): void {
    // Not within the delivery of packets: a handler is a stranger, and may do anything.
    if (this.#fresh.push(given) === 1 && !this.#inTurn) queueMicrotask(this.#runFresh);
  }

  readonly #runFresh = (): void => {
    const fresh = this.#fresh;
    this.#fresh = [];
    const begin = performance.now();
    let now = begin;
    this.#inTurn = true;
    let next = 0;
    try {
      while (next < fresh.length && now - begin <= TURN) {
        const { job, session } = fresh[next++] as Given;
        now = this.#run(job, session, now);
      }
    } finally {
      this.#fresh = [...fresh.slice(next), ...this.#fresh];
      if (this.#fresh.length > 0) this.#goOn(begin, now);
      else this.#turnsSince = 0;
      this.#inTurn = false;
      // The results go out first, and what asks for other jobs behind them, in one write.
      if (this.#anyOver) {
        this.#anyOver = false;
        this.#owner.changed();
      }
    }
  };

  /** Runs what a turn has left, which took so long. */
  #goOn(begin: number, end: number): void {
    this.#turnsSince ||= begin;
    if (end - this.#turnsSince < LONGEST_TURNS) {
      queueMicrotask(this.#runFresh);
    } else {
      this.#turnsSince = 0;
      void sleep(0).then(this.#runFresh);
    }
  }

  /**
   * Lets go of all jobs, for good: their signals abort, nothing more is sent about them, and those that have not begun
   * never do. Says how many they were.
   */
  abort(reason: Error): number {
    const { size } = this.#jobs;
    this.#ended = reason;
    for (const job of this.#jobs) letGo(job, reason);
    return size;
  }

  /** Runs a job from now on; the time when that goes on by itself, or is over. */
  #run(job: Job, session: Session, begin: number): number {
    if (job.lost) {
      // It was given back before it began: whoever gets it now does it.
      this.#over(job);
      return begin;
    }
    const registration = this.#owner.registration(job.function);
    if (!registration) {
      // The function was taken back while its job was on its way: it is for other workers to do.
      session.refuse(job);
      this.#over(job);
      return begin;
    }
    const { around } = this.#owner;
    const outcome = around
      ? around(job, async (refusal) => this.#execute(job, registration, refusal))
      : this.#execute(job, registration);
    const now = performance.now();
    if (outcome instanceof Promise || (registration.options.retry && outcome.end !== "complete")) {
      void this.#later(job, registration, session, outcome, begin);
      return now;
    }
    this.#settle(job, outcome, undefined, now - begin);
    this.#over(job);
    return now;
  }

  #execute(job: Job, registration: Registration, refusal?: Error): Outcome | Promise<Outcome> {
    this.#owner.emit("start", { job });
    return refusal ? { end: "exception", error: refusal } : execute(job, registration);
  }

  async #later(
    job: Job,
    registration: Registration,
    session: Session,
    promised: Outcome | Promise<Outcome>,
    begin: number,
  ): Promise<void> {
    const outcome = await promised;
    if (job.ending) await job.ending(outcome);
    const again = outcome.end === "complete" ? undefined : await this.#tryAgain(job, registration, session, outcome);
    // From here on nothing is waited for: what ends the job and what asks for the next one leave in one write.
    this.#settle(job, outcome, again, performance.now() - begin);
    this.#over(job);
  }

  #over(job: Job): void {
    this.#jobs.delete(job);
    const next = this.#waiting.shift();
    if (next) this.#start(next);
    if (this.#inTurn) this.#anyOver = true;
    else this.#owner.changed();
  }

  #settle(job: Job, outcome: Outcome, again: Again | undefined, duration: number): void {
    const { emit } = this.#owner;
    if (job.lost) {
      emit("discard", { server: job.server, job });
      return;
    }
    switch (outcome.end) {
      case "complete":
        job.end(PacketType.WORK_COMPLETE, outcome.result);
        emit("complete", { job, duration });
        return;
      case "fail":
        job.end(PacketType.WORK_FAIL);
        emit("fail", { job, duration, error: outcome.error });
        return;
      case "exception":
        // Nobody waits for the exception of a job that goes on as another one.
        if (again) job.end(PacketType.WORK_FAIL);
        else job.end(PacketType.WORK_EXCEPTION, messageOf(outcome.error));
        emit("exception", { job, duration, error: outcome.error });
    }
  }

  async #tryAgain(
    job: Job,
    { options: { retry } }: Registration,
    session: Session,
    { error }: { error: unknown },
  ): Promise<Again | undefined> {
    if (!retry) return undefined;
    const { emit } = this.#owner;
    try {
      const again = await tryAgain(job, retry, session.connection);
      if (again && "deadLetter" in again) emit("deadLetter", { job, function: again.deadLetter, error });
      else if (again) emit("retry", { job, ...again, error });
      return again;
    } catch (cause) {
      // A lost connection gives the job to another worker anyway.
      if (!job.lost) {
        const failure = new Error(`the job ${job.handle} could not be submitted again: ${messageOf(cause)}`, { cause });
        emit("error", { server: job.server, error: failure });
      }
      return undefined;
    }
  }
}

function letGo(job: Job, reason: Error): void {
  // First, so that what the handler still sends doesn't end the job for its server.
  job.abandon();
  job.abort(reason);
}
