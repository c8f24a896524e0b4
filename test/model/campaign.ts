import fc from "fast-check";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { SEED } from "../support/faults/randoms.ts";
import type { Kind } from "./killable.ts";
import { operations } from "./operations.ts";
import { runWorld, type Tally } from "./world.ts";

/** Operations of one world, on average. */
const LENGTH = 250;

/** Worlds of one seed. */
const WORLDS = 2;

/** Milliseconds in which a seed must be done with, shrinking included. */
const SEED_LIMIT = 90_000;

/** So many operations of a failure are shown; more, nobody reads. */
const SHOWN = 60;

/** Where, among a seed's worlds, a failure was: fast-check's word for it. */
export const PATH = "EDGEAR_PATH";

export interface CampaignOptions {
  readonly kind: Kind;
  /** How many operations at least. */
  readonly operations: number;
  readonly seed: number;
  /** Worlds at once: they wait most of the time. */
  readonly lanes?: number;
  /** Whether no more is to be begun, as its time is over. */
  readonly over?: () => boolean;
  /** Told of each seed when it is done. */
  readonly report?: (line: Record<string, unknown>) => void;
}

/** What happened in many worlds, and how long it took. */
export interface Summary extends Tally {
  readonly server: Kind;
  readonly seeds: number;
  readonly worlds: number;
  /** All operations, pauses left out. */
  readonly total: number;
  readonly seconds: number;
}

/**
 * Does random operations in one world after the other, until there were enough.
 * @throws with the seed, and the fewest operations that were found to fail
 */
export async function campaign({
  kind,
  operations: wanted,
  seed,
  lanes = 4,
  over = () => false,
  report,
}: CampaignOptions): Promise<Summary> {
  watchCodecs();
  const before = open();
  const begin = performance.now();
  const tallies: Tally[] = [];
  let next = seed;
  let total = 0;
  let seeds = 0;
  // The other lanes end with their seeds.
  let failed = false;
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  const lane = async () => {
    while (total < wanted && !failed && !over()) {
      const own = next++ | 0;
      const since = performance.now();
      const done = await runSeed(kind, own).catch((error: unknown) => {
        failed = true;
        throw error;
      });
      if (unhandled.length > 0) throw new Error(`a rejection was not handled: ${String(unhandled[0])} (seed ${own})`);
      tallies.push(...done);
      const tally = sum(done);
      total += count(tally);
      seeds++;
      report?.({
        suite: "model",
        server: kind,
        seed: own,
        worlds: done.length,
        total: count(tally),
        seconds: seconds(since),
        ...tally,
      });
    }
  };
  try {
    const ends = await Promise.allSettled(Array.from({ length: lanes }, lane));
    for (const end of ends) if (end.status === "rejected") throw end.reason;
    await nothingMore(before);
  } finally {
    process.off("unhandledRejection", onUnhandled);
  }
  return { server: kind, seeds, worlds: tallies.length, total, seconds: seconds(begin), ...sum(tallies) };
}

/** The worlds of one seed. */
async function runSeed(kind: Kind, seed: number): Promise<Tally[]> {
  const tallies: Tally[] = [];
  const property = fc.asyncProperty(operations(LENGTH), async (list) => {
    tallies.push(await runWorld(kind, list));
  });
  const path = process.env[PATH];
  const details = await fc.check(property, {
    seed,
    numRuns: WORLDS,
    interruptAfterTimeLimit: SEED_LIMIT,
    markInterruptAsFailure: true,
    ...(path !== undefined && { path }),
  });
  if (!details.failed) return tallies;
  const { errorInstance, counterexample, counterexamplePath, numShrinks, interrupted } = details;
  const [list = []] = counterexample ?? [];
  const words = [
    `${kind}: ${errorInstance instanceof Error ? errorInstance.message : (errorInstance ?? (interrupted && "it took too long"))}`,
    `again: ${SEED}=${seed} ${PATH}=${counterexamplePath}`,
    `${list.length} operations, shrunk ${numShrinks} times${list.length <= SHOWN ? `: ${JSON.stringify(list)}` : ""}`,
  ];
  throw new Error(words.join("\n"), { cause: errorInstance });
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 100) / 10;
}

/** The operations of a tally, pauses left out. */
function count({ operations: { pause = 0, ...others } }: Tally): number {
  return Object.values(others).reduce((all, one) => all + one, 0);
}

function sum(tallies: readonly Tally[]): Tally {
  const records = (key: "operations" | "outcomes" | "fates") => {
    const all: Record<string, number> = {};
    for (const tally of tallies)
      for (const [name, number] of Object.entries(tally[key])) all[name] = (all[name] ?? 0) + number;
    return all;
  };
  const numbers = (key: "promises" | "submissions" | "executions" | "connections" | "kills") =>
    tallies.reduce((all, tally) => all + tally[key], 0);
  return {
    operations: records("operations"),
    outcomes: records("outcomes"),
    fates: records("fates"),
    promises: numbers("promises"),
    submissions: numbers("submissions"),
    executions: numbers("executions"),
    connections: numbers("connections"),
    kills: numbers("kills"),
  };
}
