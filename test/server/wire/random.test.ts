import assert from "node:assert/strict";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { startGearmand } from "../../support/gearmand.ts";
import { PREFIX, run } from "./exchange.ts";
import { randomSteps } from "./random.ts";

const SEEDS = Array.from({ length: 40 }, (_, index) => index + 1);
const STEPS = 60;
const AT_ONCE = 4;

/** The lines of a table come in the order of gearmand's hash; and a handle of its own WORK_FAIL ends in a NUL. */
function alike(transcript: string[][]): string[][] {
  return transcript.map((lines) =>
    lines.map((line) =>
      line
        .replace(/\0$/, "")
        .split(/(?<=\n)/)
        .toSorted()
        .join(""),
    ),
  );
}

test("whatever is said to both, JobServer answers as gearmand does", { timeout: 120_000 }, async () => {
  const seeds = [...SEEDS];
  const one = async () => {
    for (let seed = seeds.shift(); seed !== undefined; seed = seeds.shift()) {
      const steps = randomSteps(seed, STEPS);
      await using gearmand = await startGearmand({ args: [`--job-handle-prefix=${PREFIX}`] });
      await using server = await JobServer.listen({ port: 0, handlePrefix: PREFIX, priorities: "within" });
      const [expected, got] = await Promise.all([run(gearmand.port, steps), run(server.port, steps)]);
      const [theirs, ours] = [alike(expected), alike(got)];
      for (const [index, step] of steps.entries()) {
        const before = steps.slice(0, index + 1).map((each) => each.join(" "));
        assert.deepEqual(
          ours[index],
          theirs[index],
          `seed ${seed}, step ${index}, ${step.join(" ")}:\n${before.join("\n")}`,
        );
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, one));
});
