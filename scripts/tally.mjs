/**
 * Prints how many tests passed and failed, by vitest's JSON report, and fails when one has:
 *
 *     node scripts/tally.mjs <report> <exit code of the test run> <failures before it> [<what was under way> [<second report>]]
 *
 * What kept tests from being run at all counts as one failure: a file that could not be loaded, a run that broke off, an
 * error that no test caught. A run that was ended leaves no report; then what had passed and failed by then counts, and
 * what was under way is said (scripts/under-way.mjs). Tests that were skipped are named, with the reason that they give.
 *
 * A second report is of the files that failed, run again by themselves (scripts/failed-files.mjs), if that run ended well. What
 * passes there was upset by the rest of the run or by the machine: it counts as passed, and is named, as somebody should look
 * at it.
 */

import { readFileSync } from "node:fs";

const [report = "", exitCode = "0", before = "0", underWay = "", second = ""] = process.argv.slice(2);
const { passed, failed } = count();
const failures = failed + Number(before);
console.log(`${passed} passed, ${failures} failed`);
process.exitCode = failures === 0 && passed > 0 ? 0 : 1;

function count() {
  const results = read(report);
  // The run didn't get as far as a report; its exit code says why.
  if (!results) return unfinished();
  let { numPassedTests: passed, numFailedTests: failed } = results;
  const again = read(second)?.testResults ?? [];
  for (const { name, status, assertionResults } of results.testResults) {
    const unloaded = status === "failed" && assertionResults.every((test) => test.status !== "failed");
    if (unloaded) failed++;
    for (const { status, fullName, meta } of assertionResults) {
      if (status === "failed" && passedIn(again, name, fullName)) {
        passed++;
        failed--;
        console.log(`passed only when its file ran again by itself: ${name}: ${fullName}`);
      } else if (status !== "passed" && status !== "failed")
        console.log(`skipped: ${fullName}: ${meta?.why ?? "no reason is given"}`);
    }
  }
  // The exit code tells of what is no test's, too. The failures of tests explain it, but not such errors beside them.
  const broken = (exitCode !== "0" && results.numFailedTests + failed === 0) || read(underWay)?.errors > 0;
  return { passed, failed: failed + (broken ? 1 : 0) };
}

/**
 * Whether a test passed in each project that ran it again.
 * @param {any[]} files of a report
 * @param {string} file
 * @param {string} fullName
 */
function passedIn(files, file, fullName) {
  const same = files.filter(({ name }) => name === file);
  const found = same.flatMap(({ assertionResults }) => assertionResults).filter((test) => test.fullName === fullName);
  return found.length > 0 && found.every(({ status }) => status === "passed");
}

function unfinished() {
  const { passed = 0, failed = 0, running = [] } = read(underWay) ?? {};
  for (const words of running) console.log(`did not end: ${words}`);
  // That it did not end is a failure itself, whatever has failed before.
  return { passed, failed: failed + 1 };
}

/** @param {string} file */
function read(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}
