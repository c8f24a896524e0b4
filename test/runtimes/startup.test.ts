import { mkdtemp, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { command } from "../support/command.ts";
import { root, runtimes } from "./installed.ts";

/*
 * What a program pays for before its first line. Milliseconds are for docs/performance.md: what takes them is counted here.
 */

/** Files that an import may load. Each takes about half a millisecond. */
const MOST_FILES: Record<string, number> = {
  edgear: 7,
  "edgear/server": 5,
  "edgear/codec": 4,
};

/** Modules of Node's own that take as long as the library, and that few programs need. */
const HEAVY = ["tls", "crypto", "internal/process/finalization"];

/** Resolves as Node does, and says what was loaded. On the loader's own thread on Node 20, so that it writes at once. */
const HOOKS = `
  import { writeSync } from "node:fs";
  export async function load(url, context, next) {
    if (url.startsWith("file:")) writeSync(1, url + "\\n");
    return next(url, context);
  }`;

const nodes = runtimes.filter(({ name }) => name.includes("Node"));
let folder: string;

// In the checkout, so that the package is found by its own name.
beforeAll(async () => {
  folder = await mkdtemp(path.join(root, "build/startup-"));
  await writeFile(path.join(folder, "hooks.mjs"), HOOKS);
  await writeFile(
    path.join(folder, "register.mjs"),
    'import { register } from "node:module"; register("./hooks.mjs", import.meta.url);',
  );
});

afterAll(() => rm(folder, { recursive: true, force: true }));

/** Runs a program of one file, and gives the lines of its output. */
async function lines(program: string, args: string[], code: string): Promise<string[]> {
  const file = path.join(folder, `${crypto.randomUUID()}.mjs`);
  await writeFile(file, code);
  const { code: exit, stdout, stderr } = await command(program, [...args, file], { cwd: folder });
  expect(exit, stderr).toBe(0);
  return stdout.trim().split("\n");
}

describe.each(nodes)("$name", ({ program }) => {
  test.each(Object.entries(MOST_FILES))("import of %s loads few files", async (name, most) => {
    const loaded = await lines(program, ["--import", "./register.mjs"], `import * as all from "${name}"; all;`);
    const ours = loaded.filter((url) => url.includes("/build/src/"));
    expect(ours.length, ours.join("\n")).toBeGreaterThan(1);
    expect(ours.length, ours.join("\n")).toBeLessThanOrEqual(most);
  });

  test("what a pool starts for each worker, and for each atomic job, loads none of what the pool itself needs", async () => {
    const child = pathToFileURL(path.join(root, "build/src/pool/child.js")).href;
    const loaded = (code: string) => lines(program, ["--import", "./register.mjs"], code);
    const packages = (urls: string[]) => urls.filter((url) => url.includes("/node_modules/"));
    expect(packages(await loaded(`await import(${JSON.stringify(child)});`))).toEqual([]);
    expect(packages(await loaded('import { defineConfig } from "edgear/config"; defineConfig({});'))).toEqual([]);
    // And this is how it looks when something is.
    expect(packages(await loaded('import { Pool } from "edgear/pool"; Pool;'))).toContainEqual(
      expect.stringContaining("/prom-client/"),
    );
  });

  test("TLS and cryptography are loaded by whoever uses them", async () => {
    const heavy = (what: string) => `
      await import("edgear"); await import("edgear/server");
      ${what}
      const loaded = new Set(process.moduleLoadList.map((name) => name.replace("NativeModule ", "")));
      console.log(JSON.stringify(${JSON.stringify(HEAVY)}.filter((name) => loaded.has(name))));`;
    expect(await lines(program, [], heavy(""))).toEqual(["[]"]);
    // And this is how it looks when one is.
    const dial = `
      const { Client } = await import("edgear");
      await new Client("gearmans://127.0.0.1:1", { reconnect: false }).ping().catch(() => {});`;
    expect(JSON.parse((await lines(program, [], heavy(dial)))[0] ?? "")).toEqual(
      expect.arrayContaining(["tls", "crypto"]),
    );
  });
});
