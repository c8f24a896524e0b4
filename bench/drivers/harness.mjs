/**
 * What the drivers share. A driver is a small program that does one thing with one client, and prints as JSON how long
 * it took:
 *
 *   driver.mjs background|foreground|status|worker --port P --jobs N --warmup N --window N --size N --grabs N
 *       --function NAME [--connections N] [--functions N] [--way NAME]
 *
 * It does `warmup` of them first, which are not measured, then `jobs`: {"ops", "seconds", "cpu", "latencies"}. Times
 * are in seconds, latencies in microseconds, and there are some for `foreground` with a window of 1.
 */
import { parseArgs } from "node:util";

/**
 * @typedef {object} Task
 * @property {string} job
 * @property {number} port
 * @property {number} jobs
 * @property {number} warmup
 * @property {number} window how many may be unanswered
 * @property {number} size bytes of a workload
 * @property {number} grabs jobs that a worker has at once
 * @property {string} function
 * @property {number} connections how many clients share the work
 * @property {number} functions how many functions the jobs are of
 * @property {string} way which of a client's ways to do it
 */

/** @returns {Task} what the command line asks for */
export function task() {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      port: { type: "string", default: "4730" },
      jobs: { type: "string", default: "100000" },
      warmup: { type: "string", default: "0" },
      window: { type: "string", default: "1000" },
      size: { type: "string", default: "16" },
      grabs: { type: "string", default: "1" },
      function: { type: "string", default: "bench" },
      connections: { type: "string", default: "1" },
      functions: { type: "string", default: "1" },
      way: { type: "string", default: "" },
    },
  });
  const { port, jobs, warmup, window, size, grabs, connections, functions } = values;
  return {
    job: positionals[0] ?? "background",
    port: Number(port),
    jobs: Number(jobs),
    warmup: Number(warmup),
    window: Number(window),
    size: Number(size),
    grabs: Number(grabs),
    function: values.function,
    connections: Number(connections),
    functions: Number(functions),
    way: values.way,
  };
}

/**
 * Does something so many times, so many at once, by promises.
 * @param {number} count
 * @param {number} window
 * @param {() => PromiseLike<unknown>} one
 */
export async function lanes(count, window, one) {
  let left = count;
  const lane = async () => {
    while (left-- > 0) await one();
  };
  await Promise.all(Array.from({ length: Math.min(window, count) }, lane));
}

/**
 * Does something so many times, so many at once, by callbacks.
 * @param {number} count
 * @param {number} window
 * @param {(done: () => void) => void} one
 * @returns {Promise<void>}
 */
export function pump(count, window, one) {
  return new Promise((resolve) => {
    let started = 0;
    let ended = 0;
    // A client may call back at once: then it goes on in this loop, and not one call deeper each time.
    let looping = false;
    const done = () => {
      ended++;
      if (ended === count) resolve();
      else more();
    };
    const more = () => {
      if (looping) return;
      looping = true;
      while (started < count && started - ended < window) {
        started++;
        one(done);
      }
      looping = false;
    };
    if (count === 0) resolve();
    else more();
  });
}

/**
 * A callback's function as one with a promise.
 * @param {(done: () => void) => void} one
 * @returns {() => Promise<void>}
 */
export const promised = (one) => () => new Promise((resolve) => one(resolve));

/**
 * Measures what sends requests: `run` does so many of them. With a window of 1 each is timed, by `one`.
 * @param {Task} task
 * @param {(count: number) => Promise<unknown>} run
 * @param {() => PromiseLike<unknown>} [one]
 */
export async function measure({ job, jobs, warmup, window }, run, one) {
  if (warmup) await run(warmup);
  const stop = stopwatch();
  if (job !== "foreground" || window !== 1 || !one) {
    await run(jobs);
    return stop(jobs);
  }
  const latencies = [];
  for (let each = 0; each < jobs; each++) {
    const begin = performance.now();
    await one();
    latencies.push(Math.round((performance.now() - begin) * 10_000) / 10);
  }
  stop(jobs, latencies);
}

/**
 * Starts to measure; what it returns prints the result, and ends the program.
 * @returns {(ops: number, latencies?: number[]) => void}
 */
export function stopwatch() {
  const used = process.cpuUsage();
  const began = performance.now();
  return (ops, latencies) => {
    const seconds = (performance.now() - began) / 1_000;
    const { user, system } = process.cpuUsage(used);
    const result = { ops, seconds, cpu: (user + system) / 1e6, latencies };
    process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit());
  };
}

/**
 * Measures a worker: what it returns is to be called for each job, and tells the time once enough are done.
 * @param {Task} task
 */
export function workerStopwatch({ jobs, warmup }) {
  let stop = warmup === 0 ? stopwatch() : undefined;
  let done = 0;
  return () => {
    done++;
    if (done === warmup) stop = stopwatch();
    // The last one's result is written when this has returned.
    else if (done === warmup + jobs) setImmediate(() => stop?.(jobs));
  };
}

/**
 * Drives a client by callbacks: one function a job, which does it once, and calls back; `status` and `worker` have
 * something to prepare.
 * @typedef {(done: () => void) => void} One
 * @param {Task} task
 * @param {{ background?: One, foreground?: One, status?: () => Promise<One>, worker?: (done: () => void) => void }} ways
 */
export async function drive(task, { background, foreground, status, worker }) {
  if (task.job === "worker" && worker) return worker(workerStopwatch(task));
  const one = { background, foreground, status: task.job === "status" ? await status?.() : undefined }[task.job];
  if (!one) return cannot(`can't do ${task.job}`);
  await measure(task, (count) => pump(count, task.window, one), promised(one));
}

/**
 * Gives out a list's items in turn.
 * @template T
 * @param {readonly T[]} items
 * @returns {() => T}
 */
export function inTurn(items) {
  let at = 0;
  return () => {
    const item = /** @type {T} */ (items[at]);
    at = at + 1 === items.length ? 0 : at + 1;
    return item;
  };
}

/** @param {Task} task */
export const functionNames = ({ function: name, functions }) =>
  Array.from({ length: functions }, (_, index) => (index ? `${name}${index}` : name));

/** A client that can't do it says so, and isn't taken for one that broke. */
export function cannot(/** @type {string} */ why) {
  process.stdout.write(`${JSON.stringify({ cannot: why })}\n`, () => process.exit());
}
