import assert from "node:assert/strict";
import { realpathSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, inject, test } from "vitest";
import { cases } from "../conformance/cases.ts";
import { command } from "../support/command.ts";
import { type Installation, install, node20, root, runtimes } from "./installed.ts";

/** A program that is configured, in what TypeScript has beyond types. */
const CONFIGURED = {
  "edgear.config.ts": `
    import { defineConfig } from "edgear/config";
    enum Port { local = 4799 }
    export default defineConfig({
      connections: { local: \`127.0.0.1:\${Port.local}\` },
      groups: {
        text: { functions: { low: { handler: "./text.ts", priority: -1, timeout: "3s" }, "conf-reverse": "./text.ts#reverse" } },
      },
    });`,
  "text.ts": `
    import { type Job, JobFailed } from "edgear";
    export const reverse = (job: Job): string => [...job.workload.text()].reverse().join("");
    export default function fail(_job: Job): never { throw new JobFailed(); }
    export const Failed = JobFailed;
    export const five: number = 5;`,
  "broken.ts": `const nothing = null as unknown as { x: number };
export const x: number = nothing.x;`,
  "syntax.ts": "export const x = = 3;",
  "program.mjs": `
    import { Admin, Client, JobFailed, Worker } from "edgear";
    import { loadConfig, loadExport, loadHandler } from "edgear/config";
    const { groups } = await loadConfig();
    const at = (name) => decodeURIComponent(new URL(name, import.meta.url).pathname);
    const failing = [
      loadHandler({ file: at("nowhere.ts"), name: "default" }),
      loadHandler({ file: at("text.ts"), name: "revers" }),
      loadHandler({ file: at("text.ts"), name: "five" }),
      loadHandler({ file: at("broken.ts"), name: "x" }),
      loadHandler({ file: at("syntax.ts"), name: "x" }),
      Client.for("lokal"),
    ];
    const outcomes = await Promise.allSettled(failing);
    const errors = outcomes.map(({ reason }) => String(reason));
    const same = (await loadExport({ file: at("text.ts"), name: "Failed" })) === JobFailed;
    const client = await Client.for();
    const worker = await Worker.for("text");
    const running = worker.run();
    const result = (await client.run("conf-reverse", "abc")).text();
    const failed = await client.run("low").catch((error) => error.code);
    const ping = (await client.ping()) > 0;
    const admin = await Admin.for("default");
    const version = (await admin.version()) !== "";
    await Promise.all([client.close(), worker.close(), running, admin.close()]);
    console.log(JSON.stringify({ loaded: groups.text.functions, errors, same, result, failed, ping, version }));`,
};

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

/** As a Node that reads no TypeScript: 22.17 and older do so without being told. */
const PLAIN_NODE = { name: "a Node that reads no TypeScript", program: process.execPath, args: ["--no-strip-types"] };

test.each([...runtimes, PLAIN_NODE])(
  "a configuration and handlers in TypeScript are read on $name",
  async ({ program, args }) => {
    const cwd = path.join(installation.folder, "configured");
    await mkdir(cwd, { recursive: true });
    for (const [name, content] of Object.entries(CONFIGURED)) await writeFile(path.join(cwd, name), content);
    const env = { EDGEAR_CONNECTION_DEFAULT: inject("servers")[0]?.address ?? "", EDGEAR_ENV: "", NODE_ENV: "" };
    const { code, stdout, stderr } = await command(program, [...args, "program.mjs"], { cwd, env });
    assert.equal(code, 0, stderr);
    const { loaded, errors, ...seen } = JSON.parse(stdout) as { loaded: unknown; errors: string[] };
    assert.deepEqual(seen, { same: true, result: "cba", failed: "JOB_FAILED", ping: true, version: true });
    const file = (name: string) => path.join(realpathSync(cwd), name);
    assert.deepEqual(loaded, {
      low: { file: file("text.ts"), name: "default", timeout: 3_000, priority: -1 },
      "conf-reverse": { file: file("text.ts"), name: "reverse" },
    });
    const words = [
      /^ConfigError: there is no file .*nowhere\.ts, which is to have the export "default"$/,
      /^ConfigError: .*text\.ts has no export "revers" \(did you mean "reverse"\?\); it has Failed, default, five, reverse$/,
      /^ConfigError: the export "five" of .*text\.ts must be a function; it is of type number$/,
      /^ConfigError: .*broken\.ts does not load: TypeError: .*null.* \(at .*broken\.ts:[12]:\d+\)$/,
      /^ConfigError: .*syntax\.ts does not load: .*(unexpected|expected).*/i,
      /^ConfigError: .*edgear\.config\.ts: there is no connection "lokal" \(did you mean "local"\?\); there are: default, local$/,
    ];
    assert.equal(errors.length, words.length);
    for (const [index, pattern] of words.entries()) assert.match(errors[index] ?? "", pattern);
  },
);

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
  const imports = ["edgear", "edgear/server", "edgear/codec", "edgear/config"].map(
    (name, index) => `import * as m${index} from "${name}";`,
  );
  await writeFile(path.join(folder, "types.ts"), `${imports.join("\n")}\nexport default [m0, m1, m2, m3];\n`);
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
