import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { findNode20 } from "../../scripts/programs.mjs";
import { command } from "../support/command.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const script = path.join(root, "test/scheduler/embedded.mjs");
const bin = (name: string) => path.join(root, "node_modules/.bin", name);

test.each([
  ["Node", [process.execPath]],
  ["Deno", [bin("deno"), "run", "--allow-all", "--no-lock", "--node-modules-dir=manual"]],
  ["Bun", [bin("bun"), "run"]],
])("%s schedules with the SQLite that it brings along", { timeout: 60_000 }, async (_, [program = "", ...args]) => {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-scheduler-"));
  try {
    const { code, stdout, stderr } = await command(program, [...args, script, path.join(folder, "jobs.db")], {
      cwd: root,
      timeout: 30_000,
    });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual({ got: ["bytes 0,255", "none ", "second 65"], left: ["second"] });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("Node 20, which has none, says what to do", { timeout: 60_000 }, async () => {
  const { code, stderr } = await command(findNode20() ?? "", [script], { cwd: root, timeout: 30_000 });
  expect(code).toBe(1);
  expect(stderr).toMatch(/no SQLite of its own: use Node 22\.13 or newer, Deno or Bun, or install better-sqlite3/);
});
