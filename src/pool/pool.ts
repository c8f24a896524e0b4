import type { GroupSettings } from "../config/index.js";
import { parseServers } from "../connection/address.js";
import { checkMilliseconds, MAX_TIMER } from "../connection/check.js";
import { ClosedError } from "../errors.js";
import { Client, type ServerOptions } from "../index.js";
import { type Assignment, packAssignment, pingFunction } from "./assignment.js";
import { Deaths } from "./deaths.js";
import { PoolLoadError } from "./errors.js";
import { type JobOutcome, PoolEmitter, type WorkerState } from "./events.js";
import { Member, type MemberOwner } from "./member.js";
import { checkPoolOptions, type Plan, type PoolOptions, planOf, type StopOptions } from "./options.js";
import { roll } from "./roll.js";

/** How long a worker may take to be gone when its jobs' time is over, in milliseconds. Then it is killed. */
const ENDING = 2_000;

/** What answered a ping. */
export interface Pong {
  readonly worker: number;
  readonly pid: number;
  /** From before the job was submitted until its result was there. */
  readonly milliseconds: number;
}

/**
 * Keeps the workers of a group alive, each in a process of its own: starts them, replaces those that die or leave, and
 * has them finish their jobs before they end.
 */
export class Pool extends PoolEmitter implements AsyncDisposable {
  readonly #options: PoolOptions;
  readonly #servers: readonly ServerOptions[];
  readonly #members = new Set<Member>();
  #deaths = new Deaths();
  readonly #counts: Record<JobOutcome, number> = { complete: 0, failure: 0, exception: 0, lost: 0, killed: 0 };
  readonly #owner: MemberOwner;
  #group: GroupSettings;
  #plan: Plan;
  /** What its new members are of: each restart makes another one. */
  #generation = 0;
  #generations = 0;
  /** Places that members of this generation have been given. */
  #filled = 0;
  /** How many places there are: fewer than `workers` once some aren't filled again. */
  #size = 0;
  /** Workers that were started, those of restarts not counted. */
  #started = 0;
  /** When members that are to leave are ended. */
  readonly #endings = new Map<Member, ReturnType<typeof setTimeout>>();
  #filling = false;
  /** Whether the first workers load their handlers. */
  #loading = false;
  /** The wait before the next start. */
  #resting: ReturnType<typeof setTimeout> | undefined;
  /** When that is over. */
  #rested = 0;
  #running = false;
  #stopping: Promise<{ aborted: number }> | undefined;
  #restarting: Promise<unknown> = Promise.resolve();
  #aborted = 0;
  #onEmpty = () => {};
  #end!: () => void;

  /** Resolves once the pool has ended: it was stopped, or its last worker has left and none is to follow. */
  readonly ended: Promise<void> = new Promise((resolve) => {
    this.#end = resolve;
  });

  /**
   * @param group functions and how to run them, as `loadConfig` gives it
   * @throws TypeError when something of the group, or an option, is wrong
   */
  constructor(group: GroupSettings, options: PoolOptions = {}) {
    super();
    checkPoolOptions(options);
    this.#options = options;
    this.#group = group;
    this.#plan = planOf(group);
    this.#servers = parseServers(options.servers ?? "127.0.0.1").map(({ host, port, tls }) => ({
      host,
      port,
      ...(tls && { tls }),
    }));
    this.#owner = {
      emit: (name, event) => this.emit(name, event),
      counted: (outcome) => {
        this.#counts[outcome]++;
        if (outcome !== "lost" && outcome !== "killed") this.#deaths.reset();
      },
      changed: () => this.#fill(),
      gone: (member) => this.#gone(member),
    };
  }

  /** What it runs. */
  get group(): GroupSettings {
    return this.#group;
  }

  /** Its workers, by number. */
  get workers(): WorkerState[] {
    return [...this.#members].map(({ state }) => state).sort((a, b) => a.worker - b.worker);
  }

  /** How many workers it means to have. */
  get size(): number {
    return this.#size;
  }

  /** What became of the jobs of all its workers, those that are gone included. Pings aren't counted. */
  get counts(): Readonly<Record<JobOutcome, number>> {
    return { ...this.#counts };
  }

  /**
   * Starts the workers. Resolves once each has loaded its handlers; servers that are away are waited for in the
   * background.
   * @throws PoolLoadError (as a rejection) when one can't; the pool has ended then
   * @throws ClosedError when it was stopped
   */
  async start(): Promise<void> {
    if (this.#running) throw new TypeError("this pool runs already");
    if (this.#stopping) throw new ClosedError("this pool was stopped");
    this.#running = true;
    this.#size = Math.min(this.#plan.workers, this.#plan.limit);
    this.#loading = true;
    this.#fillNow();
    const first = [...this.#members];
    const loading = Promise.all(first.map((member) => member.loaded()));
    // A restart waits for it.
    this.#restarting = loading;
    const loaded = await loading;
    const failed = first.find((_, index) => !loaded[index]);
    if (failed && !this.#stopping) {
      await this.stop({ grace: 0 });
      throw new PoolLoadError(failed.why);
    }
    // Only now: where one can't be had, none has taken a job.
    this.#loading = false;
    this.#fillNow();
  }

  /**
   * Starts no worker any more, and lets running jobs finish, for `grace` at most; what runs then is given to other
   * workers by the servers. Calling it again gives the same promise, and may shorten the time.
   * @throws TypeError when `grace` is no time
   */
  stop({ grace = this.#plan.grace }: StopOptions = {}): Promise<{ aborted: number }> {
    checkMilliseconds(grace, "grace");
    for (const member of this.#members) this.#dismiss(member, grace);
    this.#stopping ??= this.#stop();
    return this.#stopping;
  }

  /**
   * Replaces all workers, one after the other: a new one is known to a server before the old one leaves, so that jobs
   * never wait. Old ones finish what they have in hand. When a new one can't be loaded, the old ones go on.
   * @param group what they are to do from now on; default: the same, from modules that are loaded anew
   * @throws PoolLoadError (as a rejection) when a new worker can't be loaded
   * @throws ClosedError when the pool was stopped meanwhile
   */
  restart(group: GroupSettings = this.#group): Promise<{ replaced: number }> {
    planOf(group);
    const restarted = this.#restarting.then(() => this.#restart(group));
    this.#restarting = restarted.catch(() => {});
    return restarted;
  }

  /**
   * Submits a job that a worker of the pool answers: by the way that all jobs take.
   * @throws what `client.run` throws, e.g. a TimeoutError when all workers are busy for longer than that (milliseconds)
   */
  async ping({ timeout = 5_000 }: { timeout?: number } = {}): Promise<Pong> {
    const client = new Client([...this.#servers]);
    try {
      const begin = performance.now();
      const result = await client.run(pingFunction(this.#group.name), "", { timeout, priority: "high" });
      return { ...(result.json() as { worker: number; pid: number }), milliseconds: performance.now() - begin };
    } finally {
      client.destroy();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Has the places filled that are free, when whatever happens right now is over. */
  #fill(): void {
    if (this.#filling) return;
    this.#filling = true;
    queueMicrotask(() => {
      this.#filling = false;
      this.#fillNow();
    });
  }

  /** Fills the places that are free, and has others stand by for those that will be. */
  #fillNow(): void {
    if (!this.#running || this.#stopping) return;
    // During a restart an old one may stand in for a new one that isn't there yet.
    const waiting = this.#waiting.sort((a, b) => Number(this.#isOld(a)) - Number(this.#isOld(b)));
    let free = this.#free;
    for (const member of waiting) {
      if (free <= 0 || this.#loading) break;
      if (member.stage !== "standby") continue;
      this.#runMember(member);
      free--;
    }
    let missing = this.#missing;
    while (missing-- > 0 && this.#started < this.#plan.limit && !this.#resting) {
      this.#started++;
      this.#startMember();
    }
  }

  /** Who waits for any place that is free, or will be. */
  get #waiting(): Member[] {
    return [...this.#members].filter(({ waits, reserved }) => waits && !reserved);
  }

  /** Who has a place. */
  get #holding(): Member[] {
    return [...this.#members].filter(({ holds, over }) => holds && !over);
  }

  /** Places that nobody has. */
  get #free(): number {
    // Where nobody is replaced, who is about to end takes his place along.
    const { atomic, resuscitate } = this.#plan;
    const ending = resuscitate || atomic ? 0 : [...this.#members].filter(({ holds, over }) => holds && over).length;
    return this.#size - this.#holding.length - ending;
  }

  /** How many ought to wait, and don't: for the places that are free, and for those that will be. */
  get #missing(): number {
    const { atomic, resuscitate } = this.#plan;
    const leaving = this.#holding.filter(({ stage }) => stage === "leaving").length;
    const wanted = Math.max(0, this.#free) + (atomic ? this.#size : resuscitate ? leaving : 0);
    return wanted - this.#waiting.filter((member) => !this.#isOld(member)).length;
  }

  #isOld({ generation }: Member): boolean {
    return generation !== this.#generation;
  }

  /** Gives a member a place. */
  #runMember(member: Member): void {
    member.reserved = false;
    if (!this.#isOld(member)) this.#filled++;
    member.run();
  }

  /** @param reserved what a certain place is to be filled by */
  #startMember(reserved?: { group: GroupSettings; plan: Plan; generation: number }): Member {
    const { group, plan, generation } = reserved ?? {
      group: this.#group,
      plan: this.#plan,
      generation: this.#generation,
    };

    const taken = new Set([...this.#members].map(({ worker }) => worker));
    let worker = 1;
    while (taken.has(worker)) worker++;
    const assignment: Assignment = {
      group: { ...group, pool: { ...group.pool, grace: plan.grace } },
      servers: this.#servers,
      worker,
      workloads: this.#options.workloads ?? false,
    };
    const member = new Member(this.#owner, {
      worker,
      generation,
      reserved: reserved !== undefined,
      threads: plan.threads,
      lines: this.#options.output === "lines",
      assignment: packAssignment(assignment),
    });
    this.#members.add(member);
    return member;
  }

  #gone(member: Member): void {
    this.#members.delete(member);
    clearTimeout(this.#endings.get(member));
    this.#endings.delete(member);
    // What a worker loses by dying is no choice of the pool's.
    if (this.#stopping || member.reason === "restart") this.#aborted += member.aborted;
    if (this.#stopping) {
      if (this.#members.size === 0) this.#onEmpty();
      return;
    }
    const died = member.reason === "crash" || member.reason === "load";
    if (this.#loading && died) return;
    if (died && !member.reserved) this.#mourn(member);
    if (!this.#plan.resuscitate && member.held && member.reason !== "atomic") this.#size--;
    const more = this.#size > 0 && this.#started < this.#plan.limit;
    if (this.#members.size === 0 && !more) void this.stop();
    else this.#fill();
  }

  /** A worker has died: the next one may have to wait. */
  #mourn(member: Member): void {
    if (member.failure !== undefined) this.emit("error", { ...member.name, error: new PoolLoadError(member.failure) });
    const { delay, loop } = this.#deaths.add({
      lived: Date.now() - member.started,
      jobs: member.jobs,
      workers: this.#size,
    });
    // Several may have died at once: the first one's wait is that of all.
    const wait = this.#resting ? Math.max(0, Math.round(this.#rested - performance.now())) : delay;
    if (loop !== undefined) this.emit("crash-loop", { deaths: loop, delay: wait });
    if (delay === 0 || this.#resting || !this.#plan.resuscitate) return;
    this.#rested = performance.now() + delay;
    this.#resting = setTimeout(() => {
      this.#resting = undefined;
      this.#fill();
    }, delay);
  }

  /** Has a member leave within its time, and ends it when that is over. */
  #dismiss(member: Member, grace: number): void {
    member.leave("stop", grace);
    clearTimeout(this.#endings.get(member));
    const kill = () => member.kill("stop");
    this.#endings.set(member, setTimeout(kill, Math.min(MAX_TIMER, grace + ENDING)));
  }

  async #stop(): Promise<{ aborted: number }> {
    const members = [...this.#members];
    this.emit("stop:before", { running: members.reduce((sum, { running }) => sum + running, 0) });
    clearTimeout(this.#resting);
    if (members.length > 0)
      await new Promise<void>((resolve) => {
        this.#onEmpty = resolve;
      });
    this.emit("stop", { aborted: this.#aborted, jobs: this.counts });
    this.#end();
    return { aborted: this.#aborted };
  }

  async #restart(group: GroupSettings): Promise<{ replaced: number }> {
    this.#checkRunning();
    const before = { group: this.#group, plan: this.#plan, size: this.#size, generation: this.#generation };
    const now = { group, plan: planOf(group), generation: ++this.#generations };
    this.emit("restart:before", { workers: this.#size });
    try {
      // Nothing changes until one has shown that it can be had.
      const first = this.#startMember(now);
      const loaded = await first.loaded();
      this.#checkRunning();
      if (!loaded) {
        first.kill("load");
        throw new PoolLoadError(first.why);
      }
      ({ group: this.#group, plan: this.#plan, generation: this.#generation } = now);
      const { workers, limit } = this.#plan;
      if (workers !== before.plan.workers) this.#size = Math.min(workers, limit);
      this.#filled = 0;
      // Those that wait for their turn since many have died need not wait any longer.
      this.#deaths = new Deaths();
      clearTimeout(this.#resting);
      this.#resting = undefined;
      await this.#roll(first, now);
      // The places of those that are just leaving by themselves are filled by new ones, too.
      const leaving = this.#holding.filter((member) => this.#isOld(member)).length;
      const replaced = Math.min(this.#size, this.#filled + leaving);
      this.emit("restart", { replaced });
      return { replaced };
    } catch (error) {
      ({ group: this.#group, plan: this.#plan, size: this.#size, generation: this.#generation } = before);
      this.#dismissOld();
      // Where the pool was stopped, no old ones go on, and `stop` says what becomes of them.
      if (!this.#stopping) this.emit("restart", { replaced: 0, error: (error as Error).message });
      throw error;
    } finally {
      this.#fill();
    }
  }

  /** Replaces all members, and fills the places that are free. */
  async #roll(first: Member, now: { group: GroupSettings; plan: Plan; generation: number }): Promise<void> {
    const adopt = (member: Member) => {
      // It replaces none: so it is one of those that `limit` counts.
      if (this.#missing <= 0 || this.#started >= this.#plan.limit) member.leave("restart");
      else {
        this.#started++;
        member.reserved = false;
      }
    };
    if (this.#holding.length === 0) adopt(first);
    else
      await roll({
        ...{ first, adopt, size: this.#size, grace: this.#plan.grace },
        holding: () => this.#holding,
        start: () => this.#startMember(now),
        run: (member) => this.#runMember(member),
        check: () => this.#checkRunning(),
      });
    this.#dismissOld();
    this.#fillNow();
    if (this.#free > 0) await Promise.all(this.#waiting.map((member) => member.loaded()));
    this.#checkRunning();
    this.#fillNow();
  }

  /** Has those leave that wait for a place, and are of another generation: as if they had not been started. */
  #dismissOld(): void {
    for (const member of this.#waiting.filter((one) => this.#isOld(one))) {
      this.#started--;
      member.leave("restart");
    }
  }

  #checkRunning(): void {
    if (!this.#running) throw new TypeError("this pool doesn't run: start it first");
    if (this.#stopping) throw new ClosedError("this pool was stopped");
  }
}
