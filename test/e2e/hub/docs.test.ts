import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeExamples } from "../../docs/examples.ts";
import { type Installation, install, root } from "../../runtimes/installed.ts";
import { command } from "../../support/command.ts";
import { build, runModules } from "../../support/deployed.ts";
import { type Gearmand, startGearmand } from "../../support/gearmand.ts";
import { textLines } from "../../support/text-command.ts";

let installation: Installation;
let gearmand: Gearmand;

beforeAll(async () => {
  gearmand = await startGearmand();
  installation = await install();
  await writeExamples("cloudflare-hub.md", installation.folder, gearmand.address);
}, 120_000);

afterAll(async () => {
  await installation?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

test("the page's Worker is built by the page's wrangler.toml, and submits", { timeout: 60_000 }, async () => {
  const out = path.join(installation.folder, "out");
  await mkdir(out);
  const modules = await build(out, undefined, installation.folder);
  const vars = { GEARMAN_SERVERS: gearmand.address };
  await using worker = await runModules(modules, vars, { objects: { GEARMAN_HUB: "GearmanHub" } });
  const response = await worker.fetch("/", { method: "POST", body: "picture" });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ handle: expect.stringMatching(/^H:/), server: gearmand.address });
  expect(await textLines(gearmand.port, "status")).toEqual(["resize\t1\t0\t0"]);
});

test("the page's Worker compiles with Cloudflare's types, those of the package checked", async () => {
  const compilerOptions = {
    ...{ target: "es2023", module: "esnext", moduleResolution: "bundler", strict: true, noEmit: true },
    ...{ lib: ["es2023", "esnext.disposable"], types: ["@cloudflare/workers-types"], skipLibCheck: false },
    typeRoots: [path.join(root, "node_modules")],
  };
  const { folder } = installation;
  await writeFile(
    path.join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["index.ts", "spreading.ts"] }),
  );
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const { code, stdout } = await command(process.execPath, [tsc, "-p", folder]);
  expect(code, stdout).toBe(0);
});
