import { ConfigError } from "../errors.js";
import { FILES } from "./find.js";
import { load } from "./load.js";
import { didYouMean } from "./mistakes.js";
import { noConnection } from "./resolve.js";
import type { ConnectionSettings, GroupSettings, LoadOptions } from "./types.js";

/** As `loadConnection` of index.ts. */
export async function connectionNamed(name: string, options: LoadOptions): Promise<ConnectionSettings> {
  const { file, connections } = await load(options);
  const found = connections[name];
  if (found) return found;
  if (file === undefined) throw missing(`the connection ${JSON.stringify(name)}`, options);
  throw new ConfigError(`${file}: ${noConnection(name, Object.keys(connections))}`, file);
}

/** As `loadGroup` of index.ts. */
export async function groupNamed(
  name: string,
  options: LoadOptions,
): Promise<{ group: GroupSettings; connection: ConnectionSettings }> {
  const { file, connections, groups } = await load(options);
  const group = groups[name];
  if (group) return { group, connection: connections[group.connection] as ConnectionSettings };
  if (file === undefined) throw missing(`the group ${JSON.stringify(name)}`, options);
  const names = Object.keys(groups);
  const there = names.length > 0 ? `there are: ${names.join(", ")}` : "it has none";
  throw new ConfigError(`${file}: there is no group ${JSON.stringify(name)}${didYouMean(name, names)}; ${there}`, file);
}

function missing(what: string, { cwd = process.cwd() }: LoadOptions): ConfigError {
  return new ConfigError(
    `there is no configuration that could name ${what}: put ${FILES[0]} (or ${FILES.slice(1).join(", ")}) into ${cwd} or a folder above, ` +
      "or name it in EDGEAR_CONFIG",
  );
}
