import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type CliOutcome, CliProcess, edgear } from "./cli.ts";

/** Milliseconds until what is waited for must be there. */
const PATIENCE = 15_000;

/** What `edgear pool status --json` has of a worker. */
export interface WorkerRow {
  worker: number;
  pid: number;
  state: string;
  running: number;
  jobs: number;
  servers: string[];
}

/** What `edgear pool status --json` says. */
export interface PoolRow {
  pid: number;
  size: number;
  jobs: Record<"complete" | "failure" | "exception" | "lost" | "killed", number>;
  workers: WorkerRow[];
}

/**
 * What handlers of tests do. What they have done stands in a file, a line each: a line is written whole, or not at all,
 * whoever is killed.
 */
const HANDLERS = `
import { appendFileSync } from "node:fs";
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const note = (words) => appendFileSync(new URL("./done.txt", import.meta.url), words + "\\n");
export const quick = () => {};
export const noted = async (job) => { await sleep(20); note(job.workload.text()); };
export const pid = async () => { await sleep(10); return String(process.pid); };
export const slow = async (job) => {
  note("begin " + job.workload.text());
  await sleep(1_000);
  note("end " + job.workload.text());
};
export const stuck = () => new Promise(() => {});
export const fails = () => { throw new Error("no luck"); };
export const dies = () => process.exit(7);
export const memory = [];
export const grows = () => { memory.push(Buffer.alloc(64 << 20, 1)); };
`;

/** A folder with a configuration, handlers, and the pid file of a pool. */
export class PoolFolder implements AsyncDisposable {
  readonly path: string;
  readonly pidFile: string;

  private constructor(folder: string) {
    this.path = folder;
    this.pidFile = path.join(folder, "pool.pid");
  }

  /** @param functions names of functions by their handlers' names */
  static async make(
    address: string,
    functions: Record<string, string>,
    group: Record<string, unknown> = {},
  ): Promise<PoolFolder> {
    const folder = new PoolFolder(await mkdtemp(path.join(tmpdir(), "edgear-pool-")));
    await folder.write("handlers.mjs", HANDLERS);
    await folder.write("done.txt", "");
    const handlers = Object.entries(functions).map(([handler, name]) => [
      name,
      handler.includes("#") ? handler : `./handlers.mjs#${handler}`,
    ]);
    const config = {
      connections: { default: address },
      groups: { group: { functions: Object.fromEntries(handlers), ...group } },
    };
    await folder.write("edgear.config.json", JSON.stringify(config));
    return folder;
  }

  file(name: string): string {
    return path.join(this.path, name);
  }

  write(name: string, text: string): Promise<void> {
    return writeFile(this.file(name), text);
  }

  /** The lines of what handlers have done. */
  async done(): Promise<string[]> {
    return (await readFile(this.file("done.txt"), "utf8")).split("\n").slice(0, -1);
  }

  #args(command: string, args: readonly string[]): string[] {
    return ["pool", command, "--config", this.file("edgear.config.json"), "--pid", this.pidFile, ...args];
  }

  /** Runs a pool in the foreground, and waits until so many workers are ready. */
  async start(args: readonly string[], ready = 1, program?: readonly string[]): Promise<CliProcess> {
    const pool = new CliProcess(this.#args("start", args), program && { program });
    try {
      await this.until(({ workers }) => workers.filter(({ state }) => state === "ready").length >= ready, pool);
      return pool;
    } catch (error) {
      await pool[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Runs `edgear pool <command>` to its end. */
  run(command: string, args: readonly string[] = []): Promise<CliOutcome> {
    return edgear(this.#args(command, args));
  }

  /** Runs it without waiting. */
  begin(command: string, args: readonly string[] = []): CliProcess {
    return new CliProcess(this.#args(command, args));
  }

  /** What the pool is at; undefined when there is none. Asked by its socket, which is faster than a program. */
  status(): Promise<PoolRow | undefined> {
    return new Promise((resolve) => {
      let text = "";
      const socket = connect(`${this.pidFile}.sock`, () => socket.write('{"ask":"status"}\n'));
      socket.setEncoding("utf8").on("data", (chunk) => {
        text += chunk;
      });
      socket.on("error", () => resolve(undefined));
      socket.on("close", () => resolve(text ? JSON.parse(text) : undefined));
    });
  }

  /** Waits until the pool's status is as it should be. */
  async until(matches: (status: PoolRow) => boolean, pool?: CliProcess): Promise<PoolRow> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const status = await this.status();
      if (status && matches(status)) return status;
      if (performance.now() > deadline || (pool && pool.child.exitCode !== null))
        throw new Error(`the pool isn't as it should be: ${JSON.stringify(status)}\n${pool?.stdout}${pool?.stderr}`);
      await delay(20);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.path, { recursive: true, force: true });
  }
}

/** Whether a process of that number runs. One that has ended may be there until its parent, or init, takes note of it. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return !/^\d+ \(.*\) Z /.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
