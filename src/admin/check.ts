import { checkFunction, show } from "../connection/check.js";
import { RefusedError } from "../errors.js";
import type { FunctionStatus } from "./entries.js";

/** What ends a word of the text protocol, or the command. */
const UNSPEAKABLE = /[\0-\x20\x7f]/;

/** How many jobs would be lost with a function. */
export function jobsOf(name: string, functions: readonly FunctionStatus[]): number {
  return functions.find((entry) => entry.function === name)?.total ?? 0;
}

/**
 * @param ours whether the server is a `JobServer`, which drops no jobs, force or no force
 * @throws RefusedError when dropping a function would harm jobs, or another function
 */
export function checkDroppable(name: string, functions: readonly FunctionStatus[], ours: boolean): void {
  const jobs = jobsOf(name, functions);
  if (jobs > 0) {
    const has = `the function ${show(name)} has ${jobs === 1 ? "a job" : `${jobs} jobs`}`;
    throw new RefusedError(
      ours
        ? `${has}, and this server, a JobServer, drops none that has: let it be worked off first, or cancel what waits`
        : `${has}, which no worker could get any more: let it be worked off first, or drop it with force`,
    );
  }
  const alike = (other: string) => other !== name && lower(other) === lower(name);
  const other = functions.find((entry) => alike(entry.function));
  if (other) {
    throw new RefusedError(
      `gearmand would drop the function ${show(other.function)} as well, as it doesn't mind case there: ` +
        `drop ${show(name)} with force if that is what you want`,
    );
  }
}

/** As gearmand compares names there. */
function lower(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** @throws TypeError when a function's name can't be one, or can't be said in the text protocol */
export function checkSpeakable(name: unknown): asserts name is string {
  checkFunction(name);
  refuseUnspeakable(name, "a function name");
}

/** @throws TypeError when it can't be said in the text protocol */
export function refuseUnspeakable(value: string, what: string): void {
  if (!UNSPEAKABLE.test(value)) return;
  throw new TypeError(
    `${what} with blanks or control characters can't be said in the text protocol, which ends words at them: ${show(value)}`,
  );
}
