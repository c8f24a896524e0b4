import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { rm } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { textCommand } from "./text-command.ts";

/** How long a process may take to end when it is asked to, in milliseconds. */
const GRACE = 2_000;

/** Milliseconds until a server must answer. */
const PATIENCE = 10_000;

/** Output that is kept of each stream, in characters: the last of it says what went wrong. */
const KEPT = 64 * 1024;

/**
 * Waits for a line on its standard input. When there is none, whoever started it is dead, however that came, and the
 * process it guards is killed and its folder removed: a test run that is interrupted leaves nothing behind.
 */
const GUARD = 'read -r line || { kill -9 "$0"; rm -rf "$@"; }';

/** A process that runs beside the tests. */
export class BackgroundProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #guard: ChildProcess;
  readonly #name: string;
  readonly #folder: string | undefined;
  readonly #exited: Promise<unknown>;
  #output = "";

  private constructor(name: string, child: ChildProcess, guard: ChildProcess, folder: string | undefined) {
    this.#name = name;
    this.#folder = folder;
    this.#child = child;
    this.#guard = guard;
    this.#exited = once(child, "exit");
    const keep = (chunk: Buffer) => {
      this.#output = (this.#output + chunk).slice(-KEPT);
    };
    child.stdout?.on("data", keep);
    child.stderr?.on("data", keep);
    this.#exited.then(() => guard.stdin?.end("done\n"));
  }

  /**
   * Starts a program. A folder that is its own is removed when it has ended.
   * @throws when it can't be started
   */
  static async start(command: string, args: readonly string[], folder?: string): Promise<BackgroundProcess> {
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    await once(child, "spawn");
    const guard = spawn("/bin/sh", ["-c", GUARD, String(child.pid), ...(folder ? [folder] : [])], {
      stdio: ["pipe", "ignore", "ignore"],
    });
    // A guard that is gone needs no word any more.
    guard.stdin?.on("error", () => {});
    return new BackgroundProcess(command, child, guard, folder);
  }

  get pid(): number {
    return this.#child.pid as number;
  }

  /** What it has written, to both streams. */
  get output(): string {
    return this.#output;
  }

  get running(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /**
   * Waits until it answers, and gives what it says. One that has ended, or doesn't answer in time, is stopped.
   * @param ask rejects as long as there is no answer
   * @throws with what it has written
   */
  async answer<T>(ask: () => Promise<T>, patience = PATIENCE): Promise<T> {
    const deadline = performance.now() + patience;
    for (;;) {
      try {
        return await ask();
      } catch (error) {
        if (!this.running || performance.now() > deadline) {
          await this.stop();
          throw this.error(`did not answer: ${error}`);
        }
        await delay(20);
      }
    }
  }

  /**
   * Waits until a job server answers, and makes sure that it is this one: two gearmands can share one port.
   * @throws with what it has written
   */
  async answerAt(port: number): Promise<void> {
    const reply = await this.answer(() => textCommand(port, "getpid"));
    if (reply === `OK ${this.pid}`) return;
    await this.stop();
    throw this.error(`found another server on its port ${port}: ${reply}`);
  }

  /** What it ended with; `null` as long as it runs, and when a signal ended it. */
  get exitCode(): number | null {
    return this.#child.exitCode;
  }

  /** Has it end: asks first, then doesn't. */
  async stop(grace = GRACE): Promise<void> {
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), grace);
    if (this.running) this.#child.kill("SIGTERM");
    await this.#exited;
    clearTimeout(timer);
    if (this.#guard.exitCode === null) await once(this.#guard, "exit");
    if (this.#folder) await rm(this.#folder, { recursive: true, force: true });
  }

  /** Ends it without asking, as a crash does. Its folder is left, for the next one. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    if (this.running) this.#child.kill(signal);
    await this.#exited;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop();
  }

  /** An error that shows what the process has written. */
  error(what: string): Error {
    return new Error(`${this.#name} ${what}\n${this.#output}`);
  }
}
