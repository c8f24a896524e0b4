import { onAbort } from "../connection/signals.js";
import type { Away } from "./away.js";
import { Clock } from "./clock.js";
import type { SchedulerEvents } from "./events.js";
import { uniqueOf } from "./job.js";
import { type Memory, WRONG_CLOCK } from "./memory.js";
import type { SchedulerSettings, Submitter } from "./options.js";
import { nextSlot } from "./rule.js";
import { MOST_BYTES, type StoredJob } from "./store.js";
import { submitAll, type Turn } from "./turn.js";
import { within } from "./within.js";

type Emit = <Name extends keyof SchedulerEvents>(name: Name, event: SchedulerEvents[Name]) => void;

/** Milliseconds that a run which is to end waits for jobs that it has asked for: they would be nobody's for a while. */
const PATIENCE = 1_000;

/** How many jobs of a store are looked at at once. */
const PAGE = 100;

/**
 * How many jobs in a row `due` tries alone when none is taken, before it takes the job server to be away. Each is put off
 * in the store, so that the next call, maybe of another process, begins with others.
 */
const TRIES = 5;

/** A scheduler at work. */
export class Run {
  readonly #settings: SchedulerSettings;
  readonly #client: Submitter;
  readonly #memory: Memory;
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  #impatient: ReturnType<typeof setTimeout> | undefined;
  /** Aborts when it isn't waited for a store any more. */
  readonly #leaving = new AbortController();
  #looking = false;
  /** How many times in a row no job server could be had. */
  #failures = 0;
  #woken = false;
  #wake = () => {};

  constructor(settings: SchedulerSettings, client: Submitter, memory: Memory, emit: Emit) {
    this.#settings = settings;
    this.#client = client;
    this.#memory = memory;
    this.#emit = emit;
    this.#clock = new Clock(settings.now);
  }

  /** Looks at the store now: something was put in. */
  wake(): void {
    this.#woken = true;
    this.#wake();
  }

  stop(): void {
    this.#ending.abort();
    this.#impatient ??= setTimeout(() => this.#leaving.abort(), PATIENCE);
    this.wake();
  }

  /** Works until it is stopped. */
  async toEnd(signal: AbortSignal | undefined): Promise<void> {
    const release = signal && onAbort(signal, () => this.stop());
    let told = false;
    try {
      while (!this.#ending.signal.aborted) {
        const wait = await this.#step();
        this.#lookAside();
        if (!told && !this.#memory.store.away && !this.#ending.signal.aborted) {
          told = true;
          this.#emit("waiting", {});
        }
        if (wait > 0) await this.#sleep(wait);
      }
    } finally {
      release?.();
      clearTimeout(this.#impatient);
      this.#leaving.abort();
    }
  }

  /** Works until nothing is due any more, something is away, or the time is over. @returns as `Scheduler.runDue` */
  async due(limit: number): Promise<number | undefined> {
    const begin = performance.now();
    const over = () => this.#ending.signal.aborted || performance.now() - begin >= limit;
    try {
      for (;;) {
        const failures = this.#failures;
        const wait = await this.#step();
        // A job may be to blame: others are tried before this gives up.
        const again = this.#failures > failures && this.#failures <= TRIES;
        const done = wait > 0 && !again;
        if (done && !this.#memory.store.away && (await this.#lookThrough(over))) continue;
        if (done) return wait === Number.POSITIVE_INFINITY ? undefined : wait;
        if (over()) return 0;
      }
    } finally {
      clearTimeout(this.#impatient);
      this.#leaving.abort();
    }
  }

  /** One batch. @returns milliseconds until the next one is to be; infinite when nothing waits */
  async #step(): Promise<number> {
    this.#woken = false;
    try {
      const jump = this.#clock.jump();
      if (jump !== 0) this.#emit("clock", { jump });
      const now = this.#clock.now();
      this.#memory.at(now);
      await this.#tell();
      const jobs = await this.#claim(this.#clock.now());
      this.#answered("store", this.#memory.store);
      if (jobs.length === 0) return await this.#untilNext();
      return await this.#submit(jobs);
    } catch (error) {
      if (this.#leaving.signal.aborted && error === this.#leaving.signal.reason) return 0;
      const delay = this.#memory.store.failed();
      this.#emit("error", { from: "store", error, delay });
      return delay;
    }
  }

  async #claim(now: number): Promise<StoredJob[]> {
    const { store, lease, batch } = this.#settings;
    // While no job server is there, one job is enough to see whether it is again.
    const jobs = this.#memory.gearman.away ? 1 : batch;
    const claimed = (async () =>
      store.claim(now, now + lease, { jobs, bytes: MOST_BYTES, latest: now + WRONG_CLOCK }))();
    try {
      return await this.#ask(() => claimed);
    } catch (error) {
      // A client of a store that was away may ask all the same when that is back: nobody waits for those jobs any more.
      const back = (jobs: StoredJob[]) =>
        store.settle(jobs.map(({ name, id, due }) => ({ name, id, due, to: { due, ready: due } })));
      claimed.then(back).catch(() => {});
      throw error;
    }
  }

  async #untilNext(): Promise<number> {
    const next = await this.#ask(() => this.#settings.store.next());
    return next === undefined ? Number.POSITIVE_INFINITY : Math.max(1, next - this.#clock.now());
  }

  async #submit(jobs: readonly StoredJob[]): Promise<number> {
    const turns = await submitAll(jobs, this.#client, this.#settings);
    this.#memory.untold = turns.map(({ move }) => move);
    const taken = turns.filter(({ fate }) => fate.kind === "submitted" || fate.kind === "refused");
    const away = turns.find(({ fate }) => fate.kind === "away");
    if (taken.length > 0) {
      this.#failures = 0;
      this.#memory.suspects.taken(taken.map(({ job }) => job));
      this.#answered("gearman", this.#memory.gearman);
    }
    for (const turn of turns) this.#say(turn);
    const delay = away?.fate.kind === "away" ? this.#putOff(away.job, away.fate.error, turns.length === 1) : 0;
    // A run that ends still has the store told.
    await this.#tell();
    return delay;
  }

  /** No job server could be had, or so it seems. @returns milliseconds to wait */
  #putOff(job: StoredJob, error: unknown, alone: boolean): number {
    const { gearman, suspects } = this.#memory;
    const delay = gearman.failed();
    this.#failures++;
    if (alone) {
      const { wait, blamed } = suspects.failed(job, delay);
      const { name, id, due, function: called } = job;
      this.#memory.untold = [{ name, id, due, to: { due, ready: this.#clock.now() + wait } }];
      if (blamed) {
        this.#emit("refuse", { name, function: called, slot: new Date(due), error, delay: wait });
        return 0;
      }
    }
    this.#emit("error", { from: "gearman", error, delay });
    return delay;
  }

  /** Tells the store what became of jobs. */
  async #tell(): Promise<void> {
    const moves = this.#memory.untold;
    if (moves.length === 0) return;
    const { store, storeTimeout } = this.#settings;
    await within(() => store.settle(moves), storeTimeout);
    this.#memory.untold = [];
  }

  #say({ job, fate, move }: Turn): void {
    const { name, function: called, due } = job;
    const about = { name, function: called, slot: new Date(due) };
    const next = move.to && new Date(move.to.due);
    if (fate.kind === "submitted") {
      const { handle, server } = fate;
      const late = Math.max(0, this.#clock.now() - due);
      this.#emit("submit", { ...about, unique: uniqueOf(job), handle, server, late, next });
    }
    if (fate.kind === "skipped") this.#emit("skip", { ...about, next });
    if (fate.kind === "refused") this.#emit("refuse", { ...about, error: fate.error, delay: fate.delay });
  }

  /** Looks through the jobs, while what is due is submitted. */
  #lookAside(): void {
    void this.#lookThrough(() => this.#ending.signal.aborted).then((moved) => {
      if (moved) this.wake();
    });
  }

  /** Pulls slots back that a clock has led to which was far ahead, if that may be. @returns whether there were some */
  async #lookThrough(over: () => boolean): Promise<boolean> {
    const memory = this.#memory;
    if (!memory.wrong || this.#looking) return false;
    this.#looking = true;
    memory.wrong = false;
    let moved = false;
    try {
      for (;;) {
        const last = await this.#lookAt(memory.looked, () => {
          moved = true;
        });
        // The clock may have been found to be wrong again meanwhile.
        memory.looked = memory.wrong ? "" : (last ?? "");
        if (last === undefined) return moved;
        if (over()) break;
      }
    } catch {
      // Whether the store is away is told by the next step.
    } finally {
      this.#looking = false;
    }
    memory.wrong = true;
    return moved;
  }

  /** Looks at a page of jobs. @returns the last one's name; undefined: there are no more */
  async #lookAt(after: string, moved: () => void): Promise<string | undefined> {
    const { store } = this.#settings;
    const page = await this.#ask(() => store.list(after, PAGE));
    const now = this.#clock.now();
    const moves = page.flatMap(({ name, id, due, rule }) => {
      const first = due - now > WRONG_CLOCK ? nextSlot(rule, due, now) : undefined;
      if (first === undefined || due - first <= WRONG_CLOCK) return [];
      return [{ name, id, due, to: { due: first, ready: first } }];
    });
    if (moves.length > 0) {
      await this.#ask(() => store.settle(moves));
      moved();
    }
    return page.at(-1)?.name;
  }

  #answered(from: "store" | "gearman", what: Away): void {
    const away = what.answered();
    if (away !== undefined) this.#emit("recover", { from, away });
  }

  #ask<T>(call: () => Promise<T>): Promise<T> {
    return within(call, this.#settings.storeTimeout, this.#leaving.signal);
  }

  /** Waits, but not for longer than it may, and, unless something is away, until it is woken. */
  async #sleep(milliseconds: number): Promise<void> {
    const { interval, maxDelay } = this.#settings;
    const retrying = this.#memory.store.away || this.#memory.gearman.away;
    let timer: ReturnType<typeof setTimeout> | undefined;
    await new Promise<void>((resolve) => {
      this.#wake = () => {
        if (!retrying || this.#ending.signal.aborted) resolve();
      };
      timer = setTimeout(resolve, Math.min(milliseconds, retrying ? maxDelay : interval));
      if (this.#woken) this.#wake();
    });
    clearTimeout(timer);
  }
}
