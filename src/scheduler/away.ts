import { Backoff } from "../connection/backoff.js";

/** Something that may be away: how long to wait before it is tried again, and how long it has been. */
export class Away {
  readonly #backoff: Backoff;
  #since: number | undefined;

  constructor(maxDelay: number) {
    this.#backoff = new Backoff({ minDelay: 100, maxDelay });
  }

  get away(): boolean {
    return this.#since !== undefined;
  }

  /** It could not be had. @returns milliseconds to wait */
  failed(): number {
    this.#since ??= performance.now();
    return Math.round(this.#backoff.next());
  }

  /** It could. @returns how long it had been away; undefined: it wasn't */
  answered(): number | undefined {
    if (this.#since === undefined) return undefined;
    const away = performance.now() - this.#since;
    this.#since = undefined;
    this.#backoff.reset();
    return Math.round(away);
  }
}
