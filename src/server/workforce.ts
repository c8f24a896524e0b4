import { PacketType } from "../../assembly/protocol.js";
import type { Ability, Job, JobFunction, Offer, Peer } from "./job.js";

/** A job for a worker, and what it was asked for. */
export interface Picked {
  readonly job: Job;
  readonly ability: Ability;
}

/**
 * Who can do what, who sleeps, and who gets which job. A worker may have 20,000 functions, and a function 1,000 workers,
 * so that neither is gone through at each request. A worker has a heap of the functions that may have jobs. One that it
 * finds empty it takes out, and is then told by that function's next job. Likewise it stays on the list of those whom a
 * function wakes until a job comes, and is put on it again only when it sleeps again. So each step of a long way is paid
 * for by a job that came, or by a CAN_DO.
 */
export class Workforce {
  /**
   * Whether priority comes first, over all functions of a worker, and those with jobs of one priority take turns (as
   * gearmand 2 does it, gearmand_con.cc), or one function is served empty after the other (gearmand 1). In both the one
   * registered last is the first.
   */
  readonly #across: boolean;
  /** The ranks of the first of all abilities, and of the last. */
  #front = 0;
  #back = 0;

  constructor(across: boolean) {
    this.#across = across;
  }

  /** False when it could do it already. That too makes it the first of its functions. */
  canDo(worker: Peer, fn: JobFunction, timeout: number): boolean {
    const rank = --this.#front;
    const known = fn.workers.get(worker);
    if (known) {
      known.timeout = timeout;
      this.#rank(known, rank);
      return false;
    }
    const ability: Ability = { function: fn, worker, timeout, rank, offers: [] };
    for (let level = 0; level < (this.#across ? fn.queues.length : 1); level++) {
      const offer: Offer = { ability, place: -1 };
      ability.offers.push(offer);
      if (this.#first(fn, level)) worker.offers[level]?.add(offer);
      else fn.unaware[level]?.add(offer);
    }
    fn.workers.set(worker, ability);
    worker.abilities.add(ability);
    if (worker.sleeping) fn.sleeping.add(ability);
    else worker.unlisted.add(ability);
    return true;
  }

  cantDo(ability: Ability): void {
    const { function: fn, worker } = ability;
    for (const [level, offer] of ability.offers.entries()) {
      if (offer.place >= 0) worker.offers[level]?.remove(offer);
      else fn.unaware[level]?.delete(offer);
    }
    fn.workers.delete(worker);
    fn.sleeping.delete(ability);
    worker.abilities.delete(ability);
    worker.unlisted.delete(ability);
  }

  /** The next job for a worker. */
  pick(worker: Peer): Picked | undefined {
    for (const [level, offers] of worker.offers.entries()) {
      for (let offer = offers.first; offer; offer = offers.first) {
        const { ability } = offer;
        const job = this.#first(ability.function, level);
        if (job) return { job, ability };
        offers.remove(offer);
        ability.function.unaware[level]?.add(offer);
      }
    }
    return undefined;
  }

  /** A job of a function was given to a worker: it is the next function's turn. */
  turn(ability: Ability): void {
    if (this.#across) this.#rank(ability, ++this.#back);
  }

  /** A job was queued. */
  queued({ function: fn, priority }: Job): void {
    const level = this.#across ? priority : 0;
    for (const offer of fn.unaware[level] ?? []) offer.ability.worker.offers[level]?.add(offer);
    fn.unaware[level]?.clear();
  }

  sleep(worker: Peer): void {
    worker.sleeping = true;
    for (const ability of worker.unlisted) ability.function.sleeping.add(ability);
    worker.unlisted.clear();
  }

  /** Wakes those who sleep, once each: who was woken doesn't sleep again before it grabs. */
  wake(fn: JobFunction): void {
    for (const ability of fn.sleeping) {
      const { worker } = ability;
      worker.unlisted.add(ability);
      if (!worker.sleeping) continue;
      worker.sleeping = false;
      worker.woken = true;
      worker.packet(PacketType.NOOP);
    }
    fn.sleeping.clear();
  }

  #rank(ability: Ability, rank: number): void {
    ability.rank = rank;
    for (const [level, offer] of ability.offers.entries()) {
      if (offer.place >= 0) ability.worker.offers[level]?.moved(offer);
    }
  }

  /** The first of a function's jobs that wait for a worker: of one priority, or of all. */
  #first({ queues }: JobFunction, level: number): Job | undefined {
    if (this.#across) return queues[level]?.first;
    for (const { first } of queues) if (first) return first;
    return undefined;
  }
}
