/** The clients side by side, in rounds: those of one job and size directly after each other, each round in another order. */
import { measure } from "./driver.mjs";
import { JOBS } from "./jobs.mjs";
import { summarize } from "./results.mjs";

/**
 * @param {string[]} jobs
 * @param {import("./clients.mjs").BenchClient[]} clients
 * @param {{ rounds: number, sizes?: number[] | undefined, log: (text: string) => void }} options
 */
export async function sideBySide(jobs, clients, { rounds, sizes, log }) {
  const groups = jobs.flatMap((job) => (sizes ?? JOBS[job]?.sizes ?? []).map((size) => cellsOf(job, size, clients)));
  for (let round = 0; round < rounds; round++) {
    for (const cells of groups) {
      const from = Math.floor((round * cells.length) / rounds);
      for (const { cell, client } of [...cells.slice(from), ...cells.slice(0, from)]) {
        const { job, size } = cell;
        const what = JOBS[job];
        if (!what) continue;
        const outcome = await measure(client, { ...what, name: job }, size);
        cell.rounds.push(outcome);
        const said = "failed" in outcome ? outcome.failed : `${Math.round(outcome.ops / outcome.seconds)}/s`;
        log(`round ${round + 1}/${rounds}: ${job} ${size} B, ${client.name}: ${said}`);
      }
    }
  }
  return groups.flatMap((cells) => {
    const named = (/** @type {string | undefined} */ name) => cells.find(({ client }) => client.name === name)?.cell;
    return cells.map(({ cell, client }) => summarize(cell, named("raw-c"), named(client.against)));
  });
}

/**
 * @param {string} job
 * @param {number} size
 * @param {import("./clients.mjs").BenchClient[]} clients
 */
function cellsOf(job, size, clients) {
  return clients
    .filter(({ speed }) => speed[job])
    .map((client) => {
      /** @type {import("./results.mjs").Cell} */
      const cell = { job, size, client: client.name, rounds: [] };
      return { cell, client };
    });
}
