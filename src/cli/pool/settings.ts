/*
 * What a pool is to run, and how: the configuration's group, and what the command line says otherwise.
 */
import path from "node:path";
import { findConfig } from "../../config/find.js";
import { type GroupSettings, loadConfig, type PoolSettings } from "../../config/index.js";
import type { ServerOptions } from "../../index.js";
import { UsageError } from "../exit.js";
import { type Place, placeOf } from "./place.js";

/** What every pool command takes. */
export interface PoolChoice {
  config?: string;
  env?: string;
  pid?: string;
}

/** What a pool is to run. */
export interface Settings {
  readonly group: GroupSettings;
  readonly servers: readonly ServerOptions[];
  readonly file: string | undefined;
  readonly place: Place;
}

/**
 * The group of that name, or the only one, or the one called `default`.
 * @throws ConfigError, UsageError when there is none
 */
export async function loadSettings(
  name: string | undefined,
  choice: PoolChoice,
  { connection, ...given }: PoolSettings & { connection?: string },
): Promise<Settings> {
  const loaded = await loadConfig(options(choice));
  const chosen = name ?? only(Object.keys(loaded.groups), loaded.file);
  const group = loaded.groups[chosen];
  if (!group) throw new UsageError(noGroup(chosen, Object.keys(loaded.groups), loaded.file));
  const wanted = connection ?? group.connection;
  const found = loaded.connections[wanted];
  if (!found) {
    const names = Object.keys(loaded.connections).join(", ");
    throw new UsageError(`there is no connection ${JSON.stringify(wanted)}; there are: ${names}`);
  }
  const { file } = loaded;
  return {
    group: { ...group, connection: wanted, pool: { ...group.pool, ...given } },
    servers: found.servers,
    file,
    place: placeOf(choice.pid, chosen, file),
  };
}

/** Where a pool is that is spoken of: with `--pid`, no configuration is needed for that. */
export async function findPlace(name: string | undefined, choice: PoolChoice): Promise<{ name: string; place: Place }> {
  if (choice.pid !== undefined)
    return { name: name ?? path.basename(choice.pid), place: placeOf(choice.pid, "", undefined) };
  if (name !== undefined) {
    const file = await findConfig(process.cwd(), choice.config);
    return { name, place: placeOf(undefined, name, file) };
  }
  const { file, groups } = await loadConfig(options(choice));
  const chosen = only(Object.keys(groups), file);
  return { name: chosen, place: placeOf(undefined, chosen, file) };
}

function options({ config, env }: PoolChoice) {
  return { ...(config !== undefined && { file: config }), ...(env !== undefined && { environment: env }) };
}

function only(names: readonly string[], file: string | undefined): string {
  const [first, ...others] = names;
  if (first === undefined) throw new UsageError(noGroup(undefined, names, file));
  if (others.length === 0) return first;
  if (names.includes("default")) return "default";
  throw new UsageError(`which group? There are: ${names.join(", ")}`);
}

function noGroup(name: string | undefined, names: readonly string[], file: string | undefined): string {
  const what = name === undefined ? "no group" : `no group ${JSON.stringify(name)}`;
  if (file === undefined)
    return `there is ${what}: there is no edgear.config.ts, .js, .json or .yaml here or above that could name one`;
  return names.length === 0 ? `${file} has no groups` : `${file} has ${what}; there are: ${names.join(", ")}`;
}
