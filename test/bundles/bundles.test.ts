import { copyFile, mkdir, readFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { type Installation, install, root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { runModules } from "../support/deployed.ts";
import { bundle, bundlers, type Target } from "./bundlers.ts";

const [{ address } = { address: "" }] = inject("servers");
const ANSWER = { server: address, state: "queued" };

let installation: Installation;

beforeAll(async () => {
  installation = await install();
  for (const app of ["node-app.mjs", "workerd-app.mjs"])
    await copyFile(path.join(root, "test/bundles", app), path.join(installation.folder, app));
}, 120_000);

afterAll(() => installation?.[Symbol.asyncDispose]());

/** Bundles an app with the installed package, into a folder that has nothing else. */
async function bundled(name: string, target: Target): Promise<string> {
  const { folder } = installation;
  const out = path.join(folder, `${name}-${target}`);
  await mkdir(out);
  const codec = path.join(folder, "node_modules/edgear/build/codec.wasm");
  return bundle(name, { entry: path.join(folder, `${target}-app.mjs`), out, target }, codec);
}

describe.each(Object.keys(bundlers))("a program that %s has bundled", (name) => {
  test("runs on Node, with nothing beside it", { timeout: 60_000 }, async () => {
    const file = await bundled(name, "node");
    expect(await readFile(file, "utf8")).not.toMatch(/from\s*"edgear/);
    const { code, stdout, stderr } = await command(process.execPath, [file, address], { cwd: path.dirname(file) });
    expect(code, stderr).toBe(0);
    expect(JSON.parse(stdout)).toEqual(ANSWER);
  });

  test("runs in workerd, with the codec beside it", { timeout: 60_000 }, async () => {
    const file = await bundled(name, "workerd");
    const codec = new Uint8Array(await readFile(path.join(path.dirname(file), "codec.wasm")));
    await using worker = await runModules(
      {
        main: "bundle.mjs",
        all: {
          "bundle.mjs": { type: "esm", contents: await readFile(file, "utf8") },
          "codec.wasm": { type: "wasm", contents: codec },
        },
      },
      { GEARMAN_SERVERS: address },
      { objects: { GEARMAN_HUB: "GearmanHub" } },
    );
    expect(await (await worker.fetch("/")).json()).toEqual(ANSWER);
  });
});
