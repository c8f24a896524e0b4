/** Memory: of an idle connection, and of a job in flight beyond its payload. */
import path from "node:path";
import { command } from "../../test/support/command.ts";
import { BENCH } from "../lib/compile.mjs";
import { flags } from "../lib/driver.mjs";
import { median } from "../lib/results.mjs";
import { startServer } from "../lib/server.mjs";
import { markdown } from "../lib/table.mjs";

/** @typedef {{ what: string, count: number, client: string, rss: number, heap: number }} Memory bytes each */

const CASES = [
  { what: "idle connection", job: "idle", counts: [10, 100, 1_000] },
  { what: "job in flight", job: "flight", counts: [1_000, 10_000, 100_000] },
];
const WAYS = [
  { client: "edgear", way: "" },
  { client: "plain JS", way: "plain" },
];

/**
 * @param {import("../run.mjs").PartOptions} options
 * @returns {Promise<Memory[]>}
 */
export async function measure({ rounds, log }) {
  /** @type {Memory[]} */
  const results = [];
  for (const { what, job, counts } of CASES) {
    for (const count of counts) {
      for (const { client, way } of WAYS) {
        const seen = [];
        for (let round = 0; round < rounds; round++) seen.push(await once(job, count, way));
        const rss = median(seen.map((each) => each.rss));
        const heap = median(seen.map((each) => each.heap));
        log(`memory, ${count} × ${what}, ${client}: ${Math.round(heap)} B (rss ${Math.round(rss)} B)`);
        results.push({ what, count, client, rss, heap });
      }
    }
  }
  return results;
}

/**
 * @param {string} job
 * @param {number} count
 * @param {string} way
 * @returns {Promise<{ rss: number, heap: number }>}
 */
async function once(job, count, way) {
  await using server = await startServer();
  const driver = path.join(BENCH, "drivers/memory.mjs");
  const given = flags({ port: server.port, jobs: count, size: 16, way });
  const { code, stdout, stderr } = await command(process.execPath, ["--expose-gc", driver, job, ...given]);
  if (code !== 0) throw new Error(`memory.mjs failed:\n${stderr}`);
  return JSON.parse(stdout);
}

export const title = "Memory";

/** @param {Memory[]} results */
export const table = (results) =>
  markdown(
    ["what", "how many", "client", "alive, each", "of the process, each"],
    results.map(({ what, count, client, rss, heap }) => [what, String(count), client, size(heap), size(rss)]),
  );

const size = (/** @type {number} */ bytes) =>
  bytes < 10_000 ? `${Math.round(bytes)} B` : `${(bytes / 1_000).toFixed(0)} kB`;
