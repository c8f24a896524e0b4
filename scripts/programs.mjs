/**
 * Where the programs are that the tests talk to: job servers, their command line tools, databases, and other Nodes.
 */

import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";

/** Where packages put programs, beside what PATH says: a user's PATH often has no sbin. */
const FOLDERS = [
  "/usr/sbin",
  "/usr/local/sbin",
  "/opt/homebrew/sbin",
  "/usr/bin",
  "/usr/local/bin",
  "/opt/homebrew/bin",
];

/**
 * All programs of a name.
 * @param {string} name
 * @returns {string[]}
 */
function programs(name) {
  const folders = new Set([...(process.env.PATH ?? "").split(path.delimiter), ...FOLDERS]);
  return [...folders].map((folder) => path.join(folder, name)).filter((file) => existsSync(file));
}

/**
 * A program, by its name.
 * @param {string} name
 * @returns {string | undefined}
 */
export function findProgram(name) {
  return programs(name)[0];
}

/**
 * The job server. Perl has one of the same name (Debian: /usr/bin/gearmand), which is another program with another protocol.
 * @returns {string | undefined}
 */
export function findGearmand() {
  return programs("gearmand").find((file) => {
    const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8", timeout: 10_000 });
    return /^\s*gearmand \d/.test(stdout ?? "");
  });
}

/**
 * Perl's job server of the same name.
 * @returns {string | undefined}
 */
export function findPerlGearmand() {
  return programs("gearmand").find((file) => readFileSync(file, "latin1").slice(0, 100).includes("perl"));
}

/**
 * The folder of PostgreSQL's programs. Debian keeps them beside each other by version, and off the PATH.
 * @returns {string | undefined}
 */
export function findPostgres() {
  const debian = "/usr/lib/postgresql";
  const versions = existsSync(debian) ? readdirSync(debian).sort((a, b) => Number(b) - Number(a)) : [];
  const folders = [
    ...versions.map((version) => path.join(debian, version, "bin")),
    ...programs("postgres").map(path.dirname),
  ];
  return folders.find((folder) => existsSync(path.join(folder, "initdb")));
}

/**
 * Whether a program ends well, e.g. one that loads a library to see that it is there.
 * @param {string} name
 * @param {string[]} args
 * @returns {boolean}
 */
export function succeeds(name, args) {
  const program = findProgram(name);
  return program !== undefined && spawnSync(program, args, { stdio: "ignore", timeout: 10_000 }).status === 0;
}

/**
 * The Node that npm runs on, and not the one that is installed here as a development dependency.
 * @returns {string}
 */
export function findSystemNode() {
  const node = programs("node").find((file) => !file.includes("node_modules"));
  if (!node) throw new Error("there is no node on the PATH but the one in node_modules");
  return node;
}

/**
 * A Node 20, the oldest that is supported: on the PATH, or where packages put it.
 * @returns {string | undefined}
 */
export function findNode20() {
  return programs("node").find((file) => {
    const { stdout } = spawnSync(file, ["--version"], { encoding: "utf8", timeout: 10_000 });
    return stdout?.startsWith("v20.");
  });
}
