import { fileURLToPath } from "node:url";
import { expect, inject, test } from "vitest";
import { root, runtimes } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { WENT_THROUGH } from "./through.mjs";

const SCRIPT = fileURLToPath(new URL("runtime.mjs", import.meta.url));

test.each(runtimes)(
  "queues work on $name",
  async ({ program, args }) => {
    for (const { address } of inject("servers")) {
      const { code, stdout, stderr } = await command(program, [...args, SCRIPT, address], { cwd: root });
      expect({ code, stdout, stderr }).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(WENT_THROUGH),
      });
    }
  },
  60_000,
);
