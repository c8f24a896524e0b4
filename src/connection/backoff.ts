/** How long to wait before a connection is tried again. */
export interface BackoffOptions {
  /** Milliseconds before the first try; default 100. Doubled each time. */
  minDelay?: number | undefined;
  /** The longest wait, in milliseconds; default 30,000. */
  maxDelay?: number | undefined;
}

/** Waits that double, each shortened by chance to at most half, so that a fleet doesn't come back all at once. */
export class Backoff {
  readonly #minDelay: number;
  readonly #maxDelay: number;
  #attempt = 0;

  constructor({ minDelay = 100, maxDelay = 30_000 }: BackoffOptions = {}) {
    this.#minDelay = minDelay;
    this.#maxDelay = maxDelay;
  }

  /** The next wait, in milliseconds. */
  next(): number {
    const delay = Math.min(this.#maxDelay, this.#minDelay * 2 ** this.#attempt++);
    return delay * (0.5 + Math.random() / 2);
  }

  /** Begins anew, after a success. */
  reset(): void {
    this.#attempt = 0;
  }
}
