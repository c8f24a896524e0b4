/* What was checked, made into what clients and workers take. */
import path from "node:path";
import { isObject, type Values } from "./merge.js";
import { didYouMean, type KeyPath, type Mistakes } from "./mistakes.js";
import { wrongName } from "./schema.js";
import { readServers } from "./servers.js";
import type {
  ConnectionSettings,
  FunctionConfig,
  FunctionSettings,
  GroupConfig,
  GroupSettings,
  ModuleSettings,
  PoolConfig,
  PoolSettings,
  RetryConfig,
} from "./types.js";
import { readSize, readTime } from "./units.js";

/** What connections are called in variables: EDGEAR_CONNECTION_JOBS_EU is `jobs-eu`'s. */
const variable = (name: string) => `EDGEAR_CONNECTION_${name.toUpperCase().replaceAll(/[.-]/g, "_")}`;

/** Looks at the names of a part of the file, and at its servers, but for their files: it may be another machine's. */
export function checkServers({ connections }: Values, at: KeyPath, mistakes: Mistakes): void {
  if (!isObject(connections)) return;
  for (const [name, value] of Object.entries(connections)) {
    const wrong = wrongName("connection", name);
    if (wrong) mistakes.add([...at, "connections", name], wrong);
    readServers(value, undefined, (where, message) => mistakes.add([...at, "connections", name, ...where], message));
  }
}

/** Looks at the names that groups and functions have, and at those that they use. What has no form is passed over. */
export function checkNames({ connections, groups }: Values, mistakes: Mistakes): void {
  if (!isObject(groups)) return;
  const known = [...new Set(["default", ...Object.keys(isObject(connections) ? connections : {})])];
  for (const [name, group] of Object.entries(groups)) {
    const at = ["groups", name];
    const wrong = wrongName("group", name);
    if (wrong) mistakes.add(at, wrong);
    if (!isObject(group)) continue;
    const { connection, functions } = group;
    if (typeof connection === "string" && !known.includes(connection))
      mistakes.add([...at, "connection"], noConnection(connection, known));
    if (!isObject(functions)) continue;
    if (Object.keys(functions).length === 0) mistakes.add([...at, "functions"], "a group needs a function at least");
    for (const [name, value] of Object.entries(functions)) {
      const wrong = wrongName("function", name);
      if (wrong) mistakes.add([...at, "functions", name], wrong);
      const retry = isObject(value) ? value.retry : undefined;
      if (isObject(retry) && retry.deadLetter === name)
        mistakes.add(
          [...at, "functions", name, "retry", "deadLetter"],
          `the dead letters of ${name} can't go to itself`,
        );
    }
  }
}

/** What is said of a connection that there isn't. */
export function noConnection(name: string, known: readonly string[]): string {
  return `there is no connection ${JSON.stringify(name)}${didYouMean(name, known)}; there are: ${known.join(", ")}`;
}

/**
 * The connections, `default` among them. Variables stand before what the file says.
 * @param at where one stands
 */
export function connectionsOf(
  connections: Values,
  folder: string,
  at: (name: string) => KeyPath,
  mistakes: Mistakes,
): Record<string, ConnectionSettings> {
  const settings = Object.entries({ default: "127.0.0.1", ...connections }).map(
    ([name, value]): [string, ConnectionSettings] => {
      const named = variable(name);
      const override = process.env[named]?.trim();
      const servers = readServers(override ? override : value, folder, (where, message) => {
        if (override) mistakes.add([named], `the variable: ${message}`);
        else mistakes.add([...at(name), ...where], message);
      });
      return [name, { name, servers }];
    },
  );
  return dictionary(settings);
}

/** The groups, complete. They were checked. */
export function groupsOf(groups: Readonly<Record<string, GroupConfig>>, folder: string): Record<string, GroupSettings> {
  const settings = Object.entries(groups).map(([name, group]): [string, GroupSettings] => {
    const { connection = "default", concurrency, functions, pool = {} } = group;
    const resolved = Object.entries(functions).map(([name, value]): [string, FunctionSettings] => [
      name,
      functionOf(value as FunctionConfig, folder),
    ]);
    return [
      name,
      { name, connection, ...given({ concurrency }), functions: dictionary(resolved), pool: poolOf(pool, folder) },
    ];
  });
  return dictionary(settings);
}

function functionOf(
  { handler, timeout, retry, priority, concurrency }: FunctionConfig,
  folder: string,
): FunctionSettings {
  const tried = typeof retry === "object" ? retryOf(retry) : undefined;
  return {
    ...moduleOf(handler, folder),
    ...given({ timeout: readTime(timeout), retry: tried, priority, concurrency }),
  };
}

function retryOf({ attempts, backoff, deadLetter }: RetryConfig) {
  return { attempts, ...given({ backoff: readTime(backoff), deadLetter }) };
}

function poolOf(pool: PoolConfig, folder: string): PoolSettings {
  const { timeout, maxLifetime, grace, maxMemory, hooks, metrics, ...rest } = pool;
  return given({
    ...rest,
    timeout: readTime(timeout),
    maxLifetime: readTime(maxLifetime),
    grace: readTime(grace),
    maxMemory: readSize(maxMemory),
    hooks: hooks === undefined ? undefined : moduleOf(hooks, folder),
    metrics: metrics === undefined ? undefined : String(metrics),
  });
}

/** `./workers/text.ts#reverse`: the file, absolute, and the export. */
function moduleOf(text: string, folder: string): ModuleSettings {
  const [, file = "", name = "default"] = /^([^#]*)(?:#(.*))?$/s.exec(text) ?? [];
  return { file: path.resolve(folder, file), name };
}

/** Without what is undefined. */
function given<T extends object>(values: T): { [Key in keyof T]?: Exclude<T[Key], undefined> } {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as never;
}

/** An object that has nothing but these: no `constructor` that would be taken for somebody's connection. */
function dictionary<T>(entries: [string, T][]): Record<string, T> {
  return Object.assign(Object.create(null), Object.fromEntries(entries));
}
