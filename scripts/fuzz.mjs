/**
 * Fuzzing (test/fuzz): ten million inputs for the decoder unless told otherwise, a hundred thousand for JobServer's port,
 * ten thousand for the HTTP door; `gearmand` is given what JobServer is, to compare.
 *
 *     npm run fuzz -- --target decoder --inputs 1000000 --seed 7 --seconds 60 --out fuzz.jsonl [--keep]
 *     npm run fuzz -- --target decoder --replay WORD
 *
 * `--out` is given a line of JSON for the run; docs/reliability.md is made of these. `--keep` writes what was found to do
 * something new to test/fuzz/corpus, with which the next run begins. Ends with 1 when something failed: the input that
 * has it again, as a word for `--replay`, is in the last line.
 */

import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { saveCorpus } from "../test/fuzz/corpus.ts";
import { TARGETS } from "../test/fuzz/targets.ts";
import { chooseSeed } from "../test/support/faults/randoms.ts";

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "decoder" },
    inputs: { type: "string" },
    seconds: { type: "string" },
    seed: { type: "string" },
    out: { type: "string" },
    keep: { type: "boolean", default: false },
    replay: { type: "string" },
  },
});

const target = TARGETS[values.target];
if (!target) throw new TypeError(`a target is one of ${Object.keys(TARGETS).join(", ")}`);

if (values.replay !== undefined) {
  console.log(await target.replay(values.replay));
} else {
  const seed = values.seed === undefined ? chooseSeed() : Number(values.seed);
  const deadline = performance.now() + Number(values.seconds ?? 86_400) * 1_000;
  const summary = await target.run({
    inputs: Number(values.inputs ?? target.inputs),
    seed,
    maxFailures: 10,
    over: () => performance.now() > deadline,
  });
  const { inputs, seconds, corpus, failures, kept, details } = summary;
  if (values.keep) saveCorpus(target.corpus, kept);
  const time = new Date().toISOString();
  const counts = { inputs, seconds, corpus, failures: failures.length };
  const failed = failures.length > 0 ? { failed: failures } : {};
  const line = { kind: "fuzz", target: values.target, seed, ...counts, ...failed, ...details, time };
  if (values.out) appendFileSync(values.out, `${JSON.stringify(line)}\n`);
  console.log(`${values.target}: ${inputs} inputs in ${seconds} s, seed ${seed}, ${corpus} of them kept`);
  for (const failure of failures.slice(0, 3)) console.error(`failed: --target ${values.target} --replay ${failure}`);
  if (failures.length > 0) process.exitCode = 1;
}
