/**
 * The clients side by side: `npm run bench -- [JOB …] [options]`. Says how with `--help`.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { cpus } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { CLIENTS } from "./lib/clients.mjs";
import { BENCH } from "./lib/compile.mjs";
import { measure } from "./lib/driver.mjs";
import { JOBS } from "./lib/jobs.mjs";
import { summarize } from "./lib/results.mjs";
import { tables } from "./lib/table.mjs";

const HELP = `npm run bench -- [JOB …] [options]

Measures clients side by side, in rounds, each measurement with a gearmand of its own, and prints medians.

Jobs (default: all): ${Object.keys(JOBS).join(", ")}
Options:
  --clients NAMES  comma-separated; default all: ${CLIENTS.map(({ name }) => name).join(", ")}
  --rounds N       default 5
  --sizes BYTES    workload sizes, comma-separated; default: each job's own
  --json FILE      where the figures go; default bench/build/results.json
`;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    clients: { type: "string" },
    rounds: { type: "string", default: "5" },
    sizes: { type: "string" },
    json: { type: "string", default: path.join(BENCH, "build/results.json") },
    help: { type: "boolean", default: false },
  },
});
if (values.help) {
  console.log(HELP);
  process.exit();
}

const jobs = pick(Object.keys(JOBS), positionals);
const names = pick(
  CLIENTS.map(({ name }) => name),
  values.clients?.split(",") ?? [],
);
// Without the limit there are no ratios.
const clients = CLIENTS.filter(({ name }) => name === "raw-c" || names.includes(name));
const rounds = Number(values.rounds);

/** @type {import("./lib/results.mjs").Cell[]} */
const cells = jobs.flatMap((job) =>
  (values.sizes?.split(",").map(Number) ?? JOBS[job]?.sizes ?? []).flatMap((size) =>
    clients.filter(({ speed }) => speed[job]).map((client) => ({ job, size, client: client.name, rounds: [] })),
  ),
);
for (let round = 0; round < rounds; round++) {
  for (const cell of cells) {
    const { job, size, client: name } = cell;
    const client = clients.find((each) => each.name === name);
    const what = JOBS[job];
    if (!client || !what) continue;
    const outcome = await measure(client, { ...what, name: job }, size);
    cell.rounds.push(outcome);
    const said = "failed" in outcome ? outcome.failed : `${Math.round(outcome.ops / outcome.seconds)}/s`;
    console.error(`round ${round + 1}/${rounds}: ${job} ${size} B, ${name}: ${said}`);
  }
}

const limitOf = (/** @type {import("./lib/results.mjs").Cell} */ { job, size }) =>
  cells.find((cell) => cell.client === "raw-c" && cell.job === job && cell.size === size);
const results = cells.map((cell) => summarize(cell, limitOf(cell)));
console.log(tables(results));
const machine = { node: process.version, cpu: cpus()[0]?.model, cores: cpus().length };
await mkdir(path.dirname(values.json), { recursive: true });
await writeFile(values.json, `${JSON.stringify({ machine, rounds, results }, undefined, 2)}\n`);

/**
 * @param {string[]} known
 * @param {string[]} asked
 */
function pick(known, asked) {
  const unknown = asked.filter((name) => !known.includes(name));
  if (unknown.length > 0) {
    console.error(`unknown: ${unknown.join(", ")}; there are ${known.join(", ")}`);
    process.exit(2);
  }
  return asked.length > 0 ? asked : known;
}
