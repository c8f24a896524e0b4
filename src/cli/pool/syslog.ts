import { type ChildProcess, spawn } from "node:child_process";
import { findCommand } from "../commands.js";
import { note } from "../output.js";

/** The facility `daemon`, and the severities of the levels. */
const DAEMON = 3 << 3;
const SEVERITIES: Record<string, number> = { error: 3, warn: 4, info: 6, debug: 7, trace: 7 };

/** How long a `logger` that has ended is left alone, in milliseconds. */
const REST = 1_000;

/**
 * The system's log. No runtime speaks to its socket, which is one of datagrams: util-linux' `logger` does, and ends with
 * its input.
 * @param socket default: the system's
 * @throws UsageError when there is no `logger`
 */
export function openSyslog(socket?: string): { write(line: string): void; close(): void } {
  findCommand("logger");
  let running: ChildProcess | undefined;
  let rested = 0;
  const start = () => {
    const where = socket === undefined ? [] : ["--socket", socket, "--socket-errors=on"];
    const args = ["--prio-prefix", "--tag", "edgear", `--id=${process.pid}`, "--size", "8192", ...where];
    // Its own group: Ctrl-C is not for it.
    const child = spawn("logger", args, { stdio: ["pipe", "ignore", "inherit"], detached: true });
    child.stdin?.on("error", () => {});
    child.on("error", (error) => note("error", `logger: ${error.message}`));
    child.on("exit", (code) => {
      if (running !== child) return;
      running = undefined;
      rested = Date.now() + REST;
      if (code !== 0) note("error", `logger has ended with the exit code ${code}: the system's log may not be there`);
    });
    running = child;
  };
  return {
    write: (line) => {
      if (!running && Date.now() >= rested) start();
      const level = /^\{"level":"(\w+)"/.exec(line)?.[1] ?? "info";
      running?.stdin?.write(`<${DAEMON + (SEVERITIES[level] ?? 6)}>${line}`);
    },
    close: () => {
      running?.stdin?.end();
      running = undefined;
    },
  };
}
