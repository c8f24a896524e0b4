/*
 * gearmand 1.1 may answer PRE_SLEEP with a NOOP for a job that it then doesn't give out, again and again. NOOPs that
 * come this soon after it and bring no job are counted; from the third on the worker rests in between, each time twice
 * as long. In milliseconds.
 */
const SOON = 50;
const EMPTY_WAKES = 3;
const FIRST_REST = 20;
const LONGEST_REST = 1_000;

/** When a worker that has no jobs is to rest before it tells a server that it sleeps, and so may be woken. */
export class Rests {
  #emptyWakes = 0;
  #rested = false;
  #sleptAt = 0;

  /** The server says that there may be a job. */
  woken(): void {
    this.#emptyWakes = performance.now() - this.#sleptAt < SOON ? this.#emptyWakes + 1 : 0;
  }

  /** There was one. */
  fed(): void {
    this.#emptyWakes = 0;
  }

  /** There was none. For so many milliseconds the worker is to rest; 0: it may sleep, and does so now. */
  next(): number {
    if (this.#emptyWakes >= EMPTY_WAKES && !this.#rested) {
      this.#rested = true;
      return Math.min(LONGEST_REST, FIRST_REST * 2 ** (this.#emptyWakes - EMPTY_WAKES));
    }
    this.#rested = false;
    this.#sleptAt = performance.now();
    return 0;
  }
}
