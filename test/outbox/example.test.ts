import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { expect, test } from "vitest";
import { command } from "../support/command.ts";

test("the example relays what was committed, and nothing else", async () => {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-example-"));
  try {
    const { code, stdout, stderr } = await command(process.execPath, [
      "examples/outbox.ts",
      path.join(folder, "example.db"),
    ]);
    expect(code, stderr).toBe(0);
    // Which function a worker is given a job of first, is up to the server.
    const lines = stdout.trimEnd().split("\n").sort();
    expect(lines).toEqual(['changed: title of "A better title"', "welcome: An article"]);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
