import { Backoff } from "../connection/backoff.js";

/** How long a function's rows are held back at first, and at most, in milliseconds. */
const HOLD = { minDelay: 500, maxDelay: 30_000 };

/** The functions whose rows are held back, each for a while that grows as long as the server takes none. */
export class Held {
  readonly #functions = new Map<string, { readonly backoff: Backoff; until: number }>();

  /** @returns for how long, in milliseconds */
  hold(name: string): number {
    const held = this.#functions.get(name) ?? { backoff: new Backoff(HOLD), until: 0 };
    const delay = held.backoff.next();
    held.until = performance.now() + delay;
    this.#functions.set(name, held);
    return delay;
  }

  /** Whether a function's rows are held back now. */
  has(name: string): boolean {
    return (this.#functions.get(name)?.until ?? 0) > performance.now();
  }

  /** The functions whose rows are held back now. */
  names(): string[] {
    return [...this.#functions.keys()].filter((name) => this.has(name));
  }

  /** The server takes its jobs again. */
  free(name: string): void {
    this.#functions.delete(name);
  }

  /** How long until one may be tried again, in milliseconds; Infinity when none is held. */
  get remaining(): number {
    const times = this.names().map((name) => (this.#functions.get(name)?.until ?? 0) - performance.now());
    return Math.max(0, Math.min(Number.POSITIVE_INFINITY, ...times));
  }
}
