import { type Command, Option } from "commander";
import { findConfig } from "../config/find.js";
import { parseServers } from "../connection/address.js";

/** `--connection` */
function connectionOption(): Option {
  return new Option("--connection <name>", "job servers by their name in edgear.config.*, instead of --servers");
}

/**
 * Gives each command that talks to job servers the option `--connection`, and sees to it that `servers` is what was meant:
 * --servers, else --connection, else GEARMAN_SERVERS, else the connection `default` of the configuration, if there is one.
 */
export function nameConnections(program: Command): void {
  for (const command of descendants(program)) {
    const has = (name: string) => command.options.some((option) => option.long === name);
    if (has("--servers") && !has("--connection")) command.addOption(connectionOption());
  }
  program.hook("preAction", (_program, command) => chooseServers(command));
}

/** What reads configurations is loaded only where there is one, and it is needed. */
async function chooseServers(command: Command): Promise<void> {
  const source = command.getOptionValueSource("servers");
  const name: string | undefined = command.getOptionValue("connection");
  if (source === undefined || source === "cli" || (source === "env" && name === undefined)) return;
  if (name === undefined && !process.env.EDGEAR_CONNECTION_DEFAULT && findConfig(process.cwd()) === undefined) return;
  const { connectionNamed } = await import("../config/named.js");
  const { servers } = await connectionNamed(name ?? "default", {});
  command.setOptionValueWithSource("servers", parseServers(servers), "config");
}

function descendants(command: Command): Command[] {
  return command.commands.flatMap((child) => [child, ...descendants(child)]);
}
