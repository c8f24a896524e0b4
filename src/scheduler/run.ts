import { onAbort } from "../connection/signals.js";
import { Away } from "./away.js";
import { Clock } from "./clock.js";
import type { SchedulerEvents } from "./events.js";
import { uniqueOf } from "./job.js";
import type { SchedulerSettings, Submitter } from "./options.js";
import { nextSlot } from "./rule.js";
import type { Move, StoredJob } from "./store.js";
import { Suspects } from "./suspects.js";
import { submitAll, type Turn } from "./turn.js";
import { within } from "./within.js";

type Emit = <Name extends keyof SchedulerEvents>(name: Name, event: SchedulerEvents[Name]) => void;

/** Bytes of workloads that are held at once. */
const MOST_BYTES = 16 * 1024 * 1024;

/** A clock that was set back by less is waited for; by more, it had been wrong, and so are the slots that it led to. */
const WRONG_CLOCK = 3 * 3_600_000;

/** Milliseconds that a run which is to end waits for jobs that it has asked for: they would be nobody's for a while. */
const PATIENCE = 1_000;

/** How many jobs of a store are looked at at once. */
const PAGE = 100;

/** A scheduler at work. */
export class Run {
  readonly #settings: SchedulerSettings;
  readonly #client: Submitter;
  readonly #emit: Emit;
  readonly #clock: Clock;
  readonly #ending = new AbortController();
  readonly #suspects = new Suspects();
  #impatient: ReturnType<typeof setTimeout> | undefined;
  /** Aborts when it isn't waited for a store any more. */
  readonly #leaving = new AbortController();
  readonly #store: Away;
  readonly #gearman: Away;
  /** What became of jobs, as long as the store wasn't told: until it was, nothing else is taken from it. */
  #untold: Move[] = [];
  /** Whether slots may be wrong: before the first look, too, as the clock may have been set before this was started. */
  #wrong = true;
  #woken = false;
  #wake = () => {};

  constructor(settings: SchedulerSettings, client: Submitter, emit: Emit) {
    this.#settings = settings;
    this.#client = client;
    this.#emit = emit;
    this.#clock = new Clock(settings.now);
    this.#store = new Away(settings.maxDelay);
    this.#gearman = new Away(settings.maxDelay);
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
        if (!told && !this.#store.away && !this.#ending.signal.aborted) {
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
    try {
      for (;;) {
        const wait = await this.#step();
        if (wait === Number.POSITIVE_INFINITY) return undefined;
        if (wait > 0) return wait;
        if (this.#ending.signal.aborted || performance.now() - begin >= limit) return 0;
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
      if (this.#wrong || jump <= -WRONG_CLOCK) this.#mend();
      await this.#tell();
      const now = this.#clock.now();
      const jobs = await this.#claim(now);
      this.#answered("store", this.#store);
      if (jobs.length === 0) return await this.#untilNext();
      return await this.#submit(jobs);
    } catch (error) {
      if (this.#leaving.signal.aborted && error === this.#leaving.signal.reason) return 0;
      const delay = this.#store.failed();
      this.#emit("error", { from: "store", error, delay });
      return delay;
    }
  }

  async #claim(now: number): Promise<StoredJob[]> {
    const { store, lease, batch } = this.#settings;
    // While no job server is there, one job is enough to see whether it is again.
    const jobs = this.#gearman.away ? 1 : batch;
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
    this.#untold = turns.map(({ move }) => move);
    const taken = turns.filter(({ fate }) => fate.kind === "submitted" || fate.kind === "refused");
    const away = turns.find(({ fate }) => fate.kind === "away");
    if (taken.length > 0) {
      this.#suspects.taken(taken.map(({ job }) => job));
      this.#answered("gearman", this.#gearman);
    }
    for (const turn of turns) this.#say(turn);
    const delay = away?.fate.kind === "away" ? this.#putOff(away.job, away.fate.error, turns.length === 1) : 0;
    // A run that ends still has the store told.
    await this.#tell();
    return delay;
  }

  /** No job server could be had, or so it seems. @returns milliseconds to wait */
  #putOff(job: StoredJob, error: unknown, alone: boolean): number {
    const delay = this.#gearman.failed();
    if (alone) {
      const { wait, blamed } = this.#suspects.failed(job, delay);
      const { name, id, due, function: called } = job;
      this.#untold = [{ name, id, due, to: { due, ready: this.#clock.now() + wait } }];
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
    const moves = this.#untold;
    if (moves.length === 0) return;
    const { store, storeTimeout } = this.#settings;
    await within(() => store.settle(moves), storeTimeout);
    this.#untold = [];
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

  /** Pulls slots back that a clock has led to which was far ahead. What is due meanwhile doesn't wait for it. */
  #mend(): void {
    this.#wrong = false;
    this.#lookThrough().catch(() => {
      this.#wrong = true;
    });
  }

  async #lookThrough(): Promise<void> {
    const { store } = this.#settings;
    for (let after = ""; ; ) {
      const from = after;
      const page = await this.#ask(() => store.list(from, PAGE));
      const now = this.#clock.now();
      const moves = page.flatMap(({ name, id, due, rule }) => {
        const first = due - now > WRONG_CLOCK ? nextSlot(rule, due, now) : undefined;
        if (first === undefined || due - first <= WRONG_CLOCK) return [];
        return [{ name, id, due, to: { due: first, ready: first } }];
      });
      if (moves.length > 0) {
        await this.#ask(() => store.settle(moves));
        this.wake();
      }
      const last = page.at(-1);
      if (!last || page.length < PAGE) return;
      after = last.name;
    }
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
    const retrying = this.#store.away || this.#gearman.away;
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
