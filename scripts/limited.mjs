/**
 * Runs a command that has its time, and ends it with all that it has started when that is over: it says what of it still
 * ran, and exits with 124.
 *
 *     node scripts/limited.mjs <seconds> <program> <argument>...
 */

import { spawn, spawnSync } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

/** Milliseconds that a process which is asked to end has for that. */
const PATIENCE = 2_000;

const [seconds = "", program = "", ...args] = process.argv.slice(2);
// In a group of its own, so that what loses its parents is found as well.
const child = spawn(program, args, { stdio: "inherit", detached: true });
/** @type {Promise<void> | undefined} that all has ended, once it had to */
let ending;

const timer = setTimeout(
  () => {
    const family = descendants(child.pid ?? 0);
    console.error(`\n${[program, ...args].join(" ")} was not over in ${seconds} seconds. What ran:`);
    for (const { pid, time, words } of family) console.error(`  ${pid} for ${time}: ${words.slice(0, 200)}`);
    ending = end([...groupOf(child), ...family]);
  },
  Math.max(1, Number(seconds)) * 1_000,
);

child.on("error", (error) => {
  console.error(error.message);
  process.exit(127);
});
child.on("exit", (code, name) => {
  clearTimeout(timer);
  if (ending) void ending.then(() => process.exit(124));
  else process.exit(code ?? 128 + (name ? constants.signals[name] : 1));
});
for (const name of /** @type {const} */ (["SIGINT", "SIGTERM"])) process.on(name, () => signal(groupOf(child), name));

/** @typedef {{ pid: number; parent: number; time: string; words: string }} Process */

/**
 * All of a child's group, as what signals are sent to.
 * @param {import("node:child_process").ChildProcess} child
 * @returns {Pick<Process, "pid">[]}
 */
function groupOf({ pid }) {
  return pid === undefined ? [] : [{ pid: -pid }];
}

/**
 * A process and all that come of it.
 * @param {number} root
 * @returns {Process[]}
 */
function descendants(root) {
  const { stdout } = spawnSync("ps", ["-eo", "pid=,ppid=,etime=,args="], { encoding: "utf8" });
  const all = stdout.split("\n").flatMap((line) => {
    const [, pid, parent, time = "", words = ""] = /^\s*(\d+)\s+(\d+)\s+(\S+)\s+(.*)$/.exec(line) ?? [];
    return pid === undefined ? [] : [{ pid: Number(pid), parent: Number(parent), time, words }];
  });
  const found = all.filter(({ pid }) => pid === root);
  for (const { pid } of found) found.push(...all.filter(({ parent }) => parent === pid));
  return found;
}

/**
 * Asks processes to end, and then has those ended that are deaf to it.
 * @param {Pick<Process, "pid">[]} processes
 */
async function end(processes) {
  const deadline = performance.now() + PATIENCE;
  signal(processes, "SIGTERM");
  while (signal(processes, 0) && performance.now() < deadline) await delay(50);
  signal(processes, "SIGKILL");
}

/**
 * @param {Pick<Process, "pid">[]} processes
 * @param {NodeJS.Signals | 0} name 0 only asks
 * @returns {boolean} whether any is there
 */
function signal(processes, name) {
  return (
    processes.filter(({ pid }) => {
      try {
        return process.kill(pid, name);
      } catch {
        return false;
      }
    }).length > 0
  );
}
