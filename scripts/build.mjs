/**
 * Builds everything under build/: the codec (assembly/ → codec.wasm, with codec.wat to read), its inlined twin for
 * runtimes that take no .wasm import, and the library (src/ → build/src, build/assembly), whose entries are then bundled.
 * With --if-stale, only when something it is made of has changed since.
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";
import { bundleEntries } from "./bundle.mjs";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

/** The most memory that an instance may be given, in pages of 64 KiB. The library gives it a fixed amount (src/platform). */
const MAXIMUM_PAGES = 1024;

/** Written when a build is whole. */
const STAMP = "build/.built";
const INPUTS = ["src", "assembly", "scripts/build.mjs", "scripts/bundle.mjs", "tsconfig.json", "package.json"];

if (process.argv.includes("--if-stale") && newest(INPUTS) <= changed(STAMP)) process.exit();

rmSync("build", { recursive: true, force: true });
mkdirSync("build", { recursive: true });

const { error, stderr } = await asc.main([
  "assembly/index.ts",
  ...["--outFile", "build/codec.wasm", "--textFile", "build/codec.wat"],
  ...["--runtime", "stub", "--enable", "simd,bulk-memory", "-O3", "--noAssert"],
  ...["--importMemory", "--initialMemory", "1", "--maximumMemory", String(MAXIMUM_PAGES)],
]);
if (error) {
  process.stderr.write(stderr.toString());
  process.exit(1);
}

const wasm = readFileSync("build/codec.wasm");
writeFileSync(
  "build/codec.inline.js",
  `// Made by scripts/build.mjs from codec.wasm; not to be edited.\nexport default "${wasm.toString("base64")}";\n`,
);

const tsc = createRequire(import.meta.url).resolve("typescript/package.json");
execFileSync(process.execPath, [path.join(path.dirname(tsc), "bin/tsc"), "-p", "tsconfig.json"], { stdio: "inherit" });
await bundleEntries();
writeFileSync(STAMP, "");
console.log(`built the codec (${wasm.length} bytes) and the library`);

/** When the last of some files, or of the files in some folders, was changed. */
function newest(paths) {
  return Math.max(...paths.flatMap((name) => [changed(name), ...inside(name).map(changed)]));
}

function inside(folder) {
  if (!statSync(folder).isDirectory()) return [];
  return readdirSync(folder, { recursive: true }).map((name) => path.join(folder, name));
}

/** When a file was changed; 0 when there is none. */
function changed(file) {
  return statSync(file, { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
