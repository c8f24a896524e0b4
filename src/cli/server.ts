import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { JobServer } from "../server/index.js";
import { UsageError } from "./exit.js";
import { LogLevel, logger } from "./log.js";
import { count, jsonOption, number } from "./options.js";
import { note, say, sayJson } from "./output.js";
import { untilStopped } from "./signals.js";

interface ServerCommandOptions {
  host: string;
  port: number;
  handlePrefix?: string;
  jobRetries?: number;
  tlsCert?: string;
  tlsKey?: string;
  verbose?: boolean;
  json?: boolean;
}

const EXAMPLES = `
An embedded job server, for a quick start, tests and development: its jobs are
kept in memory, and gone with it. In production, use gearmand. It ends on Ctrl-C
and SIGTERM, and on SIGUSR1 as soon as it has no job any more.

Examples:
  edgear server
  edgear server --port 0 --json
  edgear server --verbose
  edgear server --tls-cert server.pem --tls-key server.key
  edgear server --host 0.0.0.0    # it asks nobody who they are`;

/** `edgear server` */
export function serverCommand(parent: Command): void {
  parent
    .command("server")
    .description("run a job server, in memory")
    .option("-H, --host <host>", "the address to listen on", "127.0.0.1")
    .option("-p, --port <port>", "the port; 0 is any that is free", number, 4730)
    .option("--handle-prefix <text>", "what handles begin with; default: H: and the machine's name")
    .option(
      "-j, --job-retries <number>",
      "how many workers may be lost to a job before it fails; default: no limit",
      count,
    )
    .option("--tls-cert <file>", "speak TLS, with this certificate (PEM)")
    .option("--tls-key <file>", "and its key (PEM)")
    .option("-v, --verbose", "say what happens, on the standard error; default: only what goes wrong")
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(serve);
}

async function serve(options: ServerCommandOptions): Promise<void> {
  const { host, port, handlePrefix, jobRetries, tlsCert, tlsKey, verbose, json } = options;
  if ((tlsCert === undefined) !== (tlsKey === undefined))
    throw new UsageError("a certificate is of no use without its key: give both, --tls-cert and --tls-key");
  const server = await JobServer.listen({
    host,
    port,
    logger: logger(verbose ? LogLevel.EVERYTHING : LogLevel.WRONG),
    ...(handlePrefix !== undefined && { handlePrefix }),
    ...(jobRetries !== undefined && { jobRetries }),
    ...(tlsCert !== undefined &&
      tlsKey !== undefined && { tls: { cert: await read(tlsCert), key: await read(tlsKey) } }),
  });
  const stopped = Promise.race([untilStopped(), untilDone(server)]);
  if (json) await sayJson({ address: server.address, port: server.port });
  else await say(`A job server listens on ${server.address}. Its jobs are gone when it ends.`);
  if (!["127.0.0.1", "::1", "localhost"].includes(host))
    note("warning", `everybody who can reach ${host} can submit jobs and work them off: nobody is asked who they are`);
  await stopped;
  await server.close();
}

/** Resolves when somebody wants the server to end, and it has no job any more. Without this, Node would open its debugger. */
async function untilDone(server: JobServer): Promise<void> {
  const asked = new Promise<void>((resolve) => void process.on("SIGUSR1", () => resolve()));
  await asked;
  const look = 100;
  while (server.jobs().length > 0) await new Promise((resolve) => setTimeout(resolve, look));
}

async function read(file: string): Promise<Uint8Array> {
  try {
    return await readFile(file);
  } catch (error) {
    throw new UsageError(`${file} can't be read: ${(error as Error).message}`);
  }
}
