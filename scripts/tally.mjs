/**
 * Prints how many tests passed and failed, by vitest's JSON report, and fails when one has:
 *
 *     node scripts/tally.mjs <report> <exit code of the test run> <failures before it> [<what was under way>]
 *
 * What kept tests from being run at all counts as one failure: a file that could not be loaded, a run that broke off. A
 * run that was ended leaves no report; then what had passed and failed by then counts, and what was under way is said
 * (scripts/under-way.mjs). Tests that were skipped are named, with the reason that they give.
 */

import { readFileSync } from "node:fs";

const [report = "", exitCode = "0", before = "0", underWay = ""] = process.argv.slice(2);
const { passed, failed } = count();
const broken = failed === 0 && exitCode !== "0" ? 1 : 0;
const failures = failed + broken + Number(before);
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures === 0 && passed > 0 ? 0 : 1;

function count() {
  const results = read(report);
  // The run didn't get as far as a report; its exit code says why.
  if (!results) return unfinished();
  const unloaded = results.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed"),
  );
  for (const { assertionResults } of results.testResults)
    for (const { status, fullName, meta } of assertionResults)
      if (status !== "passed" && status !== "failed")
        console.log(`skipped: ${fullName}: ${meta?.why ?? "no reason is given"}`);
  return { passed: results.numPassedTests, failed: results.numFailedTests + unloaded.length };
}

function unfinished() {
  const { passed = 0, failed = 0, running = [] } = read(underWay) ?? {};
  for (const words of running) console.log(`did not end: ${words}`);
  // That it did not end is a failure itself, whatever has failed before.
  return { passed, failed: failed > 0 ? failed + 1 : 0 };
}

/** @param {string} file */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
