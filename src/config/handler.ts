import { statSync } from "node:fs";
import { ConfigError } from "../errors.js";
import { didYouMean } from "./mistakes.js";
import { importModule } from "./module.js";
import type { ModuleSettings } from "./types.js";

/** As `loadHandler` of index.ts, whatever the export is. */
export async function loadExport({ file, name }: ModuleSettings): Promise<unknown> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile())
    throw new ConfigError(`there is no file ${file}, which is to have the export ${JSON.stringify(name)}`, file);
  let module: Record<string, unknown>;
  try {
    module = await importModule(file);
  } catch (cause) {
    throw new ConfigError(`${file} does not load: ${words(cause)}`, file, [], { cause });
  }
  // What CommonJS exports, runtimes don't always find the names of.
  const inner = module.default;
  const found = name in module ? module[name] : isRecord(inner) && Object.hasOwn(inner, name) ? inner[name] : undefined;
  if (found !== undefined) return found;
  const names = Object.keys(module);
  const there = names.length > 0 ? `it has ${names.join(", ")}` : "it has none";
  throw new ConfigError(`${file} has no export ${JSON.stringify(name)}${didYouMean(name, names)}; ${there}`, file);
}

/** As `loadHandler` of index.ts. */
// biome-ignore lint/complexity/noBannedTypes: what it takes and gives, the one who calls it knows
export async function loadFunction(settings: ModuleSettings): Promise<Function> {
  const found = await loadExport(settings);
  if (typeof found === "function") return found;
  const { file, name } = settings;
  const kind = found === null ? "null" : Array.isArray(found) ? "a list" : `of type ${typeof found}`;
  throw new ConfigError(`the export ${JSON.stringify(name)} of ${file} must be a function; it is ${kind}`, file);
}

/** An error in its own words and on one line, with its kind, and the place that it came from if that is known. */
export function words(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { name, message, stack = "" } = error;
  const text = `${name}: ${message}`.replaceAll(/\s*\n[\s|]*/g, " ").trim();
  // Mistakes of form: Node writes the place before the stack, Bun beside it.
  const { position } = error as { position?: { file: string; line: number; column: number } };
  const [before, inside] = [
    /^(?:file:\/\/)?(\/\S+:\d+)\n/.exec(stack),
    /^ +at .*?\(?file:\/\/(\/[^\s()]+:\d+:\d+)\)?$|^ +at .*?(\/[^\s()]+\.[cm]?[jt]sx?:\d+:\d+)\)?$/m.exec(stack),
  ];
  const place = position
    ? `${position.file}:${position.line}:${position.column}`
    : (before?.[1] ?? inside?.[1] ?? inside?.[2]);
  return place && !text.includes(place) ? `${text} (at ${place})` : text;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
