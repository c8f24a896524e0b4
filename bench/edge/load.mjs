/** Loads a Worker with requests, and says what they cost. */
import { readdir, readFile } from "node:fs/promises";
import { Agent, request } from "node:http";

/** What Linux counts CPU time in: hundredths of a second. */
const TICKS = 100;

/** @typedef {{ rate: number, median: number, late: number, cpu: number | undefined }} Load requests a second, milliseconds */

/**
 * Sends requests for some seconds, so many at a time, each over a connection that is kept.
 * @param {string} url
 * @param {{ concurrency: number, seconds: number, method?: string, headers?: Record<string, string>, body?: string }} options
 * @returns {Promise<Load>}
 */
export async function load(url, { concurrency, seconds, ...what }) {
  const agent = new Agent({ keepAlive: true, maxSockets: concurrency });
  /** @type {number[]} */
  const times = [];
  const used = await runtimeCpu();
  const begin = performance.now();
  const end = begin + seconds * 1_000;
  await Promise.all(
    Array.from({ length: concurrency }, async () => {
      while (performance.now() < end) {
        const sent = performance.now();
        await ask(url, { agent, ...what });
        times.push(performance.now() - sent);
      }
    }),
  );
  const took = performance.now() - begin;
  const now = await runtimeCpu();
  agent.destroy();
  times.sort((one, other) => one - other);
  const at = (/** @type {number} */ part) => times[Math.floor(times.length * part)] ?? Number.NaN;
  const cpu = used === undefined || now === undefined ? undefined : (now - used) / times.length;
  return { rate: (times.length * 1_000) / took, median: at(0.5), late: at(0.99), cpu };
}

/**
 * @param {string} url
 * @param {import("node:http").RequestOptions & { body?: string }} options
 * @returns {Promise<void>}
 */
function ask(url, { body, ...options }) {
  return new Promise((resolve, reject) => {
    request(url, options, (response) => {
      response.resume();
      response.once("end", () => {
        if (response.statusCode === undefined || response.statusCode >= 300)
          reject(new Error(`${url} answered ${response.statusCode}`));
        else resolve();
      });
    })
      .on("error", reject)
      .end(body);
  });
}

/** Milliseconds of CPU that the workerds of this process have used, where /proc tells. */
async function runtimeCpu() {
  const entries = await readdir("/proc").catch(() => []);
  let ticks = 0;
  let found = false;
  for (const entry of entries.filter((name) => /^\d+$/.test(name))) {
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    // The name stands in brackets, and may have spaces; what follows begins with the state, and the parent.
    const [, name, rest = ""] = /\((.*)\) (.*)/s.exec(stat) ?? [];
    const fields = rest.split(" ");
    if (name !== "workerd" || Number(fields[1]) !== process.pid) continue;
    ticks += Number(fields[11]) + Number(fields[12]);
    found = true;
  }
  return found ? (ticks * 1_000) / TICKS : undefined;
}
