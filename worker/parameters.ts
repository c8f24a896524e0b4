import type { BackgroundOptions, Priority } from "edgear";
import { badRequest } from "./problem.js";

/** The part of the path after /jobs/, decoded: a function's name, or a handle. */
export function nameInPath(url: string): string {
  return decode(new URL(url).pathname.split("/")[2] ?? "", "the path");
}

/** What the query says of the job to submit. */
export function submitOptions(url: string): BackgroundOptions {
  const { priority, unique, delay } = query(url, ["priority", "unique", "delay"]);
  const options: BackgroundOptions = {};
  // The client checks the word, as it does the unique's length.
  if (priority !== undefined) options.priority = priority as Priority;
  if (unique !== undefined) options.unique = unique;
  if (delay !== undefined) options.delay = milliseconds(delay);
  return options;
}

/** @throws Problem when the query isn't empty */
export function noQuery(url: string): void {
  query(url, []);
}

/**
 * The query's parameters. It is stricter than `URLSearchParams`: what is misspelt, repeated or wrongly encoded would
 * otherwise be dropped or changed without a word.
 */
function query<Name extends string>(url: string, known: readonly Name[]): Partial<Record<Name, string>> {
  const parameters: Partial<Record<Name, string>> = {};
  for (const pair of new URL(url).search.slice(1).split("&")) {
    if (pair === "") continue;
    const equals = pair.indexOf("=");
    const [rawName, rawValue] = equals < 0 ? [pair, ""] : [pair.slice(0, equals), pair.slice(equals + 1)];
    const name = decode(rawName.replaceAll("+", " "), "the query");
    if (!isOneOf(name, known)) {
      const allowed = known.length ? `it may have ${known.join(", ")}` : "it takes none";
      throw badRequest(`the query has the parameter ${JSON.stringify(name)}, which is not known here: ${allowed}`);
    }
    if (parameters[name] !== undefined) throw badRequest(`the query has the parameter ${name} twice`);
    parameters[name] = decode(rawValue.replaceAll("+", " "), name);
  }
  return parameters;
}

function isOneOf<Name extends string>(name: string, names: readonly Name[]): name is Name {
  return (names as readonly string[]).includes(name);
}

function decode(text: string, where: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw badRequest(`${where} has ${JSON.stringify(text)}, which is no percent-encoded UTF-8`, cause);
  }
}

function milliseconds(text: string): number {
  if (!/^\d+$/.test(text))
    throw badRequest(`delay must be a whole number of milliseconds from 0, not ${JSON.stringify(text)}`);
  return Number(text);
}
