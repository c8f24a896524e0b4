import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { findGearmand } from "../../scripts/programs.mjs";
import { freePort } from "./ports.ts";
import { BackgroundProcess } from "./process.ts";

/** A real gearmand of its own, on a free loopback port. */
export interface Gearmand extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  readonly port: number;
  readonly pid: number;
  /** Whether its process is there. */
  readonly running: boolean;
  /** What it has logged. */
  readonly log: string;
  stop(): Promise<void>;
}

export interface GearmandOptions {
  /** More of its command line. */
  args?: readonly string[];
  /** Default: a free one. To start a server again where one was. */
  port?: number;
}

/** Starts a gearmand and waits until it answers. */
export async function startGearmand(options: GearmandOptions = {}): Promise<Gearmand> {
  const program = findGearmand();
  if (!program) throw new Error("gearmand is not installed: run node scripts/peers.mjs");
  const { args = [], port = await freePort() } = options;
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-gearmand-"));
  const here = ["--listen=127.0.0.1", `--port=${port}`, `--pid-file=${path.join(folder, "pid")}`];
  const server = await BackgroundProcess.start(
    program,
    [...here, "--config-file=/dev/null", "--log-file=stderr", "--verbose=ERROR", ...args],
    folder,
  );
  await server.answerAt(port);
  return {
    address: `127.0.0.1:${port}`,
    port,
    pid: server.pid,
    get running() {
      return server.running;
    },
    get log() {
      return server.output;
    },
    stop: () => server.stop(),
    [Symbol.asyncDispose]: () => server.stop(),
  };
}
