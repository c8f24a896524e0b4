import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, inject, test } from "vitest";
import { cases } from "../conformance/cases.ts";
import { command } from "../support/command.ts";
import { type Installation, install, node20, root, runtimes } from "./installed.ts";

let installation: Installation;

beforeAll(async () => {
  installation = await install();
}, 120_000);

afterAll(() => installation?.[Symbol.asyncDispose]());

test("a Node 20, the oldest that is supported, is among the runtimes", () => {
  assert.ok(
    node20,
    "there is no Node 20 on the PATH, and the suite must run on one: install it (https://nodejs.org/en/download, " +
      "`n 20`, `nvm install 20`, or your system's package), and put its folder on the PATH",
  );
  assert.deepEqual(
    runtimes.map(({ name }) => name),
    ["Node 20", "this Node", "Deno", "Bun"],
  );
});

describe.each(runtimes)("the installed package on $name", ({ said, program, args }) => {
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
    const { code, stdout, stderr } = await run("cases.mjs", JSON.stringify([inject("servers"), inject("faulty")]));
    assert.equal(code, 0, stdout + stderr);
    process.stdout.write(stdout);
    // None is left out: what a runtime can't do, it is asked to say.
    const passed = inject("servers").map(({ name: server }) => `${server}: ${cases.length} passed`);
    const lines = stdout.trim().split("\n");
    assert.deepEqual(
      lines.map((line) => line.split(", ")[1]),
      passed,
    );
    for (const line of lines) assert.match(line, said);
  });
});

test("the installed package has the command edgear", async () => {
  const program = path.join(installation.folder, "node_modules/.bin/edgear");
  const help = await command(program, ["--help"]);
  assert.equal(help.code, 0, help.stderr);
  assert.match(help.stdout, /^Usage: edgear/);
  const address = inject("servers")[0]?.address ?? "";
  const { code, stdout, stderr } = await command(program, ["submit", "reverse", "abc", "--servers", address]);
  assert.deepEqual({ code, stdout, stderr }, { code: 0, stdout: "cba", stderr: "" });
});

test.each([
  ["Node's types and no DOM", { lib: ["es2022", "esnext.disposable"], types: ["node"] }],
  ["the DOM and no Node", { lib: ["es2022", "esnext.disposable", "dom"], types: [] }],
])("the installed package's types compile with %s", async (_what, options) => {
  const { folder } = installation;
  const imports = ["edgear", "edgear/server", "edgear/codec"].map(
    (name, index) => `import * as m${index} from "${name}";`,
  );
  await writeFile(path.join(folder, "types.ts"), `${imports.join("\n")}\nexport default [m0, m1, m2];\n`);
  const compilerOptions = {
    ...{ target: "es2022", module: "nodenext", strict: true, noEmit: true, skipLibCheck: false },
    typeRoots: [path.join(root, "node_modules/@types")],
    ...options,
  };
  await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["types.ts"] }));
  const { code, stdout } = await command(process.execPath, [
    path.join(root, "node_modules/typescript/bin/tsc"),
    "-p",
    folder,
  ]);
  assert.equal(code, 0, stdout);
});
