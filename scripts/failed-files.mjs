/**
 * Prints the files whose tests failed, by vitest's JSON report, a line each, so that they can run again by themselves:
 *
 *     node scripts/failed-files.mjs <report>
 *
 * Thousands of tests with real processes and sockets on a machine that others use are now and then upset by something that is not
 * theirs. That is so for one or two: where more fail, or one can't be loaded, it is the change, and nothing is printed.
 */

import { readFileSync } from "node:fs";
import path from "node:path";

/** How many tests may be upset in one run. */
const MOST = 3;

/** @type {any[]} */
let files = [];
try {
  files = JSON.parse(readFileSync(process.argv[2] ?? "", "utf8")).testResults;
} catch {
  // A run without a report didn't end.
}
const failed = files.filter(({ status }) => status === "failed");
const tests = failed.map(({ assertionResults }) =>
  assertionResults.filter((/** @type {{ status: string }} */ { status }) => status === "failed"),
);
if (tests.every(({ length }) => length > 0) && tests.flat().length <= MOST)
  for (const name of new Set(failed.map(({ name }) => name))) console.log(path.relative(process.cwd(), name));
