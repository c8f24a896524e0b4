import assert from "node:assert/strict";
import { test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { read, section } from "./manifest.ts";

declare module "vitest" {
  interface TaskMeta {
    /** Why a test was skipped: `.ci/run` says it. */
    why?: string;
  }
}

test("npm audit finds nothing in what users install, or what it finds is explained", { timeout: 60_000 }, async ({
  skip,
  task,
}) => {
  const args = ["audit", "--omit=dev", "--json", "--fetch-retries=0", "--fetch-timeout=20000"];
  const { stdout } = await command("npm", args, { cwd: root, timeout: 40_000 });
  const answer = stdout === "" ? {} : JSON.parse(stdout);
  if (answer.vulnerabilities === undefined) {
    // Nobody's change is wrong because a registry is away, or answers no audits. It is skipped, and `.ci/run` says so.
    const why = `nothing was audited: ${answer.message ?? answer.error?.summary ?? "npm has said nothing"}`;
    task.meta.why = why;
    skip(why);
  }
  const explained = section(await read("docs/dependencies.md"), "Known holes");
  const unexplained = Object.keys(answer.vulnerabilities).filter((name) => !explained.includes(`\`${name}\`:`));
  assert.deepEqual(unexplained, []);
});
