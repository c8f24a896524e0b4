import { spawnSync } from "node:child_process";
import { appendFileSync, readFileSync } from "node:fs";
import { findGearmand } from "../programs.mjs";

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
  return { edgear: version(), node: process.versions.node, ...(gearmand && { gearmand }), system };
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
