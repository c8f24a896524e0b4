import assert from "node:assert/strict";
import { test } from "vitest";
import { hashUnique } from "../../build/src/client/balance.js";
import { command } from "../support/command.ts";

const UNIQUES = ["abc", "123456789", "é", "img-7", "x".repeat(63), "-", "a b", "日本"];

/** Prints what Perl's client makes of each unique. */
const SCRIPT = `
  use Gearman::Task;
  print Gearman::Task->new("f", \\"a workload", { uniq => $_ })->hash, "\\n" for @ARGV;
`;

test("the server that a unique stands for is the one that Perl's Gearman::Client takes", async () => {
  const { code, stdout, stderr } = await command("perl", ["-e", SCRIPT, ...UNIQUES]);
  assert.equal(code, 0, stderr);
  const ours = UNIQUES.map((unique) => hashUnique(unique === "-" ? "a workload" : unique));
  assert.deepEqual(stdout.trim().split("\n").map(Number), ours);
});
