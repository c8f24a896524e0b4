import assert from "node:assert/strict";
import { test } from "vitest";
import { soak } from "./soak.ts";

/** `npm run reliability -- soak` does ten million. */
const JOBS = 300_000;

test("300,000 background jobs are each done once, and leave nothing behind", { timeout: 180_000 }, async () => {
  const { submitted, worked, again, growth } = await soak({ jobs: JOBS, interval: 400 });
  assert.deepEqual([submitted, worked, again], [JOBS, JOBS, 0]);
  for (const [role, { heap, descriptors }] of Object.entries(growth)) {
    // A leak of the smallest object there is would be 16 bytes or more for each job.
    assert.ok(heap < 8, `the ${role}'s heap grew by ${heap} bytes a job`);
    assert.equal(descriptors[0], descriptors[1], `the ${role} had ${descriptors.join(" to ")} descriptors`);
  }
});
