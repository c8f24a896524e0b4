import path from "node:path";
import { expect, test } from "vitest";
import { root, runtimes } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";

// Node 20 has no SQLite, and reads no TypeScript.
test.each(runtimes.filter(({ name }) => name !== "Node 20"))(
  "examples/records.ts says what has happened to its record, on $name",
  async ({ program, args }) => {
    const file = path.join(root, "examples/records.ts");
    const { code, stdout, stderr } = await command(program, [...args, file], { cwd: root });
    expect(stderr).not.toMatch(/Error/);
    expect(stdout.trim().split("\n")).toEqual([
      "inserted: Jobs from data",
      'published: Jobs from data, {"at":"noon"}',
      "updated: Jobs, from data (title)",
      "deleted: Jobs, from data, and it is gone",
    ]);
    expect(code).toBe(0);
  },
);
