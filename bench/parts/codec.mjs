/** Both codecs in one process, as ratios; each time in a process of its own, as engines settle differently. */
import path from "node:path";
import { command } from "../../test/support/command.ts";
import { BENCH } from "../lib/compile.mjs";
import { median } from "../lib/results.mjs";
import { markdown } from "../lib/table.mjs";

/** @typedef {{ name: string, ratio: number }} CodecResult */

/**
 * @param {import("../run.mjs").PartOptions} options
 * @returns {Promise<CodecResult[]>}
 */
export async function measure({ rounds }) {
  /** @type {Record<string, number>[]} */
  const all = [];
  for (let round = 0; round < rounds; round++) {
    const { code, stdout, stderr } = await command(process.execPath, [path.join(BENCH, "codec-ratio.mjs")]);
    if (code !== 0) throw new Error(`codec-ratio.mjs failed:\n${stderr}`);
    all.push(JSON.parse(stdout));
  }
  return Object.keys(all[0] ?? {}).map((name) => ({ name, ratio: median(all.map((ratios) => ratios[name] ?? 0)) }));
}

export const title = "Codec, in one process";

/** @param {CodecResult[]} results */
export const table = (results) =>
  markdown(
    ["case", "× plain JS"],
    results.map(({ name, ratio }) => [name, ratio.toFixed(1)]),
  );
