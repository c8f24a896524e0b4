/** Less than this is a clock that is being adjusted, or a machine that is busy. */
const JUMP = 1_000;

/** Notices that the clock was set, by one that can't be. */
export class Clock {
  readonly #now: () => number;
  #wall: number;
  #steady = performance.now();

  constructor(now: () => number) {
    this.#now = now;
    this.#wall = now();
  }

  /** The time, in whole milliseconds since 1970. */
  now(): number {
    return Math.floor(this.#now());
  }

  /** By how much the clock was set since it was asked last: back, when it is less than 0. 0: it wasn't. */
  jump(): number {
    const wall = this.#now();
    const steady = performance.now();
    const jump = wall - this.#wall - (steady - this.#steady);
    this.#wall = wall;
    this.#steady = steady;
    return Math.abs(jump) < JUMP ? 0 : Math.round(jump);
  }
}
