/**
 * Cloudflare Workers, in workerd on this machine: what a job costs that is submitted by a client of the request's own, by
 * a hub, and through the HTTP door, beside a Worker that only opens a socket; against a gearmand here, and one that is
 * so many milliseconds away.
 */

import { deploy } from "../../test/support/deployed.ts";
import { longLine } from "../../test/support/slow-line.ts";
import { TOKEN } from "../../test/support/tokens.ts";
import { load } from "../edge/load.mjs";
import { start } from "../edge/start.mjs";
import { median } from "../lib/results.mjs";
import { startServer } from "../lib/server.mjs";
import { markdown } from "../lib/table.mjs";

/**
 * @typedef {import("../edge/load.mjs").Load & { way: string, distance: number, concurrency: number }} EdgeLoad
 * @typedef {{ start: string, milliseconds: number }} EdgeStart
 */

const SECONDS = 2;
const WARM = 0.5;
const SCRIPT = "bench/edge/worker.js";
/** Starts are short, and vary: so many more than rounds. */
const STARTS = 3;

/** @type {Record<string, { path: string, distances: number[], concurrencies: number[], door?: boolean }>} */
const WAYS = {
  "no job": { path: "/", distances: [0, 20], concurrencies: [1, 50] },
  "a socket: connect, echo, close": { path: "/socket", distances: [0], concurrencies: [1, 50] },
  "a client of the request's own": { path: "/client", distances: [0, 20], concurrencies: [1, 50] },
  "the HTTP door": { path: "/jobs/bench", distances: [0], concurrencies: [1, 50], door: true },
  "a hub": { path: "/hub", distances: [0, 20], concurrencies: [1, 50] },
  "1,000 jobs, a socket": { path: "/many-socket", distances: [0], concurrencies: [1] },
  "1,000 jobs, a client": { path: "/many", distances: [0], concurrencies: [1] },
};

/**
 * @param {import("../run.mjs").PartOptions} options
 * @returns {Promise<(EdgeLoad | EdgeStart)[]>}
 */
export async function measure({ rounds, log }) {
  /** @type {(EdgeLoad | EdgeStart)[]} */
  const results = [];
  for (const distance of [0, 20]) {
    await using gearmand = await startServer();
    await using line = distance ? await longLine(gearmand.port, distance / 2) : undefined;
    const vars = { GEARMAN_SERVERS: line?.address ?? `127.0.0.1:${gearmand.port}` };
    await using worker = await deploy(vars, { script: SCRIPT, objects: { GEARMAN_HUB: "GearmanHub" } });
    await using door = await deploy(vars);
    for (const concurrency of [1, 50]) {
      const ways = Object.entries(WAYS).filter(
        ([, way]) => way.distances.includes(distance) && way.concurrencies.includes(concurrency),
      );
      /** @type {Map<string, import("../edge/load.mjs").Load[]>} */
      const loads = new Map(ways.map(([way]) => [way, []]));
      for (let round = 0; round < rounds; round++) {
        for (const [way, { path, door: byDoor }] of ways) {
          const url = `${byDoor ? door.origin : worker.origin}${path}`;
          const what = byDoor
            ? { method: "POST", headers: { authorization: `Bearer ${TOKEN}` }, body: "workload" }
            : {};
          if (round === 0) await load(url, { concurrency, seconds: WARM, ...what });
          loads.get(way)?.push(await load(url, { concurrency, seconds: SECONDS, ...what }));
        }
      }
      for (const [way, seen] of loads) {
        const result = { way, distance, concurrency, ...summary(seen) };
        results.push(result);
        log(`edge, ${distance} ms away, ${concurrency} at a time, ${way}: ${result.rate.toFixed(0)} requests/s`);
      }
    }
  }
  results.push({ start: "a client and a hub", milliseconds: await start(SCRIPT, rounds * STARTS) });
  results.push({ start: "the HTTP door", milliseconds: await start(undefined, rounds * STARTS) });
  return results;
}

/** @param {import("../edge/load.mjs").Load[]} loads */
function summary(loads) {
  const of = (/** @type {"rate" | "median" | "late"} */ what) => median(loads.map((each) => each[what]));
  const cpus = loads.flatMap(({ cpu }) => (cpu === undefined ? [] : [cpu]));
  return { rate: of("rate"), median: of("median"), late: of("late"), cpu: cpus.length > 0 ? median(cpus) : undefined };
}

export const title = "Cloudflare Workers, in workerd";

/** @param {(EdgeLoad | EdgeStart)[]} results */
export function table(results) {
  const loads = results.flatMap((result) => ("way" in result ? [result] : []));
  const starts = results.flatMap((result) => ("start" in result ? [result] : []));
  const idle = (/** @type {EdgeLoad} */ { distance, concurrency }) =>
    loads.find((each) => each.way === "no job" && each.distance === distance && each.concurrency === concurrency)?.cpu;
  const rows = loads.map((each) => [
    each.way,
    each.distance ? `${each.distance} ms away` : "here",
    String(each.concurrency),
    each.rate.toFixed(0),
    each.median.toFixed(2),
    each.late.toFixed(1),
    each.cpu === undefined ? "" : (each.cpu - (idle(each) ?? 0)).toFixed(2),
  ]);
  const header = ["a request", "gearmand", "at a time", "requests/s", "p50 ms", "p99 ms", "added CPU ms"];
  const started = starts.map((each) => [each.start, each.milliseconds.toFixed(1)]);
  return `${markdown(header, rows)}\n\n${markdown(["a Worker with", "starts in, ms"], started)}`;
}
