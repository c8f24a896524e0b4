import assert from "node:assert/strict";
import { test } from "vitest";
import { chooseSeed, SEED } from "../support/faults/randoms.ts";
import { loadCorpus } from "./corpus.ts";
import { again } from "./run.ts";
import { TARGETS } from "./targets.ts";

/*
 * The short run of what `npm run fuzz` does at length: what was found before, and new inputs made of that.
 */

/** Inputs, so many that each takes some seconds. */
const SHARES: [target: string, inputs: number][] = [
  ["decoder", 40_000],
  ["server", 1_000],
  ["door", 300],
];

/** Servers that what is kept needs, at most. */
const SERVERS = 50;

test.each(SHARES)("%s, %d inputs", { timeout: 120_000 }, async (name, inputs) => {
  const target = TARGETS[name];
  assert.ok(target);
  const seed = chooseSeed();
  const limit = Error.stackTraceLimit;
  // A busy machine does fewer new ones. What is needed first, a door for instance, is not counted, nor is what is kept:
  // the decoder has had that when it asks, the others ask before each input, and before each server.
  const kept = loadCorpus(target.corpus).length;
  let deadline: number | undefined;
  let asked = 0;
  const over = () => {
    if (name !== "decoder" && asked++ <= kept + SERVERS) return false;
    deadline ??= performance.now() + 6_000;
    return performance.now() > deadline;
  };
  const summary = await target.run({ inputs, seed, maxFailures: 3, over });
  Error.stackTraceLimit = limit;
  const failures = summary.failures.map((failure) => again(name, failure));
  assert.deepEqual(failures, [], `again: ${SEED}=${seed}`);
  assert.ok(summary.inputs > kept, `${summary.inputs} inputs only`);
  // Something is understood, and something is refused.
  assert.ok(summary.corpus > 20, `${summary.corpus} of them did something new`);
});
