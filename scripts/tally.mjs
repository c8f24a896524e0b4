/**
 * Prints how many tests passed and failed, by vitest's JSON report, and fails when one has:
 *
 *     node scripts/tally.mjs <report> <exit code of the test run> <failures before it>
 *
 * What kept tests from being run at all counts as one failure: a file that could not be loaded, a run that broke off.
 */

import { readFileSync } from "node:fs";

const [report = "", exitCode = "0", before = "0"] = process.argv.slice(2);
const { passed, failed } = count();
const broken = failed === 0 && exitCode !== "0" ? 1 : 0;
const failures = failed + broken + Number(before);
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures === 0 && passed > 0 ? 0 : 1;

function count() {
  let results;
  try {
    results = JSON.parse(readFileSync(report, "utf8"));
  } catch {
    // The run didn't get as far as a report; its exit code says why.
    return { passed: 0, failed: 0 };
  }
  const unloaded = results.testResults.filter(
    (file) => file.status === "failed" && file.assertionResults.every(({ status }) => status !== "failed"),
  );
  return { passed: results.numPassedTests, failed: results.numFailedTests + unloaded.length };
}
