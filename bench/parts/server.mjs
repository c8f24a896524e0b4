/** The embedded server, however long its queue is. */
import path from "node:path";
import { command } from "../../test/support/command.ts";
import { BENCH } from "../lib/compile.mjs";
import { median } from "../lib/results.mjs";
import { markdown } from "../lib/table.mjs";

/** @typedef {{ depth: number, submit: number, work: number, memory: number }} Depth microseconds a job, and megabytes */

const DEPTHS = [1_000, 10_000, 100_000, 1_000_000];
const LIMIT = 120_000;

/**
 * @param {import("../run.mjs").PartOptions} options
 * @returns {Promise<Depth[]>}
 */
export async function measure({ rounds, log }) {
  const results = [];
  for (const depth of DEPTHS) {
    /** @type {Depth[]} */
    const seen = [];
    for (let round = 0; round < rounds; round++) seen.push(await once(depth));
    const of = (/** @type {keyof Depth} */ what) => median(seen.map((each) => each[what]));
    results.push({ depth, submit: of("submit"), work: of("work"), memory: of("memory") });
    log(`server, ${depth} queued: a submit ${of("submit")} us, a job worked off ${of("work")} us`);
  }
  return results;
}

/**
 * @param {number} depth
 * @returns {Promise<Depth>}
 */
async function once(depth) {
  const args = [path.join(BENCH, "drivers/server.mjs"), String(depth)];
  const { code, stdout, stderr } = await command(process.execPath, args, { timeout: LIMIT });
  if (code !== 0) throw new Error(`server.mjs failed:\n${stderr}`);
  return JSON.parse(stdout);
}

export const title = "The embedded server";

/** @param {Depth[]} results */
export const table = (results) =>
  markdown(
    ["queued", "a submit, µs", "a job worked off, µs", "memory, MB"],
    results.map(({ depth, submit, work, memory }) => [
      String(depth),
      submit.toFixed(1),
      work.toFixed(1),
      String(memory),
    ]),
  );
