import { type ChildProcessByStdio, type SpawnOptions, spawn } from "node:child_process";
import type { Readable, Writable } from "node:stream";
import { setTimeout as delay } from "node:timers/promises";
import { note } from "./output.js";

/** A process that runs: it has a number, a standard input and a standard output. */
export type RunningProcess = ChildProcessByStdio<Writable, Readable, null> & { readonly pid: number };

/** What the system has too little of for a while: its jobs can wait for that. */
const SHORTAGES = ["EMFILE", "ENFILE", "EAGAIN", "ENOMEM"];

/** How long a shortage is waited for, and how long between two tries, in milliseconds. */
const PATIENCE = 10_000;
const PAUSE = 200;

/**
 * Starts a process, and waits for a while where the system is short of what that takes.
 * @throws Error (as a rejection) when it could not be run
 */
export async function start(
  program: string,
  args: readonly string[],
  options: SpawnOptions,
  signal: AbortSignal,
): Promise<RunningProcess> {
  const deadline = performance.now() + PATIENCE;
  for (let tries = 1; ; tries++) {
    try {
      return await tryStart(program, args, options);
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const words = `${program} could not be run: ${message}`;
      if (!SHORTAGES.includes(code ?? "") || signal.aborted || performance.now() > deadline)
        throw new Error(words, { cause: error });
      if (tries === 1) note("warning", `${words}; it is tried again for ${PATIENCE / 1_000} s`);
      await delay(PAUSE, undefined, { signal }).catch(() => {});
    }
  }
}

function tryStart(program: string, args: readonly string[], options: SpawnOptions): Promise<RunningProcess> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, options);
    // One that could not be started has no number, and perhaps no streams: nothing of it may be touched, as a signal
    // to it would go to the group of this process.
    child.on("error", reject);
    if (child.pid !== undefined) resolve(child as RunningProcess);
  });
}
