import { statSync } from "node:fs";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { FunctionOptions, Handler } from "../index.js";
import { Failure, UsageError } from "./exit.js";

/** A handler of a module, with the function that it is for. */
export interface NamedHandler {
  readonly name: string;
  readonly handler: Handler;
  readonly options: FunctionOptions;
}

/**
 * The handlers that a module's default export has, by function: each a handler, or `{ handler, …options of worker.add }`.
 * @throws UsageError when there is no such module, or it has no handlers; Failure when it can't be loaded
 */
export async function loadHandlers(file: string): Promise<NamedHandler[]> {
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) {
    throw new UsageError(
      `there is no module ${JSON.stringify(file)}; for a function of that name, give the command, too: ` +
        `edgear work ${file} -- command`,
    );
  }
  let module: { default?: unknown };
  try {
    module = await import(pathToFileURL(path.resolve(file)).href);
  } catch (error) {
    // Whose module it is, needs to know where in it.
    const { stack, message } = error as Error;
    throw new Failure(`${file} could not be loaded: ${stack ?? message ?? error}`);
  }
  const found = module.default;
  if (typeof found !== "object" || found === null || Object.keys(found).length === 0)
    throw new UsageError(`the default export of ${file} must have handlers: { name: (job) => result, … }`);
  return Object.entries(found).map(([name, value]) => {
    if (typeof value === "function") return { name, handler: value as Handler, options: {} };
    if (typeof value !== "object" || value === null || typeof value.handler !== "function")
      throw new UsageError(`${name} in ${file} must be a function, or { handler, … }`);
    const { handler, ...options } = value as { handler: Handler } & FunctionOptions;
    return { name, handler, options };
  });
}
