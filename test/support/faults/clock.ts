/** Milliseconds between two turns. */
const STEP = 10;

/**
 * Counts milliseconds as this program has them, by a timer's turns: what a busy machine gives to others isn't among them.
 * So a limit can be held to that leaves no room for one that is counted twice.
 */
export class OwnClock implements Disposable {
  #turns = 0;
  readonly #timer = setInterval(() => this.#turns++, STEP);

  /** Since it was made. */
  get milliseconds(): number {
    return this.#turns * STEP;
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }
}
