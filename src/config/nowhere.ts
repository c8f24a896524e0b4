/* `#config` on workerd, where there are no files. */
import { ConfigError } from "../errors.js";

/** @throws ConfigError always */
export function needFiles(): never {
  throw new ConfigError("Workers have no files, so no edgear.config: pass the servers on, from env");
}

/** Rejects with a ConfigError, always. */
export async function machinery(): Promise<never> {
  needFiles();
}
