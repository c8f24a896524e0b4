/**
 * Builds everything under build/: the codec (assembly/ → codec.wasm, with codec.wat to read), its inlined twin for
 * runtimes that take no .wasm import, and the library (src/ → build/src, build/assembly).
 */

import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import asc from "assemblyscript/asc";

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
process.chdir(root);

/** The most memory that an instance may be given, in pages of 64 KiB. The library gives it a fixed amount (src/platform). */
const MAXIMUM_PAGES = 1024;

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
console.log(`built the codec (${wasm.length} bytes) and the library`);
