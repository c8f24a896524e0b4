/**
 * Fuzzing (test/fuzz): ten million inputs for the decoder unless told otherwise, a hundred thousand for JobServer's port,
 * ten thousand for the HTTP door; `gearmand` is given what JobServer is, to compare.
 *
 *     npm run fuzz -- --target decoder --inputs 1000000 --seed 7 --seconds 60 --out fuzz.jsonl [--keep]
 *     npm run fuzz -- --target decoder --replay-file FILE
 *
 * `--out` is given a line of JSON for the run; docs/reliability.md is made of these. `--keep` writes what was found to do
 * something new to test/fuzz/corpus, with which the next run begins. Ends with 1 when something failed: the inputs that
 * have it again, in their order, are in a file that is named then. A seed makes the same inputs for the decoder; what
 * JobServer and the door are given depends on what came before, and that on the moment: have those again by the file.
 */

import { registerHooks } from "node:module";
import { parseArgs } from "node:util";
import { saveCorpus } from "../test/fuzz/corpus.ts";
import { again, inputsOf } from "../test/fuzz/run.ts";
import { TARGETS } from "../test/fuzz/targets.ts";
import { chooseSeed } from "../test/support/faults/randoms.ts";
import { writer } from "./reliability/lines.mjs";

const { values } = parseArgs({
  options: {
    target: { type: "string", default: "decoder" },
    inputs: { type: "string" },
    seconds: { type: "string" },
    seed: { type: "string" },
    out: { type: "string" },
    keep: { type: "boolean", default: false },
    "replay-file": { type: "string" },
  },
});

// The Worker's modules name each other as wrangler builds them; here they are loaded as they are.
registerHooks({
  resolve: (specifier, context, next) =>
    next(
      /\/worker\/\w+\.ts$/.test(context.parentURL ?? "") ? specifier.replace(/^(\.\/.*)\.js$/, "$1.ts") : specifier,
      context,
    ),
});

const target = TARGETS[values.target];
if (!target) throw new TypeError(`a target is one of ${Object.keys(TARGETS).join(", ")}`);

const file = values["replay-file"];
if (file !== undefined) {
  console.log(await target.replay(inputsOf(file)));
} else {
  const seed = values.seed === undefined ? chooseSeed() : Number(values.seed);
  const deadline = performance.now() + Number(values.seconds ?? 86_400) * 1_000;
  const summary = await target.run({
    inputs: Number(values.inputs ?? target.inputs),
    seed,
    maxFailures: 40,
    over: () => performance.now() > deadline,
  });
  const { inputs, seconds, corpus, failures, kept, details } = summary;
  if (values.keep) saveCorpus(target.corpus, kept);
  const counts = { inputs, seconds, corpus, failures: failures.length };
  const words = failures.map((failure) => again(values.target, failure));
  const failed = failures.length > 0 ? { failed: failures.map(({ what }) => what) } : {};
  writer(values.out)({ suite: "fuzz", summary: true, target: values.target, seed, ...counts, ...failed, ...details });
  console.log(`${values.target}: ${inputs} inputs in ${seconds} s, seed ${seed}, ${corpus} of them kept`);
  for (const each of words) console.error(`failed: ${each}`);
  if (failures.length > 0) process.exitCode = 1;
}
