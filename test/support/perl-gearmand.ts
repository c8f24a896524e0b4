import { setTimeout as delay } from "node:timers/promises";
import { findPerlGearmand } from "../../scripts/programs.mjs";
import { freePort } from "./ports.ts";
import { BackgroundProcess } from "./process.ts";
import { textCommand } from "./text-command.ts";

/** Milliseconds until a server must answer. */
const START_TIMEOUT = 10_000;

/** Perl's gearmand: another server of the same name, which speaks part of the protocol. */
export interface PerlGearmand extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly address: string;
}

/** Starts one on a free loopback port, and waits until it answers. */
export async function startPerlGearmand(): Promise<PerlGearmand> {
  const program = findPerlGearmand();
  if (!program) throw new Error("Perl's gearmand is not installed: run node scripts/peers.mjs");
  const port = await freePort();
  const server = await BackgroundProcess.start(program, ["--listen=127.0.0.1", `--port=${port}`]);
  const deadline = performance.now() + START_TIMEOUT;
  while ((await textCommand(port, "version").catch(() => undefined)) === undefined) {
    if (!server.running || performance.now() > deadline) {
      await server.stop();
      throw new Error(`Perl's gearmand did not answer on port ${port}: ${server.output}`);
    }
    await delay(20);
  }
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server.stop() };
}
