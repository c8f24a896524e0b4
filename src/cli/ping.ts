import type { Command } from "commander";
import { serverName } from "../connection/address.js";
import { Client } from "../index.js";
import { describe, ExitCode } from "./exit.js";
import { type CommonOptions, count, jsonOption, serverList, serversOption, timeLimit } from "./options.js";
import { note, say, sayJson } from "./output.js";

interface PingOptions extends CommonOptions {
  count: number;
  timeout: number;
}

const EXAMPLES = `
Examples:
  edgear ping
  edgear ping --servers jobs1,jobs2 --count 3
  edgear ping --timeout 500ms --json || echo 'no job server'`;

/** `edgear ping` */
export function pingCommand(parent: Command, exit: { code: ExitCode }): void {
  parent
    .command("ping")
    .description("say whether the job servers answer, and how fast")
    .option("-c, --count <number>", "how often to ask each", count, 1)
    .option("-t, --timeout <time>", "how long to wait for a connection, and for each answer", timeLimit, 5_000)
    .addOption(serversOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(async (options: PingOptions) => {
      const answers = await Promise.all(options.servers.map((_, index) => ping(index, options)));
      if (answers.includes(false)) exit.code = ExitCode.FAILED;
    });
}

/** Pings one of the servers. @returns whether it answered */
async function ping(index: number, { servers, count, timeout, json }: PingOptions): Promise<boolean> {
  const address = servers.slice(index, index + 1);
  const server = address.map(serverName).join("");
  const client = new Client(serverList(address), { connectTimeout: timeout, requestTimeout: timeout });
  try {
    for (let time = 0; time < count; time++) {
      const milliseconds = await client.ping();
      if (json) await sayJson({ server, ok: true, milliseconds });
      else await say(`${server} ${milliseconds.toFixed(2)} ms`);
    }
    await client.close();
    return true;
  } catch (error) {
    const { message } = describe(error);
    if (json) await sayJson({ server, ok: false, error: message });
    else note("error", message);
    return false;
  } finally {
    client.destroy();
  }
}
