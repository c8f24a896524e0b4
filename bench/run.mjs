/**
 * The clients side by side, and what else there is to measure: `npm run bench -- [NAME …] [options]`.
 *
 * @typedef {{ rounds: number, log: (text: string) => void }} PartOptions
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { cpus } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { CLIENTS } from "./lib/clients.mjs";
import { BENCH } from "./lib/compile.mjs";
import { JOBS } from "./lib/jobs.mjs";
import { PARTS } from "./lib/parts.mjs";
import { publish, save, text } from "./lib/report.mjs";
import { sideBySide } from "./lib/rounds.mjs";

const HELP = `npm run bench -- [NAME …] [options]

Measures clients side by side, in rounds, each measurement with a gearmand of its own, and prints medians.

Names
  clients at work: ${Object.keys(JOBS).join(", ")}; all of them: jobs
  and beside them: ${Object.keys(PARTS).join(", ")}
  default: jobs
Options
  --clients NAMES  comma-separated; default: all
                   ${CLIENTS.map(({ name }) => name).join(", ")}
  --rounds N       default 5
  --sizes BYTES    workload sizes, comma-separated; default: each job's own
  --json FILE      where the figures go, beside those that are there; default bench/build/results.json
  --plots          the figures go into docs/performance/, with plots, and into the tables of docs/performance.md
  --render         measures nothing, and makes those anew
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string" },
    rounds: { type: "string", default: "5" },
    sizes: { type: "string" },
    json: { type: "string", default: path.join(BENCH, "build/results.json") },
    plots: { type: "boolean", default: false },
    render: { type: "boolean", default: false },
    help: { type: "boolean", default: false },
  },
});
if (values.help) console.log(HELP);
else if (values.render) await publish();
else await run();

async function run() {
  const all = Object.keys(JOBS);
  const asked = positionals.length > 0 ? positionals : ["jobs"];
  const names = known("name", asked, [...all, ...Object.keys(PARTS), "jobs"]);
  const clients = known(
    "client",
    values.clients?.split(",") ?? [],
    CLIENTS.map(({ name }) => name),
  );
  const rounds = number("rounds", values.rounds);
  const sizes = values.sizes?.split(",").map((size) => number("sizes", size));
  install();

  const options = { rounds, log: (/** @type {string} */ line) => console.error(line) };
  /** @type {Record<string, unknown[]>} */
  const results = {};
  const jobs = all.filter((job) => names.includes(job) || names.includes("jobs"));
  if (jobs.length > 0) results.jobs = await sideBySide(jobs, withLimits(clients), { ...options, sizes });
  for (const [name, part] of Object.entries(PARTS))
    if (names.includes(name)) results[name] = await part.measure(options);

  console.log(text(results));
  const code = `${git("rev-parse", "--short", "HEAD")}${git("status", "--porcelain", "src", "assembly") && ", changed"}`;
  const date = new Date().toISOString().slice(0, 10);
  const machine = { node: process.version, cpu: cpus()[0]?.model ?? "", cores: cpus().length, rounds, code, date };
  if (values.plots) await publish({ machine, results });
  else await save(values.json, { machine, results });
}

/**
 * Those who are named, in the list's order, and what their ratios are to.
 * @param {string[]} names
 */
function withLimits(names) {
  if (names.length === 0) return CLIENTS;
  const limits = CLIENTS.filter(({ name }) => names.includes(name)).map(({ against }) => against);
  return CLIENTS.filter(({ name }) => names.includes(name) || limits.includes(name) || name === "raw-c");
}

/** Of what code the figures are; nothing where it isn't known. */
function git(/** @type {string[]} */ ...args) {
  return spawnSync("git", args, { encoding: "utf8", cwd: path.dirname(BENCH) }).stdout?.trim() ?? "";
}

/** The peers are no part of the library's own packages. */
function install() {
  if (existsSync(path.join(BENCH, "node_modules"))) return;
  console.error("installing the clients to compare with, once");
  const { status } = spawnSync("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
    cwd: BENCH,
    stdio: ["ignore", 2, 2],
  });
  if (status !== 0) stop("npm could not install bench's packages: those clients will be missing", false);
}

/**
 * @param {string} what
 * @param {string[]} asked
 * @param {string[]} there
 */
function known(what, asked, there) {
  const unknown = asked.filter((name) => !there.includes(name));
  if (unknown.length > 0) stop(`there is no ${what} ${unknown.join(", ")}, but ${there.join(", ")}`);
  return asked;
}

/**
 * @param {string} option
 * @param {string} text
 */
function number(option, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 0) stop(`--${option} takes whole numbers, not ${text}`);
  return value;
}

function stop(/** @type {string} */ why, end = true) {
  console.error(why);
  if (end) process.exit(2);
}
