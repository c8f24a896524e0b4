import path from "node:path";
import { expect, test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";

test("examples/records.ts says what has happened to its record", async () => {
  const { code, stdout, stderr } = await command(process.execPath, [path.join(root, "examples/records.ts")]);
  expect(stderr).not.toMatch(/Error/);
  expect(stdout.trim().split("\n")).toEqual([
    "inserted: Jobs from data",
    'published: Jobs from data, {"at":"noon"}',
    "updated: Jobs, from data (title)",
    "deleted: Jobs, from data, and it is gone",
  ]);
  expect(code).toBe(0);
});
