import assert from "node:assert/strict";
import { test } from "vitest";
import { chooseSeed } from "../support/faults/randoms.ts";
import { campaign } from "./campaign.ts";
import type { Kind } from "./killable.ts";

/*
 * Random operations on clients, workers and servers at once, while servers are killed and lines break. What must hold
 * whatever happens: every promise settles within its time; a background job that was acknowledged is done at least
 * once, but for the cases in ledger.ts; no result is another job's; nothing is left unhandled or open.
 */

/** Operations, 10,000 in all. `npm run reliability` does a million. */
const SHARES: [Kind, number][] = [
  ["gearmand", 4_000],
  ["gearmand-sqlite", 2_000],
  ["JobServer", 4_000],
];

test.each(SHARES)("%s, %d random operations", { timeout: 180_000 }, async (kind, operations) => {
  const { total, outcomes, fates, kills } = await campaign({ kind, operations, seed: chooseSeed() });
  assert.ok(total >= operations);
  // There was something to lose, and something came through.
  assert.ok(kills > 0 && (outcomes.CONNECTION_LOST ?? 0) > 0 && (outcomes.done ?? 0) > 0 && (fates.done ?? 0) > 0);
});
