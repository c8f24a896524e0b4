import assert from "node:assert/strict";
import { test } from "vitest";
import { faultsOf, soak } from "./soak.ts";

/** `npm run reliability -- soak` does ten million. */
const JOBS = 300_000;

test("300,000 background jobs are each done once, and leave nothing behind", { timeout: 180_000 }, async () => {
  const soaked = await soak({ jobs: JOBS, interval: 150 });
  assert.equal(soaked.submitted, JOBS);
  assert.deepEqual(faultsOf(soaked), []);
});

test("what grows, is lost or is left is said", () => {
  const flat = { heap: 0.1, rss: 2, samples: 5, descriptors: [24, 24], left: "" } as const;
  const whole = { submitted: 10_000_000, worked: 10_000_000, again: 0, growth: { submitter: flat, worker: flat } };
  const faults = (more: object) => faultsOf({ ...whole, ...more });
  const grown = (more: object) => faults({ growth: { submitter: flat, worker: { ...flat, ...more } } });
  assert.deepEqual(faults({}), []);
  assert.deepEqual(faults({ worked: 9_999_999 }), ["9999999 of 10000000 jobs were worked off"]);
  assert.deepEqual(faults({ again: 1 }), ["1 jobs were worked off twice"]);
  assert.deepEqual(grown({ heap: 16 }), ["the worker's heap grew by 16 bytes a job"]);
  assert.deepEqual(grown({ heap: Number.NaN }), ["the worker's heap grew by NaN bytes a job"]);
  assert.deepEqual(grown({ rss: 40 }), ["the worker's memory grew by 40 bytes a job"]);
  assert.deepEqual(grown({ samples: 4 }), ["the worker has only 4 samples of its second half"]);
  assert.deepEqual(grown({ descriptors: [24, 25] }), ["the worker had 24 to 25 descriptors"]);
  assert.deepEqual(grown({ left: "a timer" }), ["the worker left a timer open"]);
});
