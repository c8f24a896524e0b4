import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeExamples } from "../docs/examples.ts";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { build, runModules } from "../support/deployed.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { startWorker } from "../support/worker.ts";

/** Inside the package, which has itself by its name there. */
let folder: string;
let gearmand: Gearmand;

beforeAll(async () => {
  gearmand = await startGearmand();
  folder = await mkdtemp(path.join(root, "build/docs-"));
  await writeExamples("scheduler.md", folder, gearmand.address);
});

afterAll(async () => {
  await rm(folder, { recursive: true, force: true });
  await gearmand?.stop();
});

test("the Worker of docs/scheduler.md is built by the page's wrangler.toml, and its object submits by itself", {
  timeout: 60_000,
}, async () => {
  const out = path.join(folder, "out");
  await mkdir(out);
  const modules = await build(out, undefined, folder);
  const objects = { GEARMAN_SCHEDULER: "GearmanScheduler" };
  await using worker = await runModules(modules, { GEARMAN_SERVERS: gearmand.address }, { objects });
  const got: string[] = [];
  await using _worker = startWorker(gearmand.address, { remind: (job) => void got.push(job.workload.text()) });
  const response = await worker.fetch("/", { method: "POST", body: "the tea" });
  expect(response.status).toBe(202);
  expect(await response.json()).toMatchObject({ name: "reminder" });
  await expect.poll(() => got, { timeout: 15_000 }).toEqual(["the tea"]);
});

test("it compiles with Cloudflare's types, those of the package checked", { timeout: 60_000 }, async () => {
  const compilerOptions = {
    ...{ target: "es2023", module: "esnext", moduleResolution: "bundler", strict: true, noEmit: true },
    ...{ lib: ["es2023", "esnext.disposable"], types: ["@cloudflare/workers-types"], skipLibCheck: false },
    typeRoots: [path.join(root, "node_modules")],
  };
  await writeFile(path.join(folder, "tsconfig.json"), JSON.stringify({ compilerOptions, files: ["index.ts"] }));
  const tsc = path.join(root, "node_modules/typescript/bin/tsc");
  const { code, stdout } = await command(process.execPath, [tsc, "-p", folder]);
  expect(code, stdout).toBe(0);
});

test("examples/scheduler.ts runs, and says what it should", { timeout: 60_000 }, async () => {
  const { code, stdout, stderr } = await command(process.execPath, [path.join(root, "examples/scheduler.ts")], {
    cwd: root,
    timeout: 30_000,
  });
  expect(code, stderr).toBe(0);
  expect(stdout).toMatch(/^never is planned\npayday is planned, .*\nstretch is planned, .*\ntea is planned\n/);
  expect(stdout).toMatch(/^tea was submitted, \d+ ms after its time$/m);
  expect(stdout).toMatch(/^ {2}the worker got tea: it has drawn$/m);
  expect(stdout.match(/the worker got stretch/g)?.length).toBeGreaterThan(1);
  expect(stdout).toMatch(/^payday comes again: true$/m);
});
