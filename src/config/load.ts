import path from "node:path";
import { findConfig } from "./find.js";
import { expand, isObject, merge, type Values } from "./merge.js";
import { Mistakes } from "./mistakes.js";
import { readConfig } from "./read.js";
import { checkNames, checkServers, connectionsOf, groupsOf } from "./resolve.js";
import { PART, WHOLE } from "./schema.js";
import type { GroupConfig, LoadedConfig, LoadOptions } from "./types.js";

/** As `loadConfig` of index.ts. */
export async function load({ cwd = process.cwd(), file: given, environment }: LoadOptions = {}): Promise<LoadedConfig> {
  const file = findConfig(cwd, given);
  // Bundlers put their own NODE_ENV in place of one that is asked for by its full name.
  const { EDGEAR_ENV, NODE_ENV } = process.env;
  const chosen = environment ?? (EDGEAR_ENV?.trim() || NODE_ENV?.trim() || undefined);
  const raw = file === undefined ? {} : await readConfig(file);
  // Without a file there can only be something wrong with variables.
  return { file, environment: chosen, ...settingsOf(raw, file ?? path.resolve(cwd, "edgear.config"), chosen) };
}

/** @throws ConfigError with all that is wrong */
function settingsOf(raw: unknown, file: string, environment: string | undefined) {
  const mistakes = new Mistakes(file);
  if (!isObject(raw)) {
    mistakes.add([], `it must have ${PARTS}`);
    throw mistakes.error();
  }
  const entries = Object.entries(raw).filter(([key]) => key !== "$schema");
  const common: Values = Object.fromEntries(entries.filter(([key]) => !key.startsWith("$")));
  const environments = entries.filter(([key]) => key.startsWith("$"));
  // Each part for itself first: so mistakes are found where they stand, and in environments that aren't this one.
  for (const [key, part] of [["", common] as const, ...environments]) {
    const at = key ? [key] : [];
    const parsed = PART.safeParse(expand(part));
    if (!parsed.success) mistakes.addIssues(parsed.error.issues, part, at);
    if (isObject(part)) checkServers(part, at, mistakes);
  }
  const chosen = `$${environment}`;
  const part = environments.find(([key]) => key === chosen)?.[1];
  const whole = merge(expand(common), expand(part)) as Values;
  const parsed = WHOLE.safeParse(whole);
  // What is wrong only now is something that is missing.
  if (!parsed.success) mistakes.addIssues(parsed.error.issues, merge(common, part), [], chosen);
  checkNames(whole, mistakes);
  mistakes.throwIfAny();
  const folder = path.dirname(file);
  const inPart = (name: string) =>
    isObject(part) && isObject(part.connections) && Object.hasOwn(part.connections, name);
  const at = (name: string) => [...(inPart(name) ? [chosen] : []), "connections", name];
  const connections = connectionsOf((whole.connections ?? {}) as Values, folder, at, mistakes);
  mistakes.throwIfAny();
  return { connections, groups: groupsOf((whole.groups ?? {}) as Record<string, GroupConfig>, folder) };
}

const PARTS = "connections, groups or environments ($production, …) in it";
