import { type ChildProcess, fork } from "node:child_process";
import type { Readable } from "node:stream";
import { fileURLToPath } from "node:url";
import { Worker as Thread } from "node:worker_threads";
import type { FromWorker, ToWorker } from "./messages.js";

/** What a link tells its pool. */
export interface LinkEvents {
  message(message: FromWorker): void;
  /** The process, or thread, has ended; nothing more comes. */
  exit(code: number | null, signal: string | null): void;
  /** It was not caught what went wrong in it, or it could not be started. */
  error(error: Error): void;
  /** A line that it has written. Not called when its output goes where the pool's goes. */
  output(stream: "stdout" | "stderr", line: string): void;
}

/** A pool's end of the channel to a worker's process or thread. */
export interface Link {
  readonly pid: number;
  send(message: ToWorker): void;
  /** Ends it at once. */
  kill(): void;
}

/** From here, from the bundle's chunks and from its entries alike. */
const PROGRAM = new URL("../pool/child.js", import.meta.url);

/** How long output may still come when a process has ended, and others hold it open, in milliseconds. */
const LEFTOVERS = 300;

/** How long what it has told may wait to be read by a pool that is busy, in milliseconds. */
const LAST_NEWS = 5_000;

/** Starts a worker's process, or thread. `lines` has its output told line by line. */
export function openLink(threads: boolean, lines: boolean, events: LinkEvents): Link {
  return threads ? openThread(lines, events) : openProcess(lines, events);
}

function openProcess(lines: boolean, events: LinkEvents): Link {
  const output = lines ? "pipe" : "inherit";
  const child = fork(fileURLToPath(PROGRAM), [], { stdio: ["ignore", output, output, "ipc"] });
  readOutput(child, events);
  child.on("message", (message) => events.message(message as FromWorker));
  child.on("error", (error) => events.error(error));
  let over = false;
  const exit = (code: number | null, signal: string | null) => {
    if (over) return;
    over = true;
    events.exit(code, signal);
  };
  child.on("exit", (code, signal) => {
    if (child.pid === undefined) return;
    // What it has sent and written last may come after this.
    const soon = () => setTimeout(() => exit(code, signal), LEFTOVERS);
    if (!child.connected) soon();
    else {
      const timer = setTimeout(() => exit(code, signal), LAST_NEWS);
      child.once("disconnect", () => {
        clearTimeout(timer);
        soon();
      });
    }
  });
  child.on("close", exit);
  // One that could not be started has no exit.
  if (child.pid === undefined) setImmediate(() => exit(1, null));
  return {
    pid: child.pid ?? 0,
    send: (message) => {
      // One that is on its way out takes nothing any more; its exit says so.
      if (child.connected) child.send(message, () => {});
    },
    kill: () => {
      child.kill("SIGKILL");
    },
  };
}

function openThread(lines: boolean, events: LinkEvents): Link {
  const thread = new Thread(PROGRAM, { stdout: lines, stderr: lines });
  if (lines) readOutput(thread, events);
  thread.on("message", (message) => events.message(message as FromWorker));
  thread.on("error", (error) => events.error(error instanceof Error ? error : new Error(String(error))));
  thread.on("exit", (code) => events.exit(code, null));
  return {
    pid: process.pid,
    send: (message) => thread.postMessage(message),
    kill: () => void thread.terminate(),
  };
}

function readOutput({ stdout, stderr }: Pick<ChildProcess, "stdout" | "stderr">, events: LinkEvents): void {
  for (const [name, stream] of [["stdout", stdout] as const, ["stderr", stderr] as const])
    if (stream) readLines(stream, (line) => events.output(name, line));
}

/** The longest line that is waited for, in characters. */
const LONGEST = 64 * 1024;

function readLines(stream: Readable, tell: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("data", (text: string) => {
    const parts = (rest + text).split("\n");
    rest = parts.pop() ?? "";
    for (const part of parts) tell(part);
    if (rest.length < LONGEST) return;
    tell(rest);
    rest = "";
  });
  stream.on("end", () => {
    if (rest) tell(rest);
  });
  stream.on("error", () => {});
}
