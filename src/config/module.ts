import { pathToFileURL } from "node:url";

/** TypeScript, by its name. */
const TYPESCRIPT = /\.[cm]?tsx?$/;

/**
 * What a runtime says that can't read a module's TypeScript: Node before 22.18 knows the ending not; later ones take types
 * away, but translate nothing (an enum), read none of it in packages, and want imports with their endings.
 */
const UNREADABLE = [
  "ERR_UNKNOWN_FILE_EXTENSION",
  "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX",
  "ERR_UNSUPPORTED_NODE_MODULES_TYPE_STRIPPING",
  "ERR_MODULE_NOT_FOUND",
  "ERR_UNSUPPORTED_DIR_IMPORT",
];

/**
 * Imports a module; TypeScript by the runtime itself where it can, else by jiti, which is loaded only then.
 * @param fresh a text that is another for each version of the file, when a new one is to be seen
 */
export async function importModule(file: string, fresh = ""): Promise<Record<string, unknown>> {
  const { href } = pathToFileURL(file);
  // Bun has one module a file: URL, whatever its query is; it has one for each query of a path.
  const version = fresh && `${"bun" in process.versions ? file : href}?${fresh}`;
  try {
    return await import(/* @vite-ignore */ version || href);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!TYPESCRIPT.test(file) || !UNREADABLE.includes(code)) throw error;
    const { createJiti } = await import("jiti");
    try {
      return await createJiti(href, { moduleCache: fresh === "" }).import(file);
    } catch (other) {
      // What is missing is missing to both; the runtime's words are the ones that people know.
      throw code === "ERR_MODULE_NOT_FOUND" ? error : other;
    }
  }
}
