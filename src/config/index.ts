/** `edgear/config`: edgear.config.ts, .js, .mjs, .json, .yaml: found, checked, and made of it what clients and workers take. */
import type { EdgearConfig, FunctionSettings, LoadedConfig, LoadOptions } from "./types.js";

export { planWorkers, type WorkerPlan } from "./plan.js";
export type {
  BaseConfig,
  ConnectionConfig,
  ConnectionSettings,
  EdgearConfig,
  EnvironmentConfig,
  FunctionConfig,
  FunctionSettings,
  GroupConfig,
  GroupSettings,
  LoadedConfig,
  LoadOptions,
  ModuleSettings,
  PemConfig,
  PoolConfig,
  PoolSettings,
  RetryConfig,
  RetrySettings,
  ServerConfig,
  Size,
  Time,
  TlsConfig,
} from "./types.js";

/** Gives an edgear.config.ts its types. It changes nothing. */
export function defineConfig(config: EdgearConfig): EdgearConfig {
  return config;
}

/** Finds and reads the configuration. */
export async function loadConfig(_options: LoadOptions = {}): Promise<LoadedConfig> {
  throw new Error("not yet");
}

/** Loads a handler's module and takes its export. */
// biome-ignore lint/complexity/noBannedTypes: what it takes and gives, the one who calls it knows
export async function loadHandler(_settings: Pick<FunctionSettings, "file" | "name">): Promise<Function> {
  throw new Error("not yet");
}
