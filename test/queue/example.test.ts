import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { command } from "../support/command.ts";

test("examples/queue.ts", async () => {
  const file = fileURLToPath(new URL("../../examples/queue.ts", import.meta.url));
  const { code, stdout, stderr } = await command(process.execPath, [file]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(stdout.trim().split("\n")).toEqual([
    "first of all: urgent",
    "delivered to ada",
    "grace is not there, again later",
    "delivered to linus",
    "delivered to grace",
    "then: TimeoutError",
  ]);
});
