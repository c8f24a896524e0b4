import type { Command } from "commander";
import { JobServer } from "../server/index.js";
import { count, jsonOption, number } from "./options.js";
import { note, say, sayJson } from "./output.js";
import { untilStopped } from "./signals.js";

interface ServerCommandOptions {
  host: string;
  port: number;
  handlePrefix?: string;
  jobRetries?: number;
  json?: boolean;
}

const EXAMPLES = `
An embedded job server, for a quick start, tests and development: its jobs are
kept in memory, and gone with it. In production, use gearmand. It ends on Ctrl-C
and SIGTERM.

Examples:
  edgear server
  edgear server --port 0 --json
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
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(serve);
}

async function serve({ host, port, handlePrefix, jobRetries, json }: ServerCommandOptions): Promise<void> {
  const server = await JobServer.listen({
    host,
    port,
    ...(handlePrefix !== undefined && { handlePrefix }),
    ...(jobRetries !== undefined && { jobRetries }),
  });
  const stopped = untilStopped();
  if (json) sayJson({ address: server.address, port: server.port });
  else say(`A job server listens on ${server.address}. Its jobs are gone when it ends.`);
  if (!["127.0.0.1", "::1", "localhost"].includes(host))
    note("warning", `everybody who can reach ${host} can submit jobs and work them off: nobody is asked who they are`);
  await stopped;
  await server.close();
}
