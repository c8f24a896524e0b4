import { JobFunction, type Limits } from "./job.js";

/** Names of functions that don't exist whose limits are remembered, at most: anybody can think of more. */
const MOST_LIMITS = 1_000;

/** The functions that a server knows, by name. As in gearmand one stays once it was named, jobs or not, until it is dropped. */
export class Functions {
  readonly #byName = new Map<string, JobFunction>();
  /** Of functions that are yet to come. */
  readonly #limits = new Map<string, Limits>();

  /** In the order in which they were named. */
  get all(): Iterable<JobFunction> {
    return this.#byName.values();
  }

  get(name: string): JobFunction | undefined {
    return this.#byName.get(name);
  }

  /** The function of this name, a new one if there was none. */
  named(name: string): JobFunction {
    let fn = this.#byName.get(name);
    if (!fn) {
      fn = new JobFunction(name);
      const limits = this.#limits.get(name);
      if (limits) fn.limits = limits;
      this.#limits.delete(name);
      this.#byName.set(name, fn);
    }
    return fn;
  }

  /** `maxqueue`. Of a function that nobody has named yet it is remembered. */
  limit(name: string, limits: Limits): void {
    const fn = this.#byName.get(name);
    if (fn) {
      fn.limits = limits;
      return;
    }
    this.#limits.delete(name);
    if (limits.every((limit) => limit === 0)) return;
    this.#limits.set(name, limits);
    const [oldest] = this.#limits.keys();
    if (this.#limits.size > MOST_LIMITS && oldest !== undefined) this.#limits.delete(oldest);
  }

  /** `drop function`: forgets it. False when it has workers or jobs; gearmand leaves the jobs behind, which then nobody gets. */
  drop(fn: JobFunction): boolean {
    if (fn.workers.size > 0 || fn.total > 0) return false;
    this.#byName.delete(fn.name);
    return true;
  }
}
