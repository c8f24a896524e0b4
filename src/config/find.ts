import { statSync } from "node:fs";
import path from "node:path";
import { ConfigError } from "../errors.js";

/** In this order, where a folder has several. */
export const FILES = ["ts", "js", "mjs", "json", "yaml", "yml"].map((ending) => `edgear.config.${ending}`);

/**
 * The configuration's file: the one that is given, else EDGEAR_CONFIG, else the first that is found from a folder upwards.
 * Undefined: there is none.
 * @throws ConfigError when the one that is given isn't there
 */
export function findConfig(cwd: string, given?: string): string | undefined {
  const named = process.env.EDGEAR_CONFIG?.trim();
  const file = given ?? (named ? named : undefined);
  if (file === undefined) return search(path.resolve(cwd));
  const absolute = path.resolve(cwd, file);
  if (!isFile(absolute)) {
    const who = given === undefined ? ", which EDGEAR_CONFIG names" : "";
    throw new ConfigError(`there is no configuration ${absolute}${who}`, absolute);
  }
  return absolute;
}

/** In a folder, or in one above it. Loaders from the registry ask for the home folder, too, which Deno wants leave for. */
function search(folder: string): string | undefined {
  const found = FILES.map((name) => path.join(folder, name)).find(isFile);
  const above = path.dirname(folder);
  return found ?? (above === folder ? undefined : search(above));
}

/** What may not be looked at isn't there. */
function isFile(file: string): boolean {
  try {
    return statSync(file, { throwIfNoEntry: false })?.isFile() === true;
  } catch {
    return false;
  }
}
