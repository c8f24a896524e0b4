/* What a configuration's file says: the types that an editor completes and checks an edgear.config.ts by. */
import type { ServerOptions } from "../connection/address.js";
import type { TlsOptions } from "../platform/transport.js";

/** A time: milliseconds as a number, or words with a unit: `"500ms"`, `"30s"`, `"5m"`, `"2h"`, `"1d"`. */
export type Time = number | string;

/** A size: bytes as a number, or words with a unit, each 1,024 of the one before: `"512KB"`, `"256MB"`, `"2GB"`. */
export type Size = number | string;

/** PEM as it stands, or the file that it stands in, whose path is relative to the configuration's. */
export type PemConfig = string | Uint8Array | { file: string };

/** TLS as `new Client` takes it; certificates and keys may be in files. */
export interface TlsConfig extends Omit<TlsOptions, "ca" | "cert" | "key"> {
  ca?: PemConfig | readonly PemConfig[] | undefined;
  cert?: PemConfig | undefined;
  key?: PemConfig | undefined;
}

/** One job server. */
export interface ServerConfig {
  host: string;
  /** Default 4730. */
  port?: number | undefined;
  /** TLS from the first byte: `true`, or how. Default: none, nothing is encrypted. */
  tls?: boolean | TlsConfig | undefined;
}

/**
 * The job servers of a connection: `"host"`, `"host:port"`, `"gearmans://host"` (TLS), several of these with commas
 * between them, `{ host, port, tls }`, or a list of all that.
 */
export type ConnectionConfig = string | ServerConfig | readonly (string | ServerConfig)[];

/** How a function's failed background jobs are tried again: docs/worker.md, "Retries". */
export interface RetryConfig {
  /** How often a job is tried in all, from 2. */
  attempts: number;
  /** The wait before the second attempt, doubled each time; default one second. */
  backoff?: Time | undefined;
  /** The function that gets the workload of a job whose last attempt failed. Default: none. */
  deadLetter?: string | undefined;
}

/** A function of a group. */
export interface FunctionConfig {
  /** `"./workers/text.ts#reverse"`: a module, relative to the configuration's file, and its export (`default` unless given). */
  handler: string;
  /**
   * How many of its jobs run at once in a worker process, on a connection of its own. Default: it shares the group's
   * connection and `concurrency`.
   */
  concurrency?: number | undefined;
  /** How long a job may take; then it fails. Default: no limit. */
  timeout?: Time | undefined;
  /** Tries failed background jobs again: how often in all, or how. Default: not. */
  retry?: number | RetryConfig | undefined;
  /**
   * Which of a group's functions is asked first, the largest number first; default 0. What servers make of it:
   * docs/configuration.md, "Priority".
   */
  priority?: number | undefined;
}

/** How `edgear pool` runs a group; its options of the same names stand before these. */
export interface PoolConfig {
  /** Worker processes; default 1. */
  workers?: number | undefined;
  /** How many processes are started in all, the replacements included. Default: no limit. */
  limit?: number | undefined;
  /** Whether a process that has ended is replaced; default true. */
  resuscitate?: boolean | undefined;
  /** A fresh process for each job. Default false. */
  atomic?: boolean | undefined;
  /** A process leaves after so many jobs. Default: no limit. */
  count?: number | undefined;
  /** A process leaves after so long without a job. Default: no limit. */
  timeout?: Time | undefined;
  /** A process that takes more memory leaves when its jobs are done. Default: no limit. */
  maxMemory?: Size | undefined;
  /** A process leaves after so long. Default: no limit. */
  maxLifetime?: Time | undefined;
  /** Worker threads instead of processes. Default false. */
  threads?: boolean | undefined;
  /** How long running jobs may take to finish when the pool is to end. */
  grace?: Time | undefined;
  /** `"./hooks.ts#hooks"`: a module's export with functions that are told of a worker's life. */
  hooks?: string | undefined;
  /** Where metrics and health are served: a port, `":9464"` or `"127.0.0.1:9464"`. Default: nowhere. */
  metrics?: number | string | undefined;
}

/** A group of functions that the same workers work off. */
export interface GroupConfig {
  /** The connection's name; default `"default"`. */
  connection?: string | undefined;
  /** How many jobs run at once in a worker process; default 1. */
  concurrency?: number | undefined;
  /** Functions by name: a handler, or a handler with options. */
  functions: Readonly<Record<string, string | FunctionConfig>>;
  /** How `edgear pool` runs the group. */
  pool?: PoolConfig | undefined;
}

/** What an environment has otherwise: any part of the configuration. Objects are merged, all else is replaced. */
export interface EnvironmentConfig {
  connections?: Readonly<Record<string, ConnectionConfig>> | undefined;
  groups?:
    | Readonly<
        Record<
          string,
          Partial<Omit<GroupConfig, "functions">> & {
            functions?: Readonly<Record<string, string | Partial<FunctionConfig>>> | undefined;
          }
        >
      >
    | undefined;
}

/** What edgear.config.ts exports. */
export interface EdgearConfig {
  /** Job servers by name. What names none is `default`, which is 127.0.0.1:4730 unless it stands here. */
  connections?: Readonly<Record<string, ConnectionConfig>> | undefined;
  /** Worker groups by name. */
  groups?: Readonly<Record<string, GroupConfig>> | undefined;
  /** `$production`, for example: what is otherwise in that environment. */
  readonly [environment: `$${string}`]: EnvironmentConfig | undefined;
}

/** A connection, complete: its servers as `new Client` takes them. */
export interface ConnectionSettings {
  readonly name: string;
  readonly servers: readonly ServerOptions[];
}

/** How failed background jobs are tried again, as `worker.add` takes it. */
export interface RetrySettings {
  readonly attempts: number;
  /** Milliseconds. */
  readonly backoff?: number;
  readonly deadLetter?: string;
}

/** An export of a module. */
export interface ModuleSettings {
  /** Absolute. */
  readonly file: string;
  /** The export: `default` unless given. */
  readonly name: string;
}

/** A function of a group, complete. */
export interface FunctionSettings extends ModuleSettings {
  /** Milliseconds. */
  readonly timeout?: number;
  readonly retry?: RetrySettings;
  readonly priority?: number;
  readonly concurrency?: number;
}

/** How a pool runs a group. What isn't there wasn't said. */
export interface PoolSettings {
  readonly workers?: number;
  readonly limit?: number;
  readonly resuscitate?: boolean;
  readonly atomic?: boolean;
  readonly count?: number;
  /** Milliseconds without a job. */
  readonly timeout?: number;
  /** Bytes. */
  readonly maxMemory?: number;
  /** Milliseconds. */
  readonly maxLifetime?: number;
  readonly threads?: boolean;
  /** Milliseconds that a running job has. */
  readonly grace?: number;
  readonly hooks?: ModuleSettings;
  /** A port, or `host:port`, or `:port`, as it was given. */
  readonly metrics?: string;
}

/** A worker group, complete. */
export interface GroupSettings {
  readonly name: string;
  /** The name of its connection, which the configuration has. */
  readonly connection: string;
  readonly concurrency?: number;
  readonly functions: Readonly<Record<string, FunctionSettings>>;
  readonly pool: PoolSettings;
}

/** A configuration, checked, with its environment's part merged in. */
export interface LoadedConfig {
  /** The file, absolute. Undefined: there is none. */
  readonly file: string | undefined;
  /** The environment that was chosen, whether the file has a part for it or not. */
  readonly environment: string | undefined;
  /** Always with `default`. */
  readonly connections: Readonly<Record<string, ConnectionSettings>>;
  readonly groups: Readonly<Record<string, GroupSettings>>;
}

/** Where a configuration is looked for, and what for. */
export interface LoadOptions {
  /** Where the search upwards begins; default: the working directory. */
  cwd?: string | undefined;
  /** The file, relative to `cwd`. Default: EDGEAR_CONFIG, else it is looked for. */
  file?: string | undefined;
  /** The environment, without its `$`. Default: EDGEAR_ENV, else NODE_ENV. */
  environment?: string | undefined;
}

/** What one `Worker` of a group is to be: how many jobs at once, and its functions, in the order to add them. */
export interface WorkerPlan {
  readonly concurrency: number;
  readonly functions: readonly (readonly [name: string, settings: FunctionSettings])[];
}

/** What clients and workers use of `edgear/config`, which is loaded only then. */
export interface Machinery {
  loadConnection(name?: string, options?: LoadOptions): Promise<ConnectionSettings>;
  loadGroup(
    name: string,
    options?: LoadOptions,
  ): Promise<{ readonly group: GroupSettings; readonly connection: ConnectionSettings }>;
  // biome-ignore lint/complexity/noBannedTypes: what it takes and gives, the one who calls it knows
  loadHandler(settings: ModuleSettings): Promise<Function>;
  planWorkers(group: GroupSettings): WorkerPlan[];
}
