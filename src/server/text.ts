/*
 * The text protocol, which shares the port: lines in, lines out. The answers to the commands below are gearmand's; it
 * knows more of them.
 */
import { MAX_LINE_WORDS } from "../../assembly/protocol.js";
import { integer } from "./bytes.js";
import type { Jobs } from "./jobs.js";
import type { Session } from "./session.js";

/** What the commands tell of. */
export interface TextContext {
  readonly jobs: Jobs;
  readonly sessions: Iterable<Session>;
  readonly version: string;
}

const END = ".\n";

/** The answer to a line, or undefined when the connection is to be closed. */
export function answerText(line: string, context: TextContext): string | undefined {
  // As gearmand takes it apart: blanks make an empty word in front or at the end, and a NUL ends a word.
  const words = line
    .replace(/\r$/, "")
    .split(/ +/)
    .map((word) => word.replace(/\0.*$/s, ""));
  if (words.length > MAX_LINE_WORDS) return undefined;
  const [command = ""] = words;
  switch (command.toLowerCase()) {
    case "version":
      return `OK ${context.version}\n`;
    case "status":
      return status(context.jobs);
    case "workers":
      return workers(context.sessions);
    case "create":
      return createFunction(words, context.jobs);
    case "maxqueue":
      return maxQueue(words, context.jobs);
    default:
      return `ERR UNKNOWN_COMMAND Unknown+server+command${command}\r\n`;
  }
}

/** A line a function: name, jobs (the running and the delayed included), those that run, workers. */
function status(jobs: Jobs): string {
  let text = "";
  for (const { name, total, running, workers } of jobs.functions.values()) {
    text += `${name}\t${total}\t${running}\t${workers.size}\n`;
  }
  return text + END;
}

/** A line a connection, clients and the asker included: number, address, id, functions. */
function workers(sessions: Iterable<Session>): string {
  let text = "";
  for (const { number, address, id, abilities } of sessions) {
    const functions = abilities.map((ability) => ` ${ability.function.name}`).join("");
    text += `${number} ${address} ${id} :${functions}\n`;
  }
  return text + END;
}

function createFunction([command = "", what = "", name]: string[], jobs: Jobs): string {
  if (what.toLowerCase() !== "function" || name === undefined) return incomplete(command);
  jobs.function(name);
  return "OK\r\n";
}

/**
 * `maxqueue f` lifts the limits, `maxqueue f 5` sets one for all priorities, `maxqueue f 5 2` sets high and normal and
 * lifts low. Of a function that isn't there it is as good as forgotten, as in gearmand.
 */
function maxQueue([command = "", name, ...limits]: string[], jobs: Jobs): string {
  if (name === undefined) return incomplete(command);
  const [high = 0, normal, low] = limits.map((limit) => Math.max(0, Number(integer(limit))));
  const fn = jobs.functions.get(name);
  if (fn) fn.limits = normal === undefined ? [high, high, high] : [high, normal, low ?? 0];
  return "OK\r\n";
}

function incomplete(command: string): string {
  return `ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this+command+${command}\r\n`;
}
