/*
 * The text protocol, which shares the port: lines in, lines out, byte for byte as gearmand 1.1.20 answers them.
 * `shutdown` is as unknown here as there: nobody may end, unasked, the process that holds the server.
 */
import { MAX_LINE_WORDS } from "../../assembly/protocol.js";
import { integer, upToNul } from "./bytes.js";
import type { Peer } from "./job.js";
import type { Jobs } from "./jobs.js";

/** What the commands tell of. */
export interface TextContext {
  readonly jobs: Jobs;
  readonly peers: Iterable<Peer>;
  readonly version: string;
  /** The process that the server is in. */
  readonly pid: number;
}

const END = ".\n";
const DONE = "OK\r\n";

/** The answer to a line, or undefined when the connection is to be closed. */
export function answerText(line: string, context: TextContext): string | undefined {
  // As gearmand takes it apart: blanks make an empty word in front or at the end, and a NUL ends a word.
  const words = line.replace(/\r$/, "").split(/ +/).map(upToNul);
  if (words.length > MAX_LINE_WORDS) return undefined;
  const { jobs } = context;
  const [command = ""] = words;
  switch (command.toLowerCase()) {
    case "version":
      return `OK ${context.version}\n`;
    case "getpid":
      return `OK ${context.pid}\n`;
    case "verbose":
      // What gearmand says unless it is told to be verbose. The log of this server is its program's.
      return "OK ERROR\n";
    case "status":
      return status(jobs);
    case "prioritystatus":
      return priorityStatus(jobs);
    case "workers":
      return workers(context.peers);
    case "show":
      return show(words, jobs);
    case "cancel":
      return cancel(words, jobs);
    case "create":
      return createFunction(words, jobs);
    case "drop":
      return dropFunction(words, jobs);
    case "maxqueue":
      return maxQueue(words, jobs);
    default:
      return unknown(command);
  }
}

/** A line a function: name, jobs (the running and the delayed included), those that run, workers. */
function status(jobs: Jobs): string {
  let text = "";
  for (const { name, total, running, workers } of jobs.functions.all) {
    text += `${upToNul(name)}\t${total}\t${running}\t${workers.size}\n`;
  }
  return text + END;
}

/** A line a function: name, queued jobs of each priority (the delayed are normal ones), workers. */
function priorityStatus(jobs: Jobs): string {
  let text = "";
  for (const { name, queues, delayed, workers } of jobs.functions.all) {
    const [high = 0, normal = 0, low = 0] = queues.map((queue) => queue.length);
    text += `${upToNul(name)}\t${high}\t${normal + delayed}\t${low}\t${workers.size}\n`;
  }
  return text + END;
}

/** A line a connection, clients and the asker included: number, address, id, functions. */
function workers(peers: Iterable<Peer>): string {
  let text = "";
  for (const { number, address, id, abilities } of peers) {
    const functions = [...abilities]
      .sort((a, b) => a.rank - b.rank)
      .map((ability) => ` ${upToNul(ability.function.name)}`)
      .join("");
    text += `${number} ${address} ${id} :${functions}\n`;
  }
  return text + END;
}

function show([command = "", ...what]: string[], jobs: Jobs): string {
  switch (what.join(" ").toLowerCase()) {
    case "jobs":
      return what.length === 1 ? showJobs(jobs) : SHOW_NOTHING;
    case "unique jobs":
      return showUniques(jobs);
    default:
      return what.length > 0 ? SHOW_NOTHING : unknown(command);
  }
}

const SHOW_NOTHING = "ERR UNKNOWN_SHOW_ARGUMENTS\r\n";

/** A line a job: handle, workers lost, whether nobody wants its result, whether it began as a background job. */
function showJobs(jobs: Jobs): string {
  let text = "";
  for (const { handle, retries, wanted, began } of jobs.all) {
    text += `${handle}\t${retries}\t${wanted ? 0 : 1}\t${began === "background" ? 1 : 0}\n`;
  }
  return text + END;
}

/** A line a job: its unique, as it was given. */
function showUniques(jobs: Jobs): string {
  let text = "";
  for (const { unique } of jobs.all) text += `${unique}\n`;
  return text + END;
}

function cancel([command = "", what = "", handle, ...more]: string[], jobs: Jobs): string {
  if (handle === undefined) return unknown(command);
  if (what.toLowerCase() !== "job" || more.length > 0) return "ERR UNKNOWN_ERROR\r\n";
  return jobs.cancel(handle) ? DONE : "ERR UNKNOWN_JOB\r\n";
}

function createFunction([command = "", what = "", name, ...more]: string[], jobs: Jobs): string {
  if (what.toLowerCase() !== "function" || name === undefined || more.length > 0) return incomplete(command);
  jobs.functions.named(name);
  return DONE;
}

/** gearmand doesn't look at the case of a name here; a function of just this name comes before one of another case. */
function dropFunction([command = "", what = "", name, ...more]: string[], jobs: Jobs): string {
  if (what.toLowerCase() !== "function" || name === undefined || more.length > 0) return incomplete(command);
  const alike = () => [...jobs.functions.all].find((fn) => fn.name.toLowerCase() === name.toLowerCase());
  const fn = jobs.functions.get(name) ?? alike();
  if (!fn) return "ERR function not found\r\n";
  return jobs.functions.drop(fn) ? DONE : "ERR there are still connected workers or executing clients\r\n";
}

/**
 * `maxqueue f` lifts the limits, `maxqueue f 5` sets one for all priorities, `maxqueue f 5 2` sets high and normal and
 * lifts low.
 */
function maxQueue([command = "", name, ...limits]: string[], jobs: Jobs): string {
  if (name === undefined) return incomplete(command);
  const [high = 0, normal, low] = limits.map((limit) => Math.max(0, Number(integer(limit))));
  jobs.functions.limit(name, normal === undefined ? [high, high, high] : [high, normal, low ?? 0]);
  return DONE;
}

function unknown(command: string): string {
  return `ERR UNKNOWN_COMMAND Unknown+server+command${command}\r\n`;
}

function incomplete(command: string): string {
  return `ERR INVALID_ARGUMENTS An+incomplete+set+of+arguments+was+sent+to+this+command+${command}\r\n`;
}
