import { accessSync, constants, statSync } from "node:fs";
import path from "node:path";
import { HEADER_SIZE, MAX_HANDLE_SIZE } from "../../assembly/protocol.js";
import { DEFAULT_MAX_PACKET_SIZE } from "../codec/codec.js";
import { type Job, JobFailed } from "../index.js";
import { UsageError } from "./exit.js";
import { type RunningProcess, start } from "./spawn.js";

/** How long a process may take to end when it is asked to, in milliseconds. Then it isn't asked any more. */
const GRACE = 2_000;

/** How long the output of a process that has ended may be held open by what it has left behind, in milliseconds. */
const LEFTOVERS = 500;

/** How long processes that were killed may take to be gone, in milliseconds. */
const ENDING = GRACE + 3 * LEFTOVERS;

/** The largest result, in bytes: what the library takes in one packet, with the job's handle and a NUL before it. */
export const MAX_RESULT = DEFAULT_MAX_PACKET_SIZE - HEADER_SIZE - MAX_HANDLE_SIZE - 1;

/** A process can't have a group of its own everywhere. */
const GROUPS = process.platform !== "win32";

/** Runs commands, a process a job. */
export class Commands {
  readonly #running = new Set<RunningProcess>();
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
  async run(command: readonly string[], job: Job): Promise<Uint8Array> {
    const [program = "", ...args] = command;
    const env = {
      ...process.env,
      EDGEAR_HANDLE: job.handle,
      EDGEAR_FUNCTION: job.function,
      EDGEAR_UNIQUE: job.unique,
      EDGEAR_SERVER: job.server,
    };
    // What it says of itself is for whoever runs the worker: the client is told no more than that the job failed.
    const stdio: ["pipe", "pipe", "inherit"] = ["pipe", "pipe", "inherit"];
    // Ctrl-C is for the worker, which lets its jobs finish; and a shell is to end with all that it has started.
    const child = await start(program, args, { stdio, detached: GROUPS, env }, job.signal);
    this.#running.add(child);
    try {
      return await this.#outcome(program, child, job);
    } finally {
      this.#running.delete(child);
      if (this.#running.size === 0) this.#ended();
    }
  }

  /** Resolves once no process runs any more, in bounded time: those of jobs that are over may take a moment. */
  async ended(): Promise<void> {
    if (this.#running.size === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ENDING);
      this.#ended = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  #outcome(program: string, child: RunningProcess, job: Job): Promise<Uint8Array> {
    return new Promise<Uint8Array>((resolve, reject) => {
      const output: Buffer[] = [];
      let size = 0;
      let killing: ReturnType<typeof setTimeout> | undefined;
      let closing: ReturnType<typeof setTimeout> | undefined;
      let failure: JobFailed | undefined;
      const end = () => {
        kill(child, "SIGTERM");
        killing ??= setTimeout(() => kill(child, "SIGKILL"), GRACE);
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
      child.once("exit", () => {
        // What it has left behind may hold its output open for as long as it likes; only a group that is being ended
        // is given the time to end.
        const wait = () => {
          child.stdin.destroy();
          child.stdout.destroy();
        };
        closing = setTimeout(wait, killing ? GRACE + LEFTOVERS : LEFTOVERS);
      });
      child.once("close", (code, signal) => {
        clearTimeout(killing);
        clearTimeout(closing);
        job.signal.removeEventListener("abort", end);
        if (failure) reject(failure);
        else if (code === 0) resolve(Buffer.concat(output));
        else
          reject(new JobFailed(`${program} ended with ${signal ? `the signal ${signal}` : `the exit code ${code}`}`));
      });
      if (job.signal.aborted) end();
      else job.signal.addEventListener("abort", end, { once: true });
    });
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
function kill(child: RunningProcess, signal: "SIGTERM" | "SIGKILL"): void {
  try {
    if (GROUPS) process.kill(-child.pid, signal);
    else child.kill(signal);
  } catch {
    // It has ended.
  }
}
