/**
 * Background jobs handed in at a gearmand of its own and worked off beside, ten million unless told otherwise, while
 * heap, memory and descriptors of both processes are looked at. Ends with 1 when one of them grows by more than its limit,
 * or a job was lost, done twice, or something is open at the end.
 *
 *     npm run reliability -- soak --jobs 1000000 --minutes 10 --out runs.jsonl
 */

import { parseArgs } from "node:util";
import { faultsOf, soak } from "../../test/load/soak.ts";
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
  /** Of one run: the samples of another are no part of its curve. */
  const run = new Date().toISOString();
  /** @type {Record<string, unknown>[]} */
  const samples = [];
  const summary = await soak({
    jobs: Number(values.jobs),
    interval: Number(values.interval),
    ...(values.minutes !== undefined && { seconds: Number(values.minutes) * 60 }),
    report: (sample) => {
      samples.push({ suite: "soak", run, ...sample });
      console.log(`${sample.jobs} jobs, ${Math.round(sample.seconds)} s`);
    },
  });
  const { submitted, worked, growth } = summary;
  const faults = faultsOf(summary);
  // Only a run that came to its end has a curve.
  for (const sample of samples) report(sample);
  const outcome = faults.length === 0 ? "passed" : "failed";
  report({ suite: "soak", summary: true, run, outcome, ...(faults.length > 0 && { faults }), ...summary });
  console.log(
    `${worked} of ${submitted} jobs worked off in ${summary.seconds} s; bytes a job: ${JSON.stringify(growth)}`,
  );
  for (const fault of faults) console.error(fault);
  if (faults.length > 0) process.exitCode = 1;
}
