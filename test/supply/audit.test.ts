import assert from "node:assert/strict";
import { test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { read, section } from "./manifest.ts";

test("npm audit finds nothing in what users install, or what it finds is explained", { timeout: 60_000 }, async () => {
  const args = ["audit", "--omit=dev", "--json", "--fetch-retries=0", "--fetch-timeout=20000"];
  const { stdout } = await command("npm", args, { cwd: root, timeout: 40_000 });
  const answer = stdout === "" ? {} : JSON.parse(stdout);
  if (answer.vulnerabilities === undefined) {
    // Nobody's change is wrong because a registry is away.
    process.stdout.write(`nothing was audited: ${answer.message ?? "npm has said nothing"}\n`);
    return;
  }
  const explained = section(await read("docs/dependencies.md"), "Known holes");
  const unexplained = Object.keys(answer.vulnerabilities).filter((name) => !explained.includes(`\`${name}\`:`));
  assert.deepEqual(unexplained, []);
});
