/**
 * What a job costs that a Cloudflare Worker submits: by a client of the request's own, and by a hub. In workerd on this
 * machine, against a gearmand here, and one that is so many milliseconds away. Run `node bench/edge.mjs`.
 */
import { Agent, request } from "node:http";
import { deploy } from "../test/support/deployed.ts";
import { startGearmand } from "../test/support/gearmand.ts";
import { longLine } from "../test/support/slow-line.ts";

const SECONDS = 4;
const WAYS = ["nothing", "client", "hub"];

for (const distance of [0, 20]) {
  await using gearmand = await startGearmand();
  await using line = distance ? await longLine(gearmand.port, distance / 2) : undefined;
  await using worker = await deploy({ GEARMAN_SERVERS: line?.address ?? gearmand.address }, "bench/edge/worker.js", {
    GEARMAN_HUB: "GearmanHub",
  });
  for (const concurrency of [1, 50]) {
    for (const way of WAYS) {
      await load(worker.origin, way, concurrency, 0.5);
      const { rate, median, late } = await load(worker.origin, way, concurrency, SECONDS);
      console.log(
        `gearmand ${distance} ms away, ${concurrency} at a time, ${way}: ${rate.toFixed(0)} requests a second, ` +
          `${median.toFixed(2)} ms each (median), ${late.toFixed(1)} ms (99 of 100)`,
      );
    }
  }
}

/**
 * Sends requests for some seconds, so many at a time, each over a connection that is kept.
 * @param {string} origin
 * @param {string} way
 * @param {number} concurrency
 * @param {number} seconds
 */
async function load(origin, way, concurrency, seconds) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  /** @type {number[]} */
  const times = [];
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < end) {
        const sent = performance.now();
        await get(`${origin}/${way}`, agent);
        times.push(performance.now() - sent);
      }
    }),
  );
  const took = performance.now() - begin;
  agent.destroy();
  times.sort((one, other) => one - other);
  const at = (/** @type {number} */ part) => times[Math.floor(times.length * part)] ?? Number.NaN;
  return { rate: (times.length * 1_000) / took, median: at(0.5), late: at(0.99) };
}

/**
 * @param {string} url
 * @param {Agent} agent
 */
function get(url, agent) {
  return /** @type {Promise<void>} */ (
    new Promise((resolve, reject) => {
      request(url, { agent }, (response) => {
        response.resume();
        response.once("end", () => {
          if (response.statusCode === 200) resolve();
          else reject(new Error(`${url} answered ${response.statusCode}`));
        });
      })
        .on("error", reject)
        .end();
    })
  );
}
