import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { findSystemNode } from "../../scripts/programs.mjs";
import { Wake } from "./wake.ts";

/** The command `edgear`, as it is built. */
export const main = fileURLToPath(new URL("../../build/src/cli/main.js", import.meta.url));

/** The Node that npm runs on: 20, perhaps. */
export const systemNode = findSystemNode();

/** Milliseconds until what is waited for must be there. */
const PATIENCE = 15_000;

export interface CliOptions {
  /** What it reads; default: nothing. */
  input?: string | Uint8Array;
  /** Beside those of this process; `undefined` takes one away. */
  env?: Record<string, string | undefined>;
  /** The folder that it runs in; default: this process's. */
  cwd?: string;
  /** The Node that runs it; default: this one. */
  node?: string;
  /** Another runtime that runs it, with its arguments. */
  program?: readonly string[];
}

/** What it did. */
export interface CliOutcome {
  /** Its exit code; `null` when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
  /** The standard output, byte for byte. */
  readonly bytes: Buffer;
}

/** `edgear`, running. It is killed when its time is over, or its scope is left. */
export class CliProcess implements AsyncDisposable {
  readonly child: ChildProcess;
  readonly #stdout: Buffer[] = [];
  readonly #stderr: Buffer[] = [];
  readonly #exited: Promise<[number | null]>;
  readonly #wake = new Wake();

  constructor(
    args: readonly string[],
    { input, env, cwd, node = process.execPath, program = [node] }: CliOptions = {},
  ) {
    // Whoever runs the tests may have servers and colours of his own.
    const clean = { GEARMAN_SERVERS: undefined, NO_COLOR: undefined, FORCE_COLOR: undefined };
    const [runtime = node, ...own] = program;
    this.child = spawn(runtime, [...own, main, ...args], { cwd, env: { ...process.env, ...clean, ...env } });
    this.child.stdout?.on("data", (chunk) => this.#keep(this.#stdout, chunk));
    this.child.stderr?.on("data", (chunk) => this.#keep(this.#stderr, chunk));
    this.child.stdin?.on("error", () => {});
    this.child.stdin?.end(input);
    this.#exited = once(this.child, "close") as Promise<[number | null]>;
  }

  get stdout(): string {
    return Buffer.concat(this.#stdout).toString();
  }

  get stderr(): string {
    return Buffer.concat(this.#stderr).toString();
  }

  get #running(): boolean {
    return this.child.exitCode === null && this.child.signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.child.kill(signal);
  }

  /** Waits until it has written something to either stream. */
  async says(pattern: RegExp): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!pattern.test(this.stdout + this.stderr)) {
      if (!this.#running || performance.now() > deadline)
        throw new Error(`edgear did not say ${pattern}, but:\n${this.stdout}${this.stderr}`);
      await this.#wake.wait(100);
    }
  }

  /** Waits until it has ended, for so many milliseconds at most. */
  async ended(patience = PATIENCE): Promise<CliOutcome> {
    const timer = setTimeout(() => this.child.kill("SIGKILL"), patience);
    const [code] = await this.#exited;
    clearTimeout(timer);
    return { code, stdout: this.stdout, stderr: this.stderr, bytes: Buffer.concat(this.#stdout) };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#running) this.child.kill("SIGKILL");
    await this.ended();
  }

  #keep(chunks: Buffer[], chunk: Buffer): void {
    chunks.push(chunk);
    this.#wake.up();
  }
}

/** Runs `edgear` to its end. */
export function edgear(args: readonly string[], options?: CliOptions): Promise<CliOutcome> {
  return new CliProcess(args, options).ended();
}
