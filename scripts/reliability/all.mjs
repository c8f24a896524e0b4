/**
 * All campaigns, for so many minutes by the clock, and the report of them:
 *
 *     npm run reliability -- all --minutes 60 [--processes 2] [--fresh]
 *
 * Each has its share of the time, and a goal with which it is over before. What lines of this very code are there already
 * counts: a run that was broken off is carried on by the same command. `--fresh` drops the lines of other code first.
 * Ends with 1 when something failed.
 */

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { setPriority, tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { FOLDER } from "./data.mjs";
import { commit, isOfThisCode } from "./lines.mjs";
import report from "./report.mjs";

const ROOT = fileURLToPath(new URL("../..", import.meta.url));
const RELIABILITY = path.join(ROOT, "scripts/reliability.mjs");
const FUZZ = path.join(ROOT, "scripts/fuzz.mjs");
const FILES = ["model", "fuzz", "soak", "cases", "removals"];

/** Minutes of one process at most, so that little is lost when all is broken off; less isn't worth a start. */
const PIECE = 5;
const LEAST = 0.2;

/** Minutes by which a process may be late before it is ended: it hangs. */
const LATE = 5;

/** Minutes that the tests and the removals take, on a machine that does nothing else. */
const TESTS = 8;

/** The tests that the report counts. */
const CASES = ["test/faults", "test/hostile", "test/load", "test/servers"];

/** @typedef {import("./data.mjs").Line} Line */

/**
 * @typedef {object} Campaign
 * @property {string} name
 * @property {string} file the one of docs/reliability that it writes to
 * @property {number} share of all the time
 * @property {number} goal
 * @property {boolean} [whole] whether it can't be done in pieces
 * @property {(line: Line) => boolean} own which lines are its own
 * @property {(line: Line) => number} done how much a line says was done
 * @property {(left: number, minutes: number) => string[]} command
 */

/** @param {string} server @returns {Campaign} */
const model = (server) => ({
  name: `model, ${server}`,
  file: "model",
  share: 0.12,
  goal: 334_000,
  own: (line) => line.suite === "model" && line.server === server && line.summary === true,
  done: (line) => (line.outcome === "passed" ? line.total : 0),
  command: (left, minutes) => [
    RELIABILITY,
    "model",
    `--server=${server}`,
    `--operations=${left}`,
    `--minutes=${minutes}`,
  ],
});

/** @param {string} target @param {number} share @param {number} goal @returns {Campaign} */
const fuzz = (target, share, goal) => ({
  name: `fuzz, ${target}`,
  file: "fuzz",
  share,
  goal,
  own: (line) => line.suite === "fuzz" && line.target === target,
  done: (line) => line.inputs,
  command: (left, minutes) => [FUZZ, `--target=${target}`, `--inputs=${left}`, `--seconds=${Math.round(minutes * 60)}`],
});

/** @type {Campaign[]} */
const CAMPAIGNS = [
  {
    name: "soak",
    file: "soak",
    share: 0.16,
    goal: 10_000_000,
    whole: true,
    own: (line) => line.suite === "soak" && line.summary === true,
    done: () => Number.POSITIVE_INFINITY,
    command: (left, minutes) => [RELIABILITY, "soak", `--jobs=${left}`, `--minutes=${minutes}`],
  },
  fuzz("decoder", 0.28, 10_000_000),
  ...["gearmand", "gearmand-sqlite", "JobServer"].map(model),
  fuzz("server", 0.1, 200_000),
  fuzz("door", 0.1, 30_000),
];

/** @param {string} name @returns {Line[]} */
function linesOf(name) {
  const file = path.join(FOLDER, `${name}.jsonl`);
  if (!existsSync(file)) return [];
  return readFileSync(file, "utf8")
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line));
}

/** Drops what is of other code, and samples of soaks that are. */
function drop() {
  for (const name of FILES) {
    const all = linesOf(name);
    const runs = new Set(all.filter((line) => line.summary && isOfThisCode(line)).map(({ run }) => run));
    const kept = all.filter((line) =>
      line.summary ? isOfThisCode(line) : line.run !== undefined && runs.has(line.run),
    );
    writeFileSync(path.join(FOLDER, `${name}.jsonl`), kept.map((line) => `${JSON.stringify(line)}\n`).join(""));
  }
}

/**
 * @param {string[]} args of node
 * @param {number} minutes
 * @returns {Promise<boolean>} whether it went well
 */
async function run(args, minutes) {
  const child = spawn(process.execPath, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
  const timer = setTimeout(
    () => {
      console.error(`${args.join(" ")} hangs, and is ended`);
      child.kill("SIGKILL");
    },
    (minutes + LATE) * 60_000,
  );
  const [code] = await once(child, "exit");
  clearTimeout(timer);
  return code === 0;
}

/** @param {string[]} args */
export default async function all(args) {
  const { values } = parseArgs({
    args,
    options: {
      minutes: { type: "string", default: "60" },
      processes: { type: "string", default: "2" },
      fresh: { type: "boolean", default: false },
    },
  });
  const { commit: here, dirty } = commit();
  if (!here || dirty)
    throw new Error("the report says of which commit its runs are: commit what you have changed first");
  setPriority(19);
  if (values.fresh) drop();
  const begin = performance.now();
  const processes = Number(values.processes);
  const minutes = Math.max(1, Number(values.minutes) - TESTS);
  const failed = new Set();
  const running = new Set();

  /** What is left of a campaign. @param {Campaign} campaign */
  const left = (campaign) => {
    const own = linesOf(campaign.file).filter((line) => campaign.own(line) && isOfThisCode(line));
    const spent = own.reduce((sum, { seconds = 0 }) => sum + seconds / 60, 0);
    return {
      amount: campaign.goal - own.reduce((sum, line) => sum + campaign.done(line), 0),
      minutes: campaign.share * minutes * processes - spent,
    };
  };

  const lane = async () => {
    for (;;) {
      const [next] = CAMPAIGNS.filter((campaign) => !running.has(campaign) && !failed.has(campaign))
        .map((campaign) => ({ campaign, ...left(campaign) }))
        .filter(({ amount, minutes }) => amount > 0 && minutes > LEAST)
        .sort(
          (one, other) =>
            Number(other.campaign.whole ?? 0) - Number(one.campaign.whole ?? 0) || other.minutes - one.minutes,
        );
      if (!next) return;
      const { campaign, amount } = next;
      running.add(campaign);
      const piece = campaign.whole ? next.minutes : Math.min(PIECE, next.minutes);
      const words = campaign.command(amount, Math.round(piece * 100) / 100);
      console.log(`${new Date().toTimeString().slice(0, 8)} ${campaign.name}: ${piece.toFixed(1)} minutes`);
      if (!(await run([...words, `--out=${path.join(FOLDER, `${campaign.file}.jsonl`)}`], piece))) failed.add(campaign);
      running.delete(campaign);
    }
  };
  await Promise.all(Array.from({ length: processes }, lane));

  // By themselves: they have short time limits.
  const names = [...failed].map(({ name }) => name);
  if (!linesOf("cases").some(isOfThisCode) && !(await tests())) names.push("tests");
  if (!linesOf("removals").some(isOfThisCode)) {
    const file = path.join(FOLDER, "removals.jsonl");
    if (!(await run([RELIABILITY, "removals", `--out=${file}`], TESTS))) names.push("removals");
  }
  await report();
  console.log(
    `${((performance.now() - begin) / 60_000).toFixed(1)} minutes; ${names.length > 0 ? `failed: ${names.join("; ")}` : "all passed"}`,
  );
  if (names.length > 0) process.exitCode = 1;
}

/** Runs the tests that the report counts, and writes down how they went. */
async function tests() {
  const folder = mkdtempSync(path.join(tmpdir(), "edgear-cases-"));
  const file = path.join(folder, "cases.json");
  const vitest = path.join(ROOT, "node_modules/vitest/vitest.mjs");
  const passed = await run([vitest, "run", ...CASES, "--reporter=json", `--outputFile=${file}`], TESTS);
  await run([RELIABILITY, "cases", file, `--out=${path.join(FOLDER, "cases.jsonl")}`], 1);
  rmSync(folder, { recursive: true, force: true });
  return passed;
}
