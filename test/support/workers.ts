import { findProgram } from "../../scripts/programs.mjs";
import { BackgroundProcess } from "./process.ts";
import { textCommand } from "./text-command.ts";

/** The tool writes a whole workload before it reads anything: `cat` alone would get stuck on a large one. */
const COPY = 'copy=$(mktemp) && cat >"$copy" && cat "$copy"; rm -f "$copy"';

/**
 * What the shared suite's functions do: commands that gearman's own tool runs for each job. One worker each, one job
 * at a time.
 */
const FUNCTIONS: Record<string, readonly string[]> = {
  reverse: ["rev"],
  echo: ["/bin/sh", "-c", COPY],
  slow: ["/bin/sh", "-c", `sleep 0.3; ${COPY}`],
  order: ["/bin/sh", "-c", `sleep 0.2; ${COPY}`],
  later: ["cat"],
  fail: ["false"],
};

/** Starts a worker that runs a command for each job of a function: its standard input is the workload, its output the result. */
export async function startWorker(port: number, name: string, command: readonly string[]): Promise<BackgroundProcess> {
  const gearman = findProgram("gearman");
  if (!gearman) throw new Error("gearman is not installed: run node scripts/peers.mjs");
  const server = ["-h", "127.0.0.1", "-p", String(port)];
  return BackgroundProcess.start(gearman, [...server, "-w", "-f", name, "--", ...command]);
}

/** Starts workers for the functions above at a job server on this machine. */
export async function startWorkers(port: number): Promise<AsyncDisposable> {
  const stack = new AsyncDisposableStack();
  for (const [name, command] of Object.entries(FUNCTIONS)) stack.use(await startWorker(port, name, command));
  return stack;
}

/** Makes the function `full` take one job, which nobody works off. */
export async function limitQueue(port: number): Promise<void> {
  await textCommand(port, "create function full");
  await textCommand(port, "maxqueue full 1");
}
