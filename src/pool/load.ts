import { pathToFileURL } from "node:url";
import type { ModuleSettings } from "../config/index.js";

/** A module's export. @throws what loading it does, and a TypeError when it isn't there */
export async function loadExport({ file, name }: ModuleSettings): Promise<unknown> {
  const module = await import(pathToFileURL(file).href);
  if (module[name] === undefined) throw new TypeError(`${file} exports no ${name}`);
  return module[name];
}
