/**
 * The long run of the model test (test/model): random operations against each server, a million unless told otherwise.
 *
 *     npm run reliability -- --operations 100000 --server gearmand --seed 7 --out reliability.jsonl
 *
 * `--out` is given a line of JSON for each seed, and one with `summary: true` for each server; docs/reliability.md is made of these.
 * Ends with 1 when something failed: what, and the seed that has it again, is in the last line.
 */

import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { campaign } from "../test/model/campaign.ts";
import { KINDS } from "../test/model/killable.ts";
import { chooseSeed } from "../test/support/faults/randoms.ts";

const { values } = parseArgs({
  options: {
    operations: { type: "string", default: "1000000" },
    server: { type: "string", multiple: true, default: [...KINDS] },
    seed: { type: "string" },
    lanes: { type: "string", default: "4" },
    out: { type: "string" },
  },
});

const kinds = KINDS.filter((kind) => values.server.includes(kind));
if (kinds.length !== values.server.length) throw new TypeError(`a server is one of ${KINDS.join(", ")}`);

/** @param {Record<string, unknown>} line */
function report(line) {
  if (values.out) appendFileSync(values.out, `${JSON.stringify({ ...line, time: new Date().toISOString() })}\n`);
}

for (const kind of kinds) {
  const seed = values.seed === undefined ? chooseSeed() : Number(values.seed);
  const operations = Math.ceil(Number(values.operations) / kinds.length);
  let total = 0;
  try {
    const summary = await campaign({
      kind,
      operations,
      seed,
      lanes: Number(values.lanes),
      report: (line) => {
        total += Number(line.total);
        report(line);
      },
    });
    report({ suite: "model", summary: true, outcome: "passed", seed, ...summary });
    console.log(`${kind}: ${summary.total} operations in ${summary.worlds} worlds, ${summary.seconds} s`);
  } catch (error) {
    const words = error instanceof Error ? error.message : String(error);
    report({ suite: "model", summary: true, outcome: "failed", server: kind, seed, total, error: words });
    console.error(`${kind}: failed after ${total} operations\n${words}`);
    process.exitCode = 1;
  }
}
