import { readFile, stat } from "node:fs/promises";
import path from "node:path";
import { ConfigError } from "../errors.js";
import { words } from "./handler.js";
import { mistaken } from "./mistakes.js";
import { importModule } from "./module.js";

/** When modules that were read were changed last: a program that runs for long sees a new one, as it does with the others. */
const versions = new Map<string, number>();

/**
 * What stands in a configuration's file.
 * @throws ConfigError when it can't be read
 */
export async function readConfig(file: string): Promise<unknown> {
  const ending = path.extname(file);
  try {
    if (/^\.[cm]?[jt]s$/.test(ending)) return await readModule(file);
    const text = (await readFile(file, "utf8")).replace(/^\uFEFF/, "");
    if (ending === ".json") return JSON.parse(text);
    if (ending === ".yaml" || ending === ".yml") return await readYaml(text, file);
  } catch (cause) {
    if (cause instanceof ConfigError) throw cause;
    throw new ConfigError(`${file} does not load: ${words(cause)}`, file, [], { cause });
  }
  throw new ConfigError(
    `${file} is no configuration: its name must end with .ts, .js, .mjs, .json, .yaml or .yml`,
    file,
  );
}

async function readModule(file: string): Promise<unknown> {
  const { mtimeMs } = await stat(file);
  const first = versions.get(file) ?? mtimeMs;
  versions.set(file, first);
  const module = await importModule(file, first === mtimeMs ? "" : String(mtimeMs));
  if (!("default" in module)) {
    const message = "it must have a default export: export default defineConfig({ … })";
    throw mistaken(file, [{ path: "", message }]);
  }
  return module.default;
}

async function readYaml(text: string, file: string): Promise<unknown> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(text, { merge: true });
  const wrong = [...document.errors, ...document.warnings];
  // The first line has the place; what follows it draws the place.
  const mistakes = wrong.map(({ message }) => ({ path: "", message: message.split("\n")[0]?.replace(/:$/, "") ?? "" }));
  if (mistakes.length > 0) throw mistaken(file, mistakes);
  return document.toJS();
}
