/**
 * Takes what guards against hostile servers, and what deals with the faults of a line, out of a copy of the sources, one
 * after the other, and sees which tests fail:
 *
 *     npm run reliability -- removals --out runs.jsonl [--only test/faults]
 *
 * `--only` takes those whose name, or whose tests' file, has that text; what the file has of others stays there.
 * Ends with 1 when no test fails without something, or when the code to be removed isn't there any more: then the lists in
 * hostile.mjs and faults.mjs are to be mended.
 */

import { execFileSync, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FAULTS } from "./faults.mjs";
import { HOSTILE } from "./hostile.mjs";
import { writer } from "./lines.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** Milliseconds that the tests of one removal may take. */
const LIMIT = 180_000;

/** All that is taken out, each by itself. */
export const REMOVALS = [...HOSTILE, ...FAULTS];

/** What there is one of. @param {{ fault?: string; handling: string }} removal */
const nameOf = ({ fault, handling }) => (fault ? `${fault}: ${handling}` : handling);

/** A copy of all that git knows, as it is here, with the packages of here. */
function copy() {
  const folder = mkdtempSync(path.join(tmpdir(), "edgear-removals-"));
  const names = execFileSync("git", ["ls-files", "-z"], { cwd: ROOT, encoding: "utf8" }).split("\0").filter(Boolean);
  for (const name of names) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    cpSync(path.join(ROOT, name), path.join(folder, name));
  }
  symlinkSync(path.join(ROOT, "node_modules"), path.join(folder, "node_modules"));
  return folder;
}

/**
 * Builds, and runs tests.
 * @param {string} folder
 * @param {string[]} tests
 * @param {string} [only] which of them; default: all
 * @returns {{ passed: number; failed: string[]; error?: string }}
 */
function run(folder, tests, only) {
  const built = spawnSync(process.execPath, ["scripts/build.mjs"], { cwd: folder, encoding: "utf8" });
  if (built.status !== 0) return { passed: 0, failed: [], error: `${built.stdout}${built.stderr}`.trim() };
  const vitest = path.join(folder, "node_modules/vitest/vitest.mjs");
  const file = path.join(folder, "removal.json");
  rmSync(file, { force: true });
  const args = [
    vitest,
    "run",
    ...tests,
    "--project=node",
    "--project=faults",
    "--reporter=json",
    `--outputFile=${file}`,
    ...(only === undefined ? [] : [`--testNamePattern=${only}`]),
  ];
  spawnSync(process.execPath, args, { cwd: folder, stdio: "ignore", timeout: LIMIT });
  try {
    const { testResults } = JSON.parse(readFileSync(file, "utf8"));
    const all = testResults
      .flatMap((/** @type {any} */ result) => result.assertionResults)
      .filter((/** @type {any} */ test) => ["passed", "failed"].includes(test.status));
    if (all.length === 0) return { passed: 0, failed: [], error: `no test is called ${only}` };
    const failed = all.filter((/** @type {any} */ test) => test.status === "failed");
    return { passed: all.length - failed.length, failed: [...new Set(failed.map(titleOf))] };
  } catch {
    return { passed: 0, failed: ["(the run did not come to its end)"] };
  }
}

/** A test's own title; those of cases.test.ts are only of who is at the line's end. @param {any} test */
function titleOf({ title, ancestorTitles }) {
  return ancestorTitles.length > 1 ? `${ancestorTitles.at(-1)}, ${title}` : title;
}

/** @param {string[]} args */
export default async function removals(args) {
  const { values } = parseArgs({ args, options: { out: { type: "string" }, only: { type: "string" } } });
  const write = writer(values.out);
  const folder = copy();
  const chosen = REMOVALS.filter((removal) => `${nameOf(removal)} ${removal.test}`.includes(values.only ?? ""));
  const tests = [...new Set(chosen.map(({ test }) => test))];
  const lines = [];
  let wrong = 0;
  try {
    const whole = run(folder, tests);
    if (whole.error || whole.failed.length > 0 || whole.passed === 0)
      throw new Error(`with nothing removed: ${whole.error ?? whole.failed.join("; ")}`);
    for (const removal of chosen) {
      const { fault, handling, file, from, to, test, only } = removal;
      const place = path.join(folder, file);
      const text = readFileSync(place, "utf8");
      const missing = text.split(from).length !== 2;
      let found = { passed: 0, failed: /** @type {string[]} */ ([]) };
      if (!missing) {
        writeFileSync(
          place,
          text.replace(from, () => to),
        );
        const { error, ...rest } = run(folder, [test], only);
        if (error) console.error(`without "${nameOf(removal)}" it can't be built, or tried: ${error}`);
        found = rest;
        writeFileSync(place, text);
      }
      if (found.failed.length === 0) wrong++;
      const what = { suite: "removals", summary: true, ...(fault && { fault }), handling, file, test };
      lines.push({ ...what, ...found, ...(missing && { missing }) });
      console.log(
        `${nameOf(removal)}: ${missing ? "the code is another by now" : found.failed.join("; ") || "no test failed"}`,
      );
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  if (values.out) keep(values.out, new Set(chosen.map(nameOf)));
  for (const line of lines) write(line);
  if (wrong > 0) process.exitCode = 1;
}

/**
 * Leaves of a file what is of other removals than these, and of such as there still are.
 * @param {string} file
 * @param {ReadonlySet<string>} again
 */
function keep(file, again) {
  if (!existsSync(file)) return;
  const names = new Set(REMOVALS.map(nameOf));
  const kept = readFileSync(file, "utf8")
    .split("\n")
    .filter((line) => line !== "")
    .filter((line) => {
      const name = nameOf(JSON.parse(line));
      return names.has(name) && !again.has(name);
    });
  writeFileSync(file, kept.map((line) => `${line}\n`).join(""));
}
