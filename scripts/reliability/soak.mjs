/**
 * Background jobs handed in at a gearmand of its own and worked off beside, ten million unless told otherwise, while
 * heap, memory and descriptors of both processes are looked at.
 *
 *     npm run reliability -- soak --jobs 1000000 --minutes 10 --out runs.jsonl
 */

import { parseArgs } from "node:util";
import { soak } from "../../test/load/soak.ts";
import { writer } from "./lines.mjs";

/** @param {string[]} args */
export default async function main(args) {
  const { values } = parseArgs({
    args,
    options: {
      jobs: { type: "string", default: "10000000" },
      minutes: { type: "string" },
      interval: { type: "string", default: "5000" },
      out: { type: "string" },
    },
  });
  const report = writer(values.out);
  const summary = await soak({
    jobs: Number(values.jobs),
    interval: Number(values.interval),
    ...(values.minutes !== undefined && { seconds: Number(values.minutes) * 60 }),
    report: (sample) => {
      report({ suite: "soak", ...sample });
      console.log(`${sample.jobs} jobs, ${Math.round(sample.seconds)} s`);
    },
  });
  const { submitted, worked, growth } = summary;
  report({ suite: "soak", summary: true, outcome: worked === submitted ? "passed" : "failed", ...summary });
  console.log(
    `${worked} of ${submitted} jobs worked off in ${summary.seconds} s; bytes a job: ${JSON.stringify(growth)}`,
  );
}
