import { type ChildProcess, spawn } from "node:child_process";
import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";
import { type Job, JobFailed } from "../index.js";
import { UsageError } from "./exit.js";

/** How long a process may take to end when it is asked to, in milliseconds. Then it isn't asked any more. */
const GRACE = 2_000;

/** The largest result, in bytes: what the library sends in one packet. */
const MAX_RESULT = 64 * 1024 * 1024;

/** A process can't have a group of its own everywhere. */
const GROUPS = process.platform !== "win32";

/** Runs commands, a process a job. */
export class Commands {
  readonly #running = new Set<ChildProcess>();
  #ended = () => {};

  constructor() {
    // Processes in groups of their own would outlive a program that ends in a hurry.
    process.on("exit", () => {
      for (const child of this.#running) kill(child, "SIGKILL");
    });
  }

  /**
   * Runs a command for a job. Its output is the job's result.
   * @throws JobFailed (as a rejection) when it ends with another exit code than 0
   */
  run(command: readonly string[], job: Job): Promise<Uint8Array> {
    const [program = "", ...args] = command;
    const child = spawn(program, args, {
      // What it says of itself is for whoever runs the worker: the client is told no more than that the job failed.
      stdio: ["pipe", "pipe", "inherit"],
      // Ctrl-C is for the worker, which lets its jobs finish; and a shell is to end with all that it has started.
      detached: GROUPS,
      env: {
        ...process.env,
        EDGEAR_HANDLE: job.handle,
        EDGEAR_FUNCTION: job.function,
        EDGEAR_UNIQUE: job.unique,
        EDGEAR_SERVER: job.server,
      },
    });
    this.#running.add(child);
    return new Promise<Uint8Array>((resolve, reject) => {
      const output: Buffer[] = [];
      let size = 0;
      let timer: ReturnType<typeof setTimeout> | undefined;
      let failure: JobFailed | undefined;
      const end = () => {
        kill(child, "SIGTERM");
        timer ??= setTimeout(() => kill(child, "SIGKILL"), GRACE);
      };
      const done = () => {
        clearTimeout(timer);
        job.signal.removeEventListener("abort", end);
        this.#running.delete(child);
        if (this.#running.size === 0) this.#ended();
      };
      child.stdout.on("data", (chunk: Buffer) => {
        size += chunk.length;
        if (size <= MAX_RESULT) output.push(chunk);
        else if (!failure) {
          failure = new JobFailed(`${program} wrote more than ${MAX_RESULT} bytes, which no result can have`);
          end();
        }
      });
      // A program need not read its workload.
      child.stdin.on("error", () => {});
      child.stdin.end(job.workload.bytes);
      child.once("error", (error) => {
        done();
        reject(new Error(`${program} could not be run: ${error.message}`));
      });
      child.once("close", (code, signal) => {
        done();
        if (failure) reject(failure);
        else if (code === 0) resolve(Buffer.concat(output));
        else
          reject(new JobFailed(`${program} ended with ${signal ? `the signal ${signal}` : `the exit code ${code}`}`));
      });
      if (job.signal.aborted) end();
      else job.signal.addEventListener("abort", end, { once: true });
    });
  }

  /** Resolves once no process runs any more: those of jobs that are over may take a moment. */
  async ended(): Promise<void> {
    if (this.#running.size > 0) await new Promise<void>((resolve) => (this.#ended = resolve));
  }
}

/**
 * Makes sure that there is such a command: a worker without it would take jobs only to fail them.
 * @throws UsageError when there is none
 */
export function findCommand(name: string): void {
  // Windows has its own ideas of what a program is.
  if (process.platform === "win32") return;
  const folders = name.includes("/") ? [""] : (process.env.PATH ?? "").split(path.delimiter);
  if (!folders.some((folder) => isProgram(path.join(folder, name))))
    throw new UsageError(`there is no command ${JSON.stringify(name)}${name.includes("/") ? "" : " on the PATH"}`);
}

function isProgram(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}

/** Signals a process and, where that can be, all that it has started. */
function kill(child: ChildProcess, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (GROUPS && child.pid !== undefined) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It has ended.
  }
}
