import { spawn } from "node:child_process";

/** What a program did. */
export interface Outcome {
  /** Its exit code; `null` when a signal ended it. */
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface CommandOptions {
  /** What it reads; default: nothing. */
  input?: string | Uint8Array;
  /** Milliseconds until it must have ended; default 30,000. */
  timeout?: number;
  /** Beside those of this process. */
  env?: Record<string, string>;
  cwd?: string;
}

/**
 * Runs a program to its end.
 * @throws when it can't be started, or doesn't end in time
 */
export function command(program: string, args: readonly string[], options: CommandOptions = {}): Promise<Outcome> {
  const { input, timeout = 30_000, env, cwd } = options;
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: { ...process.env, ...env } });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    let late = false;
    const timer = setTimeout(() => {
      late = true;
      child.kill("SIGKILL");
    }, timeout);
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    // A program need not read what it is given.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.once("error", (error) => {
      clearTimeout(timer);
      reject(error);
    });
    child.once("close", (code) => {
      clearTimeout(timer);
      const outcome = { code, stdout: Buffer.concat(stdout).toString(), stderr: Buffer.concat(stderr).toString() };
      if (late) {
        const line = [program, ...args].join(" ");
        reject(new Error(`${line} did not end within ${timeout} ms\n${outcome.stdout}${outcome.stderr}`));
      } else resolve(outcome);
    });
  });
}
