import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { test } from "vitest";
import { writer } from "../../scripts/reliability/lines.mjs";
import { REMOVALS } from "../../scripts/reliability/removals.mjs";
import { files } from "../../scripts/reliability/report.mjs";
import { lastSoak, sections } from "../../scripts/reliability/sections.mjs";
import { slope } from "../load/gauge.ts";
import { root } from "../runtimes/installed.ts";

test("docs/reliability.md and its plot are what the generator makes of the runs that are kept", () => {
  const made = Object.entries(files());
  assert.equal(made.length, 2);
  for (const [file, text] of made) {
    assert.ok(existsSync(file), file);
    assert.equal(readFileSync(file, "utf8"), text, `${file} is old: npm run reliability -- report`);
  }
});

/** Tables are padded. */
const unpadded = (text = "") => text.replaceAll(/ +/g, " ");

test("a run that failed is said to have, and counted nowhere else", () => {
  const run = { suite: "model", summary: true, server: "gearmand", seed: 1, seeds: 2, total: 1000, seconds: 60 };
  const { model = "" } = sections([
    { ...run, outcome: "passed" },
    { ...run, outcome: "failed", total: 77, seed: 9, error: "a | promise\nhas not settled" },
  ]);
  assert.match(model, /^1,000 operations in 1 runs that passed.*; 1 runs ended early/);
  assert.ok(unpadded(model).includes("| gearmand, 9 | 77 | a \\| promise has not settled | not known |"), model);
});

test("fuzz runs are added up by target, with failures, and the branches that they reached", () => {
  const run = { suite: "fuzz", target: "decoder", inputs: 1_000, seconds: 2, corpus: 30, failures: 0, seed: 4 };
  const measured = { ...run, ways: 312, features: 700 };
  const door = { ...run, target: "door", requests: 600, statuses: { 0: 10, 200: 990 } };
  const { fuzz = "" } = sections([
    { ...measured, reached: 200 },
    { ...measured, reached: 290, inputs: 500, failures: 1, seed: 5 },
    door,
  ]);
  assert.ok(fuzz.startsWith("2,500 inputs."));
  assert.ok(unpadded(fuzz).includes("| decoder | 1,500 | 4 | 290 of 312 | 700 | 30 | 1 | 4, 5 |"), fuzz);
  assert.ok(unpadded(fuzz).includes("| door | 1,000 | 2 | not measured | not counted | 30 | 0 | 4 |"), fuzz);
  assert.match(fuzz, /600 inputs were right requests/);
});

test("each part says of which commit it is, and whether anything was changed since", () => {
  const run = { suite: "fuzz", target: "decoder", inputs: 1, seconds: 1, failures: 0, seed: 1 };
  const of = (...lines: object[]) =>
    /commit ([^;)]*)/.exec(sections(lines.map((line) => ({ ...run, ...line }))).fuzz ?? "")?.[1];
  assert.equal(of({ commit: "abc1234" }), "abc1234");
  assert.equal(of({ commit: "abc1234" }, { commit: "abc1234", dirty: true }), "abc1234, abc1234 and changes");
  assert.equal(of({}), "not recorded");
});

test("a run's lines have the commit that is checked out", () => {
  const folder = mkdtempSync(path.join(tmpdir(), "edgear-lines-"));
  const file = path.join(folder, "runs.jsonl");
  const write = writer(file);
  write({ suite: "model", summary: true });
  write({ suite: "model" });
  const [summary, other] = readFileSync(file, "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
  const head = execFileSync("git", ["rev-parse", "--short", "HEAD"], { encoding: "utf8", cwd: root }).trim();
  assert.equal(summary.commit, head);
  assert.equal(other.commit, undefined);
  rmSync(folder, { recursive: true });
});

test("a removal that no test notices, and code that isn't there any more, are said", () => {
  const line = { suite: "removals", handling: "a limit", file: "src/x.ts", failed: ["a flood"] };
  const rows = unpadded(sections([line, { ...line, failed: [] }, { ...line, failed: [], missing: true }]).removals);
  assert.match(rows, /\| a limit \| src\/x\.ts \| a flood \|/);
  assert.match(rows, /\| \*\*no test failed\*\* \|/);
  assert.match(rows, /\| \*\*not tried: the code is another by now\*\* \|/);
});

test.each(REMOVALS)("what is removed is there, once: $handling", ({ file, from, to, test: tests }) => {
  assert.equal(readFileSync(path.join(root, file), "utf8").split(from).length, 2, `${file}: ${from}`);
  assert.notEqual(from, to);
  assert.ok(existsSync(path.join(root, tests)), tests);
});

test("the curve is of the soak that ended last", () => {
  const sample = { suite: "soak", jobs: 1 };
  const lines = [
    { ...sample, run: "1" },
    { suite: "soak", summary: true, run: "1" },
    { ...sample, run: "2", jobs: 2 },
  ];
  assert.deepEqual(lastSoak([...lines, { suite: "soak", summary: true, run: "2" }]), [
    { ...sample, run: "2", jobs: 2 },
  ]);
  assert.deepEqual(lastSoak(lines), [{ ...sample, run: "1" }]);
});

test("growth is the slope of the line through all samples", () => {
  assert.equal(
    slope([
      [0, 5],
      [10, 25],
      [20, 45],
    ]),
    2,
  );
  assert.equal(
    slope([
      [0, 1],
      [1, 0],
      [2, 1],
    ]),
    0,
  );
  assert.equal(slope([[3, 4]]), 0);
});
