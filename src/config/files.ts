/* `#config` where there are files: Node, Deno and Bun. */
import { ConfigError } from "../errors.js";
import type { Machinery } from "./types.js";

/** What reads configurations. It is no part of programs that don't use it, nor of what bundlers make of them. */
const MACHINERY = "edgear/config";

/** Whether configurations can be read is known: they can. */
export function needFiles(): void {}

/**
 * `edgear/config`, loaded.
 * @throws ConfigError when it isn't there, as in a bundle that was made without it
 */
export async function machinery(): Promise<Machinery> {
  try {
    return await import(/* webpackIgnore: true */ /* @vite-ignore */ MACHINERY);
  } catch (cause) {
    throw new ConfigError(
      "what reads edgear.config.* could not be loaded: a bundled program must import it itself, " +
        'and pass the servers on: const { servers } = await loadConnection("…") of "edgear/config"',
      undefined,
      [],
      { cause },
    );
  }
}
