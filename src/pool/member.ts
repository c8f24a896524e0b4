import type { JobOutcome, LeaveReason, MemberName, PoolEvents, WorkerState } from "./events.js";
import { type Link, openLink } from "./link.js";
import type { FromWorker, News } from "./messages.js";

/** What a member tells its pool. */
export interface MemberOwner {
  emit<Name extends keyof PoolEvents>(name: Name, event: PoolEvents[Name]): void;
  /** A job was worked off, or lost. */
  counted(outcome: JobOutcome): void;
  /** Something changed that may let other members have their turn. */
  changed(member: Member): void;
  /** Its process has ended. */
  gone(member: Member): void;
}

/** Where a member is in its life. `done` is one that has nothing in hand any more, and only has to end. */
export type Stage = WorkerState["state"] | "done" | "gone";

interface RunningJob {
  readonly function: string;
  readonly handle: string;
  readonly begin: number;
}

/** How long a worker may take to load its handlers, in milliseconds. */
const LOADING = 60_000;

/** A worker of a pool, as the pool sees it. */
export class Member implements MemberName {
  readonly worker: number;
  /** Members of an older generation are being replaced. */
  readonly generation: number;
  readonly started = Date.now();
  stage: Stage = "starting";
  /** Why it leaves; what its end is taken for before it says so. */
  reason: LeaveReason = "crash";
  /** Whether it has one of the pool's places. */
  holds = false;
  /** Whether it had one when it ended. */
  held = false;
  /** Whether it is to take the place of a certain other one. */
  reserved: boolean;
  /** Jobs that it was not waited for with. */
  aborted = 0;
  jobs = 0;
  failures = 0;
  memory = 0;
  /** What it has said is wrong with its handlers. */
  failure: string | undefined;
  /** The servers that know some of its functions, and by which of its connections. */
  readonly #known = new Map<string, Set<number>>();
  /** How many connections it has to each server. */
  #connections = 1;
  /** Jobs that it has in hand, by its own numbers. */
  readonly #running = new Map<number, RunningJob>();
  readonly #owner: MemberOwner;
  readonly #link: Link;
  readonly #waiting = new Set<() => void>();
  #lastEnd = Date.now();
  /** Whether the pool has ended it. */
  #killed = false;
  /** Whether it was told to leave. */
  #dismissed = false;
  /** How its process ended before it had loaded its handlers. */
  #ended: string | undefined;

  constructor(
    owner: MemberOwner,
    about: {
      worker: number;
      generation: number;
      reserved: boolean;
      threads: boolean;
      lines: boolean;
      assignment: string;
    },
  ) {
    this.worker = about.worker;
    this.generation = about.generation;
    this.reserved = about.reserved;
    this.#owner = owner;
    this.#link = openLink(about.threads, about.lines, {
      message: (message) => this.#receive(message),
      exit: (code, signal) => this.#exit(code, signal),
      error: (error) => owner.emit("error", { ...this.name, error }),
      output: (stream, line) => owner.emit("output", { ...this.name, stream, line }),
    });
    owner.emit("worker:start", this.name);
    this.#link.send({ type: "assignment", assignment: about.assignment });
  }

  get pid(): number {
    return this.#link.pid;
  }

  get name(): MemberName {
    return { worker: this.worker, pid: this.pid };
  }

  get running(): number {
    return this.#running.size;
  }

  /** The servers that know all its functions. */
  get servers(): string[] {
    return [...this.#known].filter(([, vias]) => vias.size === this.#connections).map(([server]) => server);
  }

  /** Whether it can be given jobs of each of its functions. */
  get known(): boolean {
    return new Set([...this.#known.values()].flatMap((vias) => [...vias])).size === this.#connections;
  }

  get state(): WorkerState {
    return {
      ...this.name,
      state: this.stage === "done" || this.stage === "gone" ? "leaving" : this.stage,
      started: this.started,
      running: this.running,
      jobs: this.jobs,
      failures: this.failures,
      memory: this.memory,
      idle: this.running > 0 ? 0 : Date.now() - this.#lastEnd,
      servers: this.servers,
    };
  }

  /** Whether it waits, or is going to wait, for a place. */
  get waits(): boolean {
    return !this.holds && !this.#dismissed && (this.stage === "starting" || this.stage === "standby");
  }

  /** Whether it has nothing in hand any more, and takes nothing. */
  get over(): boolean {
    return this.stage === "done" || this.stage === "gone";
  }

  /** What kept it from being loaded. */
  get why(): string {
    return this.failure ?? this.#ended ?? `its handlers took longer than ${LOADING} ms to load`;
  }

  /** Resolves once it has loaded its handlers; says whether it has. */
  loaded(): Promise<boolean> {
    return this.until(["standby", "connecting", "ready", "leaving"], LOADING);
  }

  /** Has it connect, in a place of its own. */
  run(): void {
    this.holds = true;
    this.stage = "connecting";
    this.#link.send({ type: "run" });
    this.#change();
  }

  /** Has it finish what it has in hand, and leave. Called again, it may have less time. */
  leave(reason: LeaveReason, grace?: number): void {
    if (this.stage === "gone") return;
    if (this.stage !== "leaving" && this.stage !== "done") this.reason = reason;
    this.#dismissed = true;
    this.#link.send({ type: "leave", reason, ...(grace !== undefined && { grace }) });
  }

  /** Ends it at once. What it has in hand is given to others by its servers. */
  kill(reason: LeaveReason): void {
    this.reason = reason;
    this.#killed = true;
    this.#link.kill();
  }

  /** Resolves once it has come to one of these stages, or is gone, or after so many milliseconds. Says whether it has. */
  async until(stages: readonly Stage[], milliseconds?: number): Promise<boolean> {
    const deadline = milliseconds === undefined ? undefined : performance.now() + milliseconds;
    while (!stages.includes(this.stage)) {
      const left = deadline === undefined ? undefined : deadline - performance.now();
      if (this.stage === "gone" || (left !== undefined && left <= 0)) return false;
      await new Promise<void>((resolve) => {
        const timer = left === undefined ? undefined : setTimeout(go, left);
        const waiting = this.#waiting;
        function go() {
          clearTimeout(timer);
          waiting.delete(go);
          resolve();
        }
        waiting.add(go);
      });
    }
    return true;
  }

  #change(): void {
    for (const go of [...this.#waiting]) go();
    this.#owner.changed(this);
  }

  #receive(message: FromWorker): void {
    // What it had in hand is given up by now.
    if (this.stage === "gone") return;
    switch (message.type) {
      case "loaded":
        this.memory = message.memory;
        this.#connections = message.connections;
        if (this.stage === "starting") this.stage = "standby";
        break;
      case "failed":
        this.failure = message.message;
        this.reason = "load";
        this.stage = "done";
        break;
      case "alive":
        this.memory = message.memory;
        return;
      case "leaving":
        // Who has died, or was told to leave, has a reason by now.
        this.reason = message.reason;
        this.stage = "leaving";
        this.#owner.emit("worker:leave", {
          ...this.name,
          reason: message.reason,
          ...(message.why && { why: message.why }),
        });
        break;
      case "done":
        this.aborted = message.aborted;
        this.stage = "done";
        break;
      case "news":
        for (const news of message.news) this.#hear(news);
        return;
    }
    this.#change();
  }

  #hear(news: News): void {
    const { name } = this;
    const { emit } = this.#owner;
    switch (news.at) {
      case "start": {
        const { job, function: fn, handle, workload } = news;
        this.#running.set(job, { function: fn, handle, begin: performance.now() });
        emit("job:start", { ...name, function: fn, handle, ...(workload !== undefined && { workload }) });
        return;
      }
      case "end": {
        const { at, job, ...end } = news;
        this.#running.delete(job);
        this.#count(end.outcome);
        emit("job:end", { ...name, ...end });
        return;
      }
      case "connecting":
        emit("connect:before", { ...name, server: news.server });
        return;
      case "connect":
        emit("connect", { ...name, server: news.server, duration: news.duration });
        return;
      case "registering":
        emit("register:before", { ...name, server: news.server });
        return;
      case "register":
        this.#known.set(news.server, (this.#known.get(news.server) ?? new Set()).add(news.via));
        emit("register", { ...name, server: news.server, functions: news.functions });
        if (this.stage !== "connecting" || !this.known) return;
        this.stage = "ready";
        emit("worker:ready", name);
        this.#change();
        return;
      case "disconnect":
        this.#known.get(news.server)?.delete(news.via);
        emit("disconnect", { ...name, server: news.server, ...(news.error !== undefined && { error: news.error }) });
        return;
      case "error":
        emit("error", { ...name, error: new Error(news.error) });
        return;
      default:
        emit(news.at, { ...name, server: news.server });
    }
  }

  #count(outcome: JobOutcome): void {
    this.#lastEnd = Date.now();
    if (outcome !== "lost" && outcome !== "killed") {
      this.jobs++;
      if (outcome !== "complete") this.failures++;
    }
    this.#owner.counted(outcome);
  }

  #exit(code: number | null, signal: string | null): void {
    if (this.stage === "gone") return;
    const outcome = this.#killed ? "killed" : "lost";
    this.aborted = Math.max(this.aborted, this.running);
    for (const { function: fn, handle, begin } of this.#running.values()) {
      this.#count(outcome);
      const error = `its worker ended with ${signal ? `the signal ${signal}` : `the exit code ${code}`}`;
      this.#owner.emit("job:end", {
        ...this.name,
        function: fn,
        handle,
        outcome,
        duration: performance.now() - begin,
        error,
      });
    }
    this.#running.clear();
    if (this.stage === "starting")
      this.#ended = `its process ended with ${signal ? `the signal ${signal}` : `the exit code ${code}`} while it loaded the handlers`;
    this.stage = "gone";
    this.held = this.holds;
    this.holds = false;
    this.#owner.emit("worker:exit", { ...this.name, code, signal, reason: this.reason, jobs: this.jobs });
    this.#owner.gone(this);
    this.#change();
  }
}
