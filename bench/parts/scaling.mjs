/** What a background job costs the longer, wider and larger it gets: flat lines are what is wanted. */
import { CLIENTS } from "../lib/clients.mjs";
import { drive, flags } from "../lib/driver.mjs";
import { median } from "../lib/results.mjs";
import { startServer } from "../lib/server.mjs";
import { bytes, markdown } from "../lib/table.mjs";

/**
 * @typedef {{ dimension: string, client: string, x: number, micros?: number, cpu?: number, failed?: string }} Point
 * micros: of time a job; cpu: of the client's CPU
 */

/** What is queued at most, in bytes. */
const LARGEST_QUEUE = 200e6;

/**
 * @typedef {object} Dimension
 * @property {string} title
 * @property {number[]} steps
 * @property {string[]} clients
 * @property {(x: number) => Record<string, number>} task
 * @property {(x: number) => string} [unit]
 */

/** @type {Record<string, Dimension>} */
export const DIMENSIONS = {
  window: {
    title: "jobs unanswered",
    steps: [1, 10, 100, 1_000, 10_000, 100_000],
    clients: ["raw-c", "edgear backgroundAll", "edgear", "plain JS", "node-gearman"],
    task: (window) => ({ window, jobs: window < 100 ? 10_000 : 100_000 }),
  },
  connections: {
    title: "connections, 1,000 jobs unanswered over all",
    steps: [1, 10, 100, 1_000],
    clients: ["edgear", "plain JS"],
    task: (connections) => ({ connections, window: 1_000, jobs: 50_000 }),
  },
  functions: {
    title: "functions, of one connection",
    steps: [1, 10, 100, 1_000, 10_000],
    clients: ["edgear", "plain JS"],
    task: (functions) => ({ functions, window: 1_000, jobs: 50_000 }),
  },
  payload: {
    title: "bytes of a workload",
    steps: [0, 16, 256, 4_096, 65_536, 1_048_576, 16_777_216, 67_108_864],
    clients: ["raw-c", "edgear backgroundAll", "edgear", "plain JS"],
    task: (size) => {
      const jobs = Math.max(2, Math.min(50_000, Math.floor(LARGEST_QUEUE / (size + 100))));
      // What is unanswered lies in the client's memory, or in the server's.
      return { size, window: Math.min(1_000, Math.max(2, jobs >> 2)), jobs };
    },
    unit: bytes,
  },
};

/**
 * @param {import("../run.mjs").PartOptions} options
 * @returns {Promise<Point[]>}
 */
export async function measure({ rounds, log }) {
  /** @type {Point[]} */
  const points = [];
  for (const [dimension, { steps, clients, task }] of Object.entries(DIMENSIONS)) {
    for (const x of steps) {
      /** @type {Map<string, import("../lib/results.mjs").Outcome[]>} */
      const outcomes = new Map(clients.map((name) => [name, []]));
      for (let round = 0; round < rounds; round++)
        for (const name of clients) outcomes.get(name)?.push(await once(name, task(x)));
      for (const [client, seen] of outcomes) {
        const point = summary(seen);
        points.push({ dimension, client, x, ...point });
        log(`scaling ${dimension} ${x}, ${client}: ${point.failed ?? `${point.micros?.toFixed(2)} us a job`}`);
      }
    }
  }
  return points;
}

/**
 * @param {string} name
 * @param {Record<string, number>} task
 */
async function once(name, task) {
  const client = CLIENTS.find((each) => each.name === name);
  if (!client) return { failed: `there is no client ${name}` };
  const [program = "", ...first] = await client.command();
  // A slow client does fewer, unless the window is what is measured.
  const jobs = Math.max(task.window ?? 1, Math.round((task.jobs ?? 0) * (client.speed.background ?? 1)));
  const warmup = Math.min(jobs, 10_000);
  await using server = await startServer();
  const given = flags({ port: server.port, ...task, jobs, warmup: (task.size ?? 0) > 65_536 ? 1 : warmup });
  return await drive(program, [...first, "background", ...given, ...(client.last ?? [])]);
}

/** @param {import("../lib/results.mjs").Outcome[]} outcomes */
function summary(outcomes) {
  const good = outcomes.flatMap((outcome) => ("failed" in outcome ? [] : [outcome]));
  if (good.length === 0) return { failed: outcomes.find((outcome) => "failed" in outcome)?.failed ?? "not measured" };
  return {
    micros: median(good.map(({ ops, seconds }) => (seconds / ops) * 1e6)),
    cpu: median(good.map(({ ops, cpu }) => (cpu / ops) * 1e6)),
  };
}

export const title = "Scaling";

/** @param {Point[]} points */
export function table(points) {
  return Object.entries(DIMENSIONS)
    .map(([dimension, { title, unit = String }]) => {
      const here = points.filter((point) => point.dimension === dimension);
      const clients = [...new Set(here.map(({ client }) => client))];
      const steps = [...new Set(here.map(({ x }) => x))];
      const rows = steps.map((x) => [
        unit(x),
        ...clients.map((client) => {
          const point = here.find((each) => each.client === client && each.x === x);
          if (!point || point.micros === undefined) return point?.failed ?? "";
          return `${micros(point.micros)} (${micros(point.cpu ?? 0)})`;
        }),
      ]);
      return `By ${title}: µs a job (µs of the client's CPU)\n\n${markdown([title.split(",", 1)[0] ?? "", ...clients], rows)}`;
    })
    .join("\n\n");
}

const micros = (/** @type {number} */ value) => (value < 100 ? value.toPrecision(2) : value.toFixed(0));
