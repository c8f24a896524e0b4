/** Milliseconds that the program itself may be late, beside what it was seen to be. */
const SLACK = 500;

/** A promise that waits. */
interface Pending {
  readonly what: string;
  readonly since: number;
  readonly limit: number;
}

/** Promises with time limits: what each came to, and which of them took too long. */
export class Promises {
  readonly #pending = new Set<Pending>();
  /** How many came to what. */
  readonly outcomes: Record<string, number> = {};
  readonly faults: string[] = [];
  count = 0;
  /** The longest that the event loop was held up, and when it is seen next whether it is. */
  #longest = 0;
  #due = performance.now() + 50;
  #timer: ReturnType<typeof setInterval>;

  constructor() {
    this.#timer = setInterval(() => {
      this.#longest = this.#lag;
      this.#due = performance.now() + 50;
    }, 50);
  }

  get #lag(): number {
    return Math.max(this.#longest, performance.now() - this.#due);
  }

  /** How many wait. */
  get pending(): number {
    return this.#pending.size;
  }

  /**
   * Watches a promise.
   * @param limit milliseconds that it has
   * @param check says the outcome, or throws when that must not be
   */
  watch<T>(
    what: string,
    promise: Promise<T>,
    limit: number,
    check: (value: T | undefined, error: unknown) => string,
  ): void {
    const pending = { what, since: performance.now(), limit };
    this.#pending.add(pending);
    this.count++;
    const settle = (value: T | undefined, error: unknown) => {
      this.#pending.delete(pending);
      const took = performance.now() - pending.since;
      if (took > limit + SLACK + 2 * this.#lag) this.faults.push(`${what} took ${Math.round(took)} of ${limit} ms`);
      try {
        const outcome = check(value, error);
        this.outcomes[outcome] = (this.outcomes[outcome] ?? 0) + 1;
      } catch (fault) {
        this.faults.push(`${what}: ${(fault as Error).message}`);
      }
    };
    promise.then(
      (value) => settle(value, undefined),
      (error: unknown) => settle(undefined, error ?? new Error("rejected with nothing")),
    );
  }

  /** Those that wait though their time is over. */
  get late(): string[] {
    const now = performance.now();
    return [...this.#pending]
      .filter(({ since, limit }) => now - since > limit + SLACK + 2 * this.#lag)
      .map(({ what, since }) => `${what} has not settled in ${Math.round(now - since)} ms`);
  }

  /** Has every promise that waits be judged from now on. */
  end(): void {
    clearInterval(this.#timer);
  }
}
