/**
 * How many times faster Edgear's codec is than the plain JavaScript one, in one process: `node bench/codec-ratio.mjs`.
 * With `--record` the figures become those that test/bench/codec.test.ts holds the codec to.
 */
import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { CASES } from "./codec/sides.mjs";

const BASELINE = fileURLToPath(new URL("codec-baseline.json", import.meta.url));

/** Milliseconds of one run; the two sides take turns. */
const RUN = 3;
/** Turns of each case. */
const TURNS = 40;
/** Milliseconds in which the engine gets to know the code. */
const WARM = 120;
/** A machine that does something else meanwhile makes runs slow, and none fast: so the fast ones count. */
const FAST = 0.2;

/**
 * Plain time by Edgear's, by case: 2 is twice as fast.
 * @returns {Record<string, number>}
 */
function ratios() {
  const entries = Object.entries(CASES);
  for (const [name, { plain, edgear }] of entries) {
    const [one, other] = [plain(), edgear()];
    if (one !== other || one === 0) throw new Error(`${name}: the plain codec gives ${one}, Edgear's ${other}`);
  }
  return Object.fromEntries(entries.map(([name, { plain, edgear }]) => [name, ratio(plain, edgear)]));
}

/**
 * @param {() => number} plain
 * @param {() => number} edgear
 */
function ratio(plain, edgear) {
  time(plain, WARM);
  time(edgear, WARM);
  const plainTimes = [];
  const edgearTimes = [];
  for (let turn = 0; turn < TURNS; turn++) {
    plainTimes.push(time(plain, RUN));
    edgearTimes.push(time(edgear, RUN));
  }
  return fast(plainTimes) / fast(edgearTimes);
}

/**
 * Milliseconds of one call, of as many as fit into so many milliseconds.
 * @param {() => number} once
 * @param {number} limit
 */
function time(once, limit) {
  const begin = performance.now();
  let calls = 0;
  let now = begin;
  while (now - begin < limit) {
    once();
    calls++;
    now = performance.now();
  }
  return (now - begin) / calls;
}

function fast(/** @type {number[]} */ times) {
  times.sort((one, other) => one - other);
  return times[Math.floor(times.length * FAST)] ?? Number.NaN;
}

if (process.argv.includes("--record")) {
  const { measure } = await import("./parts/codec.mjs");
  const results = await measure({ rounds: 5, log: console.error });
  print(Object.fromEntries(results.map(({ name, ratio }) => [name, ratio])), BASELINE);
} else print(ratios());

/**
 * @param {Record<string, number>} measured
 * @param {string} [file]
 */
async function print(measured, file) {
  const rounded = Object.fromEntries(Object.entries(measured).map(([name, value]) => [name, Number(value.toFixed(2))]));
  const json = JSON.stringify(rounded, undefined, 2);
  console.log(json);
  if (file) await writeFile(file, `${json}\n`);
}
