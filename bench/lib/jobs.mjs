/**
 * What is measured. Each has rows of its own in the table, one a client, and columns by workload size.
 *
 * @typedef {object} Job
 * @property {string} title
 * @property {string} driver what drivers call it
 * @property {number[]} sizes bytes of a workload
 * @property {(size: number) => number} jobs how many are measured of raw-c; slower clients do fewer
 * @property {number} [least] so many at least: with large workloads all clients do the same, as a long queue costs more
 * @property {number} [window] unanswered at most
 * @property {number} [grabs] jobs that the worker has at once
 * @property {boolean} [latency] whether it is the median latency that counts, and not the rate
 */

/** So much is sent at most, in bytes: a queue lies in memory. */
const LARGEST_QUEUE = 150e6;

const most = (/** @type {number} */ jobs) => (/** @type {number} */ size) =>
  Math.max(500, Math.min(jobs, Math.floor(LARGEST_QUEUE / (size + 100))));

/** @type {Record<string, Job>} */
export const JOBS = {
  background: {
    title: "Background submits, one connection, 1,000 unanswered",
    driver: "background",
    sizes: [16, 1024, 65536],
    jobs: most(200_000),
    least: 2_000,
    window: 1_000,
  },
  latency: {
    title: "Foreground round trip, one at a time",
    driver: "foreground",
    sizes: [16],
    jobs: () => 5_000,
    window: 1,
    latency: true,
  },
  foreground: {
    title: "Foreground, 1,000 in flight",
    driver: "foreground",
    sizes: [1024],
    jobs: most(50_000),
    least: 2_000,
    window: 1_000,
  },
  worker: {
    title: "Worker, one job at a time, a queue drained",
    driver: "worker",
    sizes: [16],
    jobs: most(20_000),
    grabs: 1,
  },
  worker64: {
    title: "Worker, 64 jobs at a time, a queue drained",
    driver: "worker",
    sizes: [16],
    jobs: most(100_000),
    grabs: 64,
  },
  status: {
    title: "GET_STATUS, 1,000 unanswered",
    driver: "status",
    sizes: [16],
    jobs: () => 200_000,
    window: 1_000,
  },
};
