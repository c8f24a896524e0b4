import type { GroupSettings } from "../config/index.js";
import { parseServers } from "../connection/address.js";
import { MAX_TIMER } from "../connection/check.js";
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
  readonly #deaths = new Deaths();
  readonly #counts: Record<JobOutcome, number> = { complete: 0, failure: 0, exception: 0, lost: 0, killed: 0 };
  readonly #owner: MemberOwner;
  #group: GroupSettings;
  #plan: Plan;
  #generation = 0;
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
    const loaded = await Promise.all(first.map((member) => member.loaded()));
    this.#loading = false;
    const failed = first.find((_, index) => !loaded[index]);
    if (!failed || this.#stopping) return;
    await this.stop({ grace: 0 });
    throw new PoolLoadError(failed.why);
  }

  /**
   * Starts no worker any more, and lets running jobs finish, for `grace` at most; what runs then is given to other
   * workers by the servers. Calling it again gives the same promise, and may shorten the time.
   */
  stop({ grace = this.#plan.grace }: StopOptions = {}): Promise<{ aborted: number }> {
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
    const members = [...this.#members].filter(({ over }) => !over);
    const holding = members.filter(({ holds }) => holds);
    const waiting = members.filter(({ waits, reserved }) => waits && !reserved);
    const { atomic, resuscitate, limit } = this.#plan;
    // Where nobody is replaced, who is about to end takes his place along.
    const ending = resuscitate || atomic ? 0 : [...this.#members].filter(({ holds, over }) => holds && over).length;
    let free = this.#size - holding.length - ending;
    let ready = waiting.length;
    for (const member of waiting) {
      if (free <= 0) break;
      if (member.stage !== "standby") continue;
      member.run();
      free--;
      ready--;
    }
    const leaving = holding.filter(({ stage }) => stage === "leaving").length;
    let missing = Math.max(0, free) + (atomic ? this.#size : resuscitate ? leaving : 0) - ready;
    while (missing-- > 0 && this.#started < limit && !this.#resting) {
      this.#started++;
      this.#startMember(false);
    }
  }

  #startMember(reserved: boolean): Member {
    const taken = new Set([...this.#members].map(({ worker }) => worker));
    let worker = 1;
    while (taken.has(worker)) worker++;
    const assignment: Assignment = {
      group: { ...this.#group, pool: { ...this.#group.pool, grace: this.#plan.grace } },
      servers: this.#servers,
      worker,
      workloads: this.#options.workloads ?? false,
    };
    const member = new Member(this.#owner, {
      worker,
      generation: this.#generation,
      reserved,
      threads: this.#plan.threads,
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
    if (loop !== undefined) this.emit("crash-loop", { deaths: loop, delay });
    if (delay === 0 || this.#resting || !this.#plan.resuscitate) return;
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
    const before = { group: this.#group, plan: this.#plan, size: this.#size };
    const old = [...this.#members].filter(({ over }) => !over);
    this.emit("restart:before", { workers: this.#size });
    this.#generation++;
    this.#group = group;
    this.#plan = planOf(group);
    if (this.#plan.workers !== before.plan.workers) this.#size = this.#plan.workers;
    try {
      const replaced = await roll({
        old,
        size: this.#size,
        grace: this.#plan.grace,
        start: () => this.#startMember(true),
        check: () => this.#checkRunning(),
      });
      this.emit("restart", { replaced });
      return { replaced };
    } catch (error) {
      this.#group = before.group;
      this.#plan = before.plan;
      this.#size = before.size;
      this.emit("restart", { replaced: 0, error: (error as Error).message });
      throw error;
    } finally {
      this.#fill();
    }
  }

  #checkRunning(): void {
    if (!this.#running) throw new TypeError("this pool doesn't run: start it first");
    if (this.#stopping) throw new ClosedError("this pool was stopped");
  }
}
