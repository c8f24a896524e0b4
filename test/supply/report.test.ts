import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { test } from "vitest";
import { files } from "../../scripts/reliability/report.mjs";
import { sections } from "../../scripts/reliability/sections.mjs";
import { slope } from "../load/gauge.ts";

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

test("fuzz runs are added up by target, and failures with them", () => {
  const run = { kind: "fuzz", target: "decoder", inputs: 1_000, seconds: 2, corpus: 30, failures: 0, seed: 4 };
  const { fuzz = "" } = sections([run, { ...run, inputs: 500, failures: 1, seed: 5 }, { ...run, target: "door" }]);
  assert.ok(fuzz.startsWith("2,500 inputs."));
  assert.ok(unpadded(fuzz).includes("| decoder | 1,500 | 4 | 30 | 1 | 4, 5 |"), fuzz);
  assert.ok(unpadded(fuzz).includes("| door | 1,000 | 2 | 30 | 0 | 4 |"), fuzz);
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
