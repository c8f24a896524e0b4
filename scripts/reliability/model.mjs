/**
 * The long run of the model test (test/model): random operations against each server, a million unless told otherwise.
 *
 *     npm run reliability -- model --operations 100000 --server gearmand --seed 7 --out runs.jsonl
 *
 * Each server gives a line, and with `--each` each seed too. `--minutes` is the time that each server has at most. Ends
 * with 1 when something failed: what, and the seed that has it again, is in the last line.
 */

import { parseArgs } from "node:util";
import { campaign } from "../../test/model/campaign.ts";
import { KINDS } from "../../test/model/killable.ts";
import { chooseSeed } from "../../test/support/faults/randoms.ts";
import { writer } from "./lines.mjs";

/** @param {string[]} args */
export default async function model(args) {
  const { values } = parseArgs({
    args,
    options: {
      operations: { type: "string", default: "1000000" },
      server: { type: "string", multiple: true, default: [...KINDS] },
      seed: { type: "string" },
      minutes: { type: "string" },
      each: { type: "boolean", default: false },
      lanes: { type: "string", default: "4" },
      out: { type: "string" },
    },
  });

  const kinds = KINDS.filter((kind) => values.server.includes(kind));
  if (kinds.length !== values.server.length) throw new TypeError(`a server is one of ${KINDS.join(", ")}`);

  const report = writer(values.out);

  for (const kind of kinds) {
    const seed = values.seed === undefined ? chooseSeed() : Number(values.seed);
    const operations = Math.ceil(Number(values.operations) / kinds.length);
    const end = performance.now() + Number(values.minutes ?? Number.POSITIVE_INFINITY) * 60_000;
    let total = 0;
    try {
      const summary = await campaign({
        kind,
        operations,
        seed,
        lanes: Number(values.lanes),
        over: () => performance.now() > end,
        report: (line) => {
          total += Number(line.total);
          if (values.each) report(line);
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
}
