import { fork } from "node:child_process";
import { closeSync } from "node:fs";
import { type ExitCode, Failure } from "../exit.js";
import { openLogFile } from "./logfile.js";

/** Says to the process that it is the daemon, and not the one that starts it. */
const MARK = "EDGEAR_POOL_DAEMON";

/** How long a pool may take until its workers have loaded their handlers, in milliseconds. */
const PATIENCE = 90_000;

/** What a daemon tells the process that has started it. */
interface Report {
  readonly started?: true;
  readonly error?: string;
  readonly exit?: ExitCode;
}

/** Whether this process is the daemon. Its own processes are none. */
export function isDaemon(): boolean {
  const daemon = process.env[MARK] !== undefined;
  delete process.env[MARK];
  return daemon;
}

/** Tells the process that has started this daemon, and lets it go. */
export function report(told: Report): Promise<void> {
  return new Promise((resolve) => {
    if (!process.send || !process.connected) return resolve();
    process.send(told, undefined, undefined, () => {
      if (process.connected) process.disconnect();
      resolve();
    });
  });
}

/**
 * Runs this same command in the background: a session of its own, nothing to read, and its output in a file. Resolves
 * with its process id once its workers have loaded their handlers.
 * @param output what is not said by the log goes to this file; undefined: nowhere
 * @throws Failure when it can't be started
 */
export async function daemonize(output: string | undefined): Promise<number> {
  const [, program = "", ...args] = process.argv;
  const file = output === undefined ? undefined : openLogFile(output);
  const to = file ?? "ignore";
  const child = fork(program, args, {
    detached: true,
    stdio: ["ignore", to, to, "ipc"],
    env: { ...process.env, [MARK]: "1" },
  });
  if (file !== undefined) closeSync(file);
  return new Promise<number>((resolve, reject) => {
    const timer = setTimeout(
      () => done(() => reject(new Failure(`process ${child.pid} does not say that it has started`))),
      PATIENCE,
    );
    const done = (settle: () => void) => {
      clearTimeout(timer);
      child.removeAllListeners();
      if (child.connected) child.disconnect();
      child.unref();
      settle();
    };
    child.on("error", (error) => done(() => reject(new Failure(`the daemon could not be started: ${error.message}`))));
    child.on("message", (told: Report) =>
      done(() => {
        if (told.started) resolve(child.pid as number);
        else reject(new Failure(told.error ?? "it could not be started", told.exit));
      }),
    );
    child.on("exit", (code, signal) =>
      done(() =>
        reject(
          new Failure(
            `the daemon ended with ${signal ? `the signal ${signal}` : `the exit code ${code}`}${output === undefined ? "" : `: see ${output}`}`,
          ),
        ),
      ),
    );
  });
}
