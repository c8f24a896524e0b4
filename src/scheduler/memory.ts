import { Away } from "./away.js";
import type { Move } from "./store.js";
import { Suspects } from "./suspects.js";

/** A clock that was set back by less is waited for; by more, it had been wrong, and so are the slots that it led to. */
export const WRONG_CLOCK = 3 * 3_600_000;

/** What a scheduler knows from one run to the next: who is woken by alarms runs again and again. */
export class Memory {
  readonly suspects = new Suspects();
  readonly store: Away;
  readonly gearman: Away;
  /** What became of jobs, as long as the store wasn't told: until it was, nothing else is taken from it. */
  untold: Move[] = [];
  /** Whether slots may be wrong: before the first look, too, as the clock may have been set before this was made. */
  wrong = true;
  /** The last name that was looked at, when a look was ended before its end. */
  looked = "";
  #time = Number.NEGATIVE_INFINITY;

  constructor(maxDelay: number) {
    this.store = new Away(maxDelay);
    this.gearman = new Away(maxDelay);
  }

  /** Time goes on. When it went far back, the clock had been wrong. */
  at(now: number): void {
    if (now < this.#time - WRONG_CLOCK) {
      this.wrong = true;
      this.looked = "";
    }
    this.#time = now;
  }
}
