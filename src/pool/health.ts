import type { PoolEmitter, WorkerState } from "./events.js";

/** What metrics need of a pool. */
export interface MeteredPool extends Pick<PoolEmitter, "on"> {
  /** Its group: the name is a label of every metric, its functions are there from the start. */
  readonly group: { readonly name: string; readonly functions: Readonly<Record<string, unknown>> };
  /** How many workers it means to have. */
  readonly size: number;
  readonly workers: readonly WorkerState[];
}

/** An answer, and its reason in words. */
export interface Verdict {
  readonly ok: boolean;
  readonly words: string;
}

/** How long after its last death, and the wait that follows it, a pool is taken to be in a crash loop, in milliseconds. */
const LOOP_TIME = 60_000;

/** Says how a pool is. */
export class Health {
  readonly #pool: MeteredPool;
  /** The latest crash loop, and until when it is one if nobody dies any more. */
  #loop: { readonly deaths: number; readonly until: number } | undefined;
  #stopping = false;

  constructor(pool: MeteredPool) {
    this.#pool = pool;
    pool
      .on("crash-loop", ({ deaths, delay }) => {
        this.#loop = { deaths, until: performance.now() + delay + LOOP_TIME };
      })
      .on("job:end", ({ outcome }) => {
        // Who works a job off is not what dies for nothing.
        if (outcome !== "lost" && outcome !== "killed") this.#loop = undefined;
      })
      .on("stop:before", () => {
        this.#stopping = true;
      });
  }

  /** Whether workers die again and again: none has done a job since, and the last death is not long ago. */
  get looping(): boolean {
    if (this.#loop && performance.now() > this.#loop.until) this.#loop = undefined;
    return this.#loop !== undefined;
  }

  /** Whether the pool should be left alone: not when it is in a crash loop, which another start may end. */
  live(): Verdict {
    if (this.looping) return { ok: false, words: `crash loop: ${this.#loop?.deaths} workers died in a row` };
    return { ok: true, words: "ok" };
  }

  /** Whether enough workers are registered with a server: half of those that the pool means to have, and one at least. */
  ready(): Verdict {
    if (this.#stopping) return { ok: false, words: "stopping" };
    const { size, workers } = this.#pool;
    const registered = workers.filter(({ servers }) => servers.length > 0).length;
    const least = Math.max(1, Math.ceil(size / 2));
    const words = `${registered} of ${size} workers are registered with a job server`;
    return { ok: registered >= least, words: registered >= least ? words : `${words}, and ${least} should be` };
  }
}
