import type { BackgroundOptions, Priority } from "edgear";
import { badRequest } from "./problem.js";

/** The part of the path after /jobs/ or /run/, decoded: a function's name, or a handle. */
export function nameInPath(url: string): string {
  return plain(decode(new URL(url).pathname.split("/")[2] ?? "", "the path"), "the path");
}

/** Everything that a request may say of the job to submit. */
export interface JobParameters {
  options: BackgroundOptions;
  callback: string | undefined;
}

/** What the query and the headers say of the job to submit in the background. */
export function jobParameters(request: Request): JobParameters {
  const { callback, delay, ...rest } = query(request.url, ["priority", "unique", "delay", "callback"]);
  const options: BackgroundOptions = common(rest, request.headers);
  if (delay !== undefined) options.delay = milliseconds(delay, "delay");
  return { options, callback };
}

/** What the query and the headers say of the job to run; `timeout` is at most, and by default, `longest`. */
export function runParameters(
  request: Request,
  longest: number,
): { priority?: Priority; unique?: string; timeout: number } {
  const { timeout, ...rest } = query(request.url, ["priority", "unique", "timeout"]);
  const wait = timeout === undefined ? longest : milliseconds(timeout, "timeout");
  if (wait < 1 || wait > longest)
    throw badRequest(`timeout must be a number of milliseconds from 1 to ${longest}, not ${timeout}`);
  return { ...common(rest, request.headers), timeout: wait };
}

/** The server that a job is to be asked for at, if one is named. */
export function serverAskedFor(url: string): string | undefined {
  const { server } = query(url, ["server"]);
  return server === undefined ? undefined : plain(server, "server");
}

/** The unique that is asked for. */
export function uniqueAskedFor(url: string): string {
  const { unique } = query(url, ["unique"]);
  if (unique === undefined) throw badRequest("say which job: /jobs?unique=…, or /jobs/ and its handle");
  return plain(unique, "unique");
}

/** @throws Problem when the query isn't empty */
export function noQuery(url: string): void {
  query(url, []);
}

/**
 * Control characters are allowed by the protocol, but not by this door: job servers list names in lines of text, with
 * tabs between them, where they would pass for another line. (A NUL the client refuses, as everywhere.)
 */
export function plain(text: string, what: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is looked for
  if (/[\x01-\x1f\x7f-\x9f\u2028\u2029]/.test(text))
    throw badRequest(`${what} must not have control characters, as ${JSON.stringify(text.slice(0, 80))} has`);
  return text;
}

/** A unique of the submitter's own, that does what it says. */
export function checkedUnique(unique: string, what = "unique"): string {
  if (unique === "") throw badRequest(`${what} must not be empty: leave it out, and the job gets one`);
  // Which it would do without a word.
  if (unique === "-") throw badRequest(`${what} must not be "-": job servers put the workload in its place`);
  return plain(unique, what);
}

/** Whether a client asks for a stream of events. */
export function wantsEvents(headers: Headers): boolean {
  return (headers.get("accept") ?? "").split(",").some((range) => {
    const [type, ...parameters] = range.split(";").map((part) => part.trim().toLowerCase());
    // By this it says what it doesn't take.
    return type === "text/event-stream" && !parameters.some((parameter) => /^q=0(\.0*)?$/.test(parameter));
  });
}

function common(
  { priority, unique }: { priority?: string; unique?: string },
  headers: Headers,
): { priority?: Priority; unique?: string } {
  const key = idempotencyKey(headers);
  if (key !== undefined && unique !== undefined)
    throw badRequest("the header Idempotency-Key and the parameter unique say the same thing twice: give one of them");
  const said = unique === undefined ? key : checkedUnique(unique);
  return {
    // The client checks the word, as it does the unique's length.
    ...(priority !== undefined && { priority: priority as Priority }),
    ...(said !== undefined && { unique: said }),
  };
}

/** Two headers of the name come as one, with a comma and a space between them: the space gives them away. */
function idempotencyKey(headers: Headers): string | undefined {
  const key = headers.get("idempotency-key");
  if (key === null) return undefined;
  if (!/^[\x21-\x7e]{1,63}$/.test(key))
    throw badRequest(
      `Idempotency-Key must be one key of 1 to 63 ASCII characters without spaces, not ${JSON.stringify(key.slice(0, 80))}`,
    );
  return checkedUnique(key, "Idempotency-Key");
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

function milliseconds(text: string, name: string): number {
  if (!/^\d+$/.test(text))
    throw badRequest(`${name} must be a whole number of milliseconds from 0, not ${JSON.stringify(text)}`);
  return Number(text);
}
