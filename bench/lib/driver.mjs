/** Runs drivers: one measurement of one client. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { command } from "../../test/support/command.ts";
import { compiled } from "./compile.mjs";
import { startServer } from "./server.mjs";

/** Milliseconds that a measurement may take: a client that hangs says so in the table. */
const LIMIT = 60_000;
/** Of the jobs that are measured, so many are done before. */
const WARMUP = 0.25;

/**
 * @typedef {{ ops: number, seconds: number, cpu: number, latencies?: number[] }} Sample
 * @typedef {{ failed: string }} Failure
 */

/**
 * One measurement, with a gearmand of its own.
 * @param {import("./clients.mjs").BenchClient} client
 * @param {import("./jobs.mjs").Job & { name: string }} job
 * @param {number} size
 * @returns {Promise<Sample | Failure>}
 */
export async function measure(client, job, size) {
  const speed = client.speed[job.name] ?? 1;
  const most = job.jobs(size);
  const jobs = Math.min(most, Math.max(job.least ?? 50, Math.round(most * speed)));
  const warmup = Math.round(jobs * WARMUP);
  const { driver, window = 1_000, grabs = 1 } = job;
  await using server = await startServer();
  const raw = await compiled("raw.c");
  const common = flags({ port: server.port, size, function: "bench" });
  if (driver === "worker") await command(raw, ["background", ...common, "--jobs", String(jobs + warmup)]);
  await using _ = driver === "foreground" ? await worker(raw, common, window === 1 ? 1 : 64) : undefined;
  const found = await client.command().catch((/** @type {Error} */ error) => error);
  if (found instanceof Error) return { failed: found.message };
  const [program = "", ...first] = found;
  // Waited for here: the server is gone with this block.
  return await drive(program, [
    ...first,
    driver,
    ...common,
    ...flags({ jobs, warmup, window, grabs }),
    ...(client.last ?? []),
  ]);
}

/**
 * Runs a driver to its end.
 * @param {string} program
 * @param {string[]} args
 * @returns {Promise<Sample | Failure>}
 */
export async function drive(program, args, limit = LIMIT) {
  try {
    const { code, stdout, stderr } = await command(program, args, { timeout: limit });
    const answer = /\{.*\}/.exec(stdout.trim().split("\n").at(-1) ?? "");
    if (!answer) return { failed: `ended with ${code}: ${reason(stderr) || reason(stdout) || "it said nothing"}` };
    const result = JSON.parse(answer[0]);
    return result.cannot ? { failed: result.cannot } : result;
  } catch (error) {
    const late = /did not end within (\d+) ms/.exec(String(error));
    return { failed: late ? `hung: not done after ${Number(late[1]) / 1_000} s` : String(error) };
  }
}

/** @param {Record<string, string | number>} values */
export const flags = (values) => Object.entries(values).flatMap(([name, value]) => [`--${name}`, String(value)]);

/** The line that tells most: the one that names an error, else the last. */
function reason(/** @type {string} */ text) {
  const lines = text.trim().split("\n");
  return (lines.find((line) => /^\S*Error\b/.test(line)) ?? lines.at(-1))?.slice(0, 200);
}

/**
 * The worker that every client's foreground jobs are worked off by. It leaves with the server.
 * @param {string} raw
 * @param {string[]} common
 * @param {number} grabs
 */
async function worker(raw, common, grabs) {
  const child = spawn(raw, ["worker", ...common, ...flags({ jobs: 0, grabs })], { stdio: "ignore" });
  await once(child, "spawn");
  return {
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    },
  };
}
