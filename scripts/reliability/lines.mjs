import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { findGearmand } from "../programs.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));

/** @param {string[]} args */
const git = (...args) => spawnSync("git", args, { cwd: ROOT, encoding: "utf8" });

/**
 * Which code it is: the commit, and whether anything was changed since. What runs write is no change.
 * @returns {{ commit?: string; dirty?: true }}
 */
export function commit() {
  const { status, stdout } = git("rev-parse", "--short", "HEAD");
  if (status !== 0) return {};
  const changes = git("status", "--porcelain", "--", ".", ":!docs/reliability", ":!docs/reliability.md").stdout.trim();
  return { commit: stdout.trim(), ...(changes !== "" && { dirty: true }) };
}

/**
 * Whether a line is of the code that is here: nothing that ships, or that tries it, has changed since its commit.
 * @param {Record<string, unknown>} line
 */
export function isOfThisCode(line) {
  const here = commit();
  if (typeof line.commit !== "string" || line.dirty || here.dirty) return false;
  if (line.commit === here.commit) return true;
  return git("diff", "--quiet", line.commit, "HEAD", "--", "src", "assembly", "worker", "test", "scripts").status === 0;
}

/** @returns {string} Edgear's version, as package.json has it */
function version() {
  return JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")).version;
}

/** What was tried with what. */
function versions() {
  const program = findGearmand();
  const said = program ? spawnSync(program, ["--version"], { encoding: "utf8" }).stdout : "";
  const [, gearmand] = /gearmand (\S+)/.exec(said) ?? [];
  const system = `${process.platform} ${process.arch}`;
  return { ...commit(), edgear: version(), node: process.versions.node, ...(gearmand && { gearmand }), system };
}

/**
 * Adds lines of JSON to a file, each with its time; the ones that sum up also say with what it was.
 * @param {string | undefined} file
 * @returns {(line: Record<string, unknown>) => void}
 */
export function writer(file) {
  const known = versions();
  return (line) => {
    const whole = { ...line, ...(line.summary ? known : {}), time: new Date().toISOString() };
    if (file) appendFileSync(file, `${JSON.stringify(whole)}\n`);
  };
}
