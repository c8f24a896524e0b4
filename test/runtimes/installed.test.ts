import assert from "node:assert/strict";
import { afterAll, beforeAll, describe, inject, test } from "vitest";
import { command } from "../support/command.ts";
import { type Installation, install, runtimes } from "./installed.ts";

let installation: Installation;

beforeAll(async () => {
  installation = await install();
}, 120_000);

afterAll(() => installation?.[Symbol.asyncDispose]());

describe.each(runtimes)("the installed package on $name", ({ program, args }) => {
  const run = (file: string, argument: string) =>
    command(program, [...args, file, argument], { cwd: installation.folder, timeout: 100_000 });

  test("submits a background job and asks for its status", async () => {
    const address = inject("servers")[0]?.address ?? "";
    const { code, stdout, stderr } = await run("submit.mjs", address);
    assert.equal(code, 0, stderr);
    const { handle, server, state } = JSON.parse(stdout) as Record<string, string>;
    assert.match(handle ?? "", /^H:.+:\d+$/);
    assert.deepEqual({ server, state }, { server: address, state: "queued" });
  });

  test("passes the shared suite", { timeout: 120_000 }, async () => {
    const { code, stdout, stderr } = await run("cases.mjs", JSON.stringify([inject("servers"), inject("silent")]));
    assert.equal(code, 0, stdout + stderr);
    assert.match(stdout, /^\d{2,} passed, 0 failed$/m);
  });
});
