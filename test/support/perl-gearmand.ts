import { findPerlGearmand } from "../../scripts/programs.mjs";
import { freePort } from "./ports.ts";
import { BackgroundProcess } from "./process.ts";
import { textCommand } from "./text-command.ts";

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
  await server.answer(() => textCommand(port, "version"));
  return { address: `127.0.0.1:${port}`, [Symbol.asyncDispose]: () => server.stop() };
}
