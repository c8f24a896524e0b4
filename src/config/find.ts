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
export async function findConfig(cwd: string, given?: string): Promise<string | undefined> {
  const named = process.env.EDGEAR_CONFIG?.trim();
  const file = given ?? (named ? named : undefined);
  if (file === undefined) {
    const { lilconfig } = await import("lilconfig");
    const name = () => ({});
    const loaders = Object.fromEntries(FILES.map((file) => [path.extname(file), name]));
    // It is read elsewhere; and it is looked for up to the root, not to the home folder.
    const { root } = path.parse(path.resolve(cwd));
    const options = { searchPlaces: FILES, loaders, stopDir: root, ignoreEmptySearchPlaces: false, cache: false };
    return (await lilconfig("edgear", options).search(cwd))?.filepath;
  }
  const absolute = path.resolve(cwd, file);
  if (!statSync(absolute, { throwIfNoEntry: false })?.isFile()) {
    const who = given === undefined ? ", which EDGEAR_CONFIG names" : "";
    throw new ConfigError(`there is no configuration ${absolute}${who}`, absolute);
  }
  return absolute;
}
