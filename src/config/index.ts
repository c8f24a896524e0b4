/** `edgear/config`: edgear.config.ts, .js, .mjs, .json, .yaml: found, checked, and made of it what clients and workers take. */
import { needFiles } from "./machinery.js";
import type {
  ConnectionSettings,
  EdgearConfig,
  GroupSettings,
  LoadedConfig,
  LoadOptions,
  ModuleSettings,
} from "./types.js";

export { planWorkers } from "./plan.js";
export type {
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
  WorkerPlan,
} from "./types.js";

/** Gives an edgear.config.ts its types. It changes nothing. */
export function defineConfig(config: EdgearConfig): EdgearConfig {
  return config;
}

/**
 * Finds, reads and checks the configuration: `file`, else EDGEAR_CONFIG, else the first of edgear.config.ts, .js, .mjs,
 * .json, .yaml and .yml from the working directory upwards; when there is none, what it gives has one connection, `default`.
 * A module that has changed since it was read is read again; what it imports is not.
 * @throws ConfigError when it can't be read, when something in it is wrong (with all of that at once), or where there are no files
 */
export async function loadConfig(options: LoadOptions = {}): Promise<LoadedConfig> {
  await needFiles();
  const { load } = await import("./load.js");
  return load(options);
}

/**
 * Loads a handler's module, TypeScript too, and takes its export.
 * @throws ConfigError when there is no such file, when it does not load, when it has no such export, or that is no function
 */
// biome-ignore lint/complexity/noBannedTypes: what it takes and gives, the one who calls it knows
export async function loadHandler(settings: ModuleSettings): Promise<Function> {
  await needFiles();
  const { loadFunction } = await import("./handler.js");
  return loadFunction(settings);
}

/**
 * Loads a module, TypeScript too, and takes its export, whatever that is.
 * @throws ConfigError as `loadHandler`
 */
export async function loadExport(settings: ModuleSettings): Promise<unknown> {
  await needFiles();
  const { loadExport } = await import("./handler.js");
  return loadExport(settings);
}

/**
 * A connection of the configuration, by its name.
 * @throws ConfigError when there is none, and as `loadConfig`
 */
export async function loadConnection(name = "default", options: LoadOptions = {}): Promise<ConnectionSettings> {
  await needFiles();
  const { connectionNamed } = await import("./named.js");
  return connectionNamed(name, options);
}

/**
 * A worker group of the configuration, by its name, with its connection.
 * @throws ConfigError when there is none, and as `loadConfig`
 */
export async function loadGroup(
  name: string,
  options: LoadOptions = {},
): Promise<{ readonly group: GroupSettings; readonly connection: ConnectionSettings }> {
  await needFiles();
  const { groupNamed } = await import("./named.js");
  return groupNamed(name, options);
}
