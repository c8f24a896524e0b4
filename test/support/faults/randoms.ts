/** Numbers that look random, and are the same ones for the same seed. */
export class Randoms {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** From 0 up to, and without, a limit. Mulberry32: one word of state, and good enough to shake things with. */
  real(limit = 1): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit;
  }

  /** A whole number from 0 up to, and without, a limit. */
  below(limit: number): number {
    return Math.floor(this.real(limit));
  }

  pick<T>(from: readonly T[]): T {
    return from[this.below(from.length)] as T;
  }
}

/** The environment's variable that makes a run again. */
export const SEED = "EDGEAR_SEED";

/** The seed of this run: the environment's, or one that nobody had yet. */
export function chooseSeed(): number {
  const given = process.env[SEED];
  return given === undefined ? (Date.now() ^ (process.pid << 16)) >>> 0 : Number(given) >>> 0;
}

/** Runs something with numbers of one seed. What it throws says the seed, and how to have it again. */
export async function seeded(
  run: (randoms: Randoms, seed: number) => Promise<void>,
  seed = chooseSeed(),
): Promise<void> {
  try {
    await run(new Randoms(seed), seed);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    throw new Error(`${words}\n(again: ${SEED}=${seed})`, { cause: error });
  }
}
