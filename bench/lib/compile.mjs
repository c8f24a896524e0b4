/** Programs in C, compiled when they have changed. */
import { existsSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { findProgram } from "../../scripts/programs.mjs";
import { command } from "../../test/support/command.ts";

export const BENCH = fileURLToPath(new URL("..", import.meta.url));
const OUT = path.join(BENCH, "build");

/**
 * @param {string} source within bench/
 * @param {string[]} libraries what to link with, e.g. `-lgearman`
 * @returns {Promise<string>} the program
 * @throws when there is no C compiler, or it refuses
 */
export async function compiled(source, libraries = []) {
  const from = path.join(BENCH, source);
  const program = path.join(OUT, path.basename(source, ".c"));
  if (existsSync(program) && (await stat(program)).mtimeMs > (await stat(from)).mtimeMs) return program;
  const cc = process.env.CC ?? findProgram("cc");
  if (!cc) throw new Error("there is no C compiler: install cc, or name one in CC");
  await mkdir(OUT, { recursive: true });
  const flags = [...(process.env.CFLAGS ?? "").split(" ").filter(Boolean), "-O2", "-o", program];
  const { code, stderr } = await command(cc, [...flags, from, ...libraries]);
  if (code !== 0) {
    const why = /error:? .*/.exec(stderr)?.[0] ?? stderr.trim().split("\n", 1)[0];
    throw new Error(`${path.basename(source)} could not be compiled: ${why}`);
  }
  return program;
}
