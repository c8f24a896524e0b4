import { existsSync } from "node:fs";
import { copyFile, cp, mkdir, mkdtemp, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { inject } from "vitest";
import { findNode20 } from "../../scripts/programs.mjs";
import { command } from "../support/command.ts";

/** This checkout. */
export const root = fileURLToPath(new URL("../..", import.meta.url));

/** A program that runs JavaScript. */
export interface Runtime {
  readonly name: string;
  readonly program: string;
  readonly args: readonly string[];
  /** How it names itself. */
  readonly said: RegExp;
}

/** The oldest Node that is supported: `undefined` when there is none here, which fails a test (installed.test.ts). */
export const node20 = findNode20();

/** Every runtime with sockets of its own. */
export const runtimes: readonly Runtime[] = [
  ...(node20 === undefined ? [] : [{ name: "Node 20", program: node20, args: [], said: /^Node 20\.\d/ }]),
  { name: "this Node", program: process.execPath, args: [], said: /^Node 2[4-9]\.\d/ },
  {
    name: "Deno",
    program: path.join(root, "node_modules/.bin/deno"),
    args: ["run", "--no-lock", "--node-modules-dir=manual", "--allow-net=127.0.0.1", "--allow-env", "--allow-read"],
    said: /^Deno \d+\./,
  },
  { name: "Bun", program: path.join(root, "node_modules/.bin/bun"), args: ["run"], said: /^Bun \d+\./ },
];

/** A folder in which the package is installed, as npm packs it, and nothing else. */
export interface Installation extends AsyncDisposable {
  readonly folder: string;
}

/** A folder of one's own with the package installed in it, and with two programs: `submit.mjs` and `cases.mjs`. */
export async function install(): Promise<Installation> {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-installed-"));
  const installation = { folder, [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) };
  try {
    await cp(await installed(), folder, { recursive: true, verbatimSymlinks: true });
    return installation;
  } catch (error) {
    await installation[Symbol.asyncDispose]();
    throw error;
  }
}

/** Installs it once a run, as that takes long: whoever comes first does, and the others wait. */
async function installed(): Promise<string> {
  const all = inject("installed");
  const [begun = "", making = "", made = "", failed = ""] = ["begun", "making", "made", "failed"].map((name) =>
    path.join(all, name),
  );
  const first = await mkdir(begun).then(
    () => true,
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
      return false;
    },
  );
  if (first) {
    try {
      await mkdir(making);
      await installTo(making);
      await rename(making, made);
    } catch (error) {
      // The others read it as soon as it is there: it comes whole.
      await writeFile(`${failed}.part`, (error instanceof Error && error.stack) || String(error));
      await rename(`${failed}.part`, failed);
    }
  }
  while (!existsSync(made)) {
    if (existsSync(failed)) throw new Error(await readFile(failed, "utf8"));
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return made;
}

async function installTo(folder: string): Promise<void> {
  // What it depends on comes from here, too: nothing is to be downloaded.
  const { packages } = JSON.parse(await readFile(path.join(root, "package-lock.json"), "utf8"));
  const needed = Object.keys(packages).filter((place) => place !== "" && !packages[place].dev);
  const tarballs = await pack(["./", ...needed.map((place) => `./${place}`)], folder);
  await writeFile(path.join(folder, "package.json"), JSON.stringify({ private: true, type: "module" }));
  await npm(["install", "--offline", "--no-audit", "--no-fund", ...tarballs], folder);
  await copyFile(path.join(root, "test/runtimes/submit.mjs"), path.join(folder, "submit.mjs"));
  await build({
    entryPoints: [path.join(root, "test/runtimes/run-cases.ts")],
    outfile: path.join(folder, "cases.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    // Node 20 doesn't know `await using` yet.
    target: "node20",
    external: ["edgear", "edgear/*"],
    logLevel: "silent",
  });
}

/** Packs packages of this checkout, or this checkout. @returns the tarballs, relative to the folder they are in */
async function pack(what: readonly string[], folder: string): Promise<string[]> {
  const packed = await npm(["pack", "--ignore-scripts", "--json", "--pack-destination", folder, ...what], root);
  return Object.values(JSON.parse(packed) as Record<string, { filename: string }>).map(
    ({ filename }) => `./${path.basename(filename)}`,
  );
}

async function npm(args: readonly string[], cwd: string): Promise<string> {
  const { code, stdout, stderr } = await command("npm", args, { cwd, timeout: 60_000 });
  if (code !== 0) throw new Error(`npm ${args.join(" ")} failed:\n${stdout}${stderr}`);
  return stdout;
}
