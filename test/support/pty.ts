import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { command } from "./command.ts";
import { Wake } from "./wake.ts";

/** Milliseconds until what is waited for must be there. */
const PATIENCE = 10_000;

/** A program on a terminal of its own, which util-linux' `script` gives it. */
export class Terminal implements AsyncDisposable {
  readonly #script: ChildProcessWithoutNullStreams;
  readonly #folder: string;
  readonly #exited: Promise<unknown[]>;
  #output = "";
  readonly #wake = new Wake();

  private constructor(script: ChildProcessWithoutNullStreams, folder: string) {
    this.#script = script;
    this.#folder = folder;
    this.#exited = once(script, "close");
    script.stdin.on("error", () => {});
    script.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#output += text;
      this.#wake.up();
    });
    this.#exited.then(() => this.#wake.up());
  }

  /** Starts a program on a terminal of so many characters and lines. */
  static async start(
    args: readonly string[],
    { columns = 80, rows = 24, env = {} }: { columns?: number; rows?: number; env?: Record<string, string> } = {},
  ): Promise<Terminal> {
    const folder = await mkdtemp(path.join(tmpdir(), "edgear-terminal-"));
    const quoted = args.map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
    const line = `tty >'${folder}/tty'; stty rows ${rows} cols ${columns}; exec ${quoted}`;
    const script = spawn("script", ["--quiet", "--return", "--flush", "--command", line, "/dev/null"], {
      env: { ...process.env, TERM: "xterm-256color", SHELL: "/bin/sh", ...env },
    });
    return new Terminal(script, folder);
  }

  /** All that was written to the terminal. */
  get output(): string {
    return this.#output;
  }

  /** What was written since the last time that a screen was drawn from its upper left corner. */
  get screen(): string {
    return this.#output.slice(this.#output.lastIndexOf("\x1b[H"));
  }

  press(keys: string): void {
    this.#script.stdin.write(keys);
  }

  /** Gives the terminal another size, as one that is dragged. */
  async resize(columns: number, rows: number): Promise<void> {
    const name = (await readFile(path.join(this.#folder, "tty"), "utf8")).trim();
    const { code, stderr } = await command("stty", ["-F", name, "rows", String(rows), "cols", String(columns)]);
    if (code !== 0) throw new Error(`the terminal could not be resized: ${stderr}`);
  }

  /** Waits until it is so. */
  async until(what: string, isSo: (terminal: Terminal) => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!isSo(this)) {
      const left = deadline - performance.now();
      if (left <= 0 || this.#script.exitCode !== null)
        throw new Error(`${what} did not come; there was ${JSON.stringify(this.#output.slice(-2_000))}`);
      await this.#wake.wait(Math.min(left, 1_000));
    }
  }

  /** Waits until the program has ended. @returns its exit code */
  async ended(): Promise<number | null> {
    const timer = setTimeout(() => this.#script.kill("SIGKILL"), PATIENCE);
    const [code] = (await this.#exited) as [number | null];
    clearTimeout(timer);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#script.exitCode === null && this.#script.signalCode === null) this.#script.kill("SIGTERM");
    await this.ended();
    await rm(this.#folder, { recursive: true, force: true });
  }
}
