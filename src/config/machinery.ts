import { HAS_FILES, loadPart } from "#platform";
import type { Machinery } from "./types.js";

/**
 * `edgear/config`, loaded. It is no part of programs that don't use it, nor of what bundlers make of them.
 * @throws ConfigError (as a rejection) when it isn't there, as beside a bundle, or where there are no files
 */
export function machinery(): Promise<Machinery> {
  return loadPart("edgear/config") as Promise<Machinery>;
}

/**
 * Nothing, where there are files.
 * @throws ConfigError (as a rejection) where there are none
 */
export async function needFiles(): Promise<void> {
  if (!HAS_FILES) await loadPart("edgear/config");
}
