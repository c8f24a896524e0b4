/*
 * What the lists of the text protocol say. Names in them may be anything that a client or worker has called itself:
 * rows are read from the side on which there are numbers, and a row that a line feed in a name has cut is put together.
 */
import { show } from "../connection/check.js";
import { ProtocolError } from "../errors.js";

/** A function, as `status` lists it. */
export interface FunctionStatus {
  readonly function: string;
  /** Jobs that wait for a worker, those included whose time has not come, and those that were cancelled and not yet dropped. */
  readonly queued: number;
  /** Jobs that workers are at. */
  readonly running: number;
  /** Both. */
  readonly total: number;
  /** Workers that have registered the function; gearmand counts one twice that has done so twice. */
  readonly workers: number;
}

/** A function, as `prioritystatus` lists it: the jobs that wait, by their priority. */
export interface PriorityStatus {
  readonly function: string;
  readonly high: number;
  readonly normal: number;
  readonly low: number;
  readonly workers: number;
}

/** A connection, as `workers` lists it. Clients are listed, too, and whoever asks; they have no functions. */
export interface ConnectionEntry {
  /** The server's number for the connection: its file descriptor. */
  readonly fd: number;
  /** The peer's address, without its port. */
  readonly address: string;
  /** What a worker has called itself; `""` for none. */
  readonly id: string;
  /** The functions that it has registered, each as often as it did. A name with blanks comes apart into several. */
  readonly functions: readonly string[];
}

/** A job, as `show jobs` lists it. The server says neither its function nor its state. */
export interface JobEntry {
  readonly handle: string;
  /** How often the job was given out again after a worker was lost. */
  readonly retries: number;
  /** Whether it is only listed until a worker would get it: it was cancelled, or its clients have left. */
  readonly ignored: boolean;
  /** Whether it is a background job; gearmand no longer says so of one that was cancelled. */
  readonly background: boolean;
}

/** Reads the answer to `status`. */
export function readStatus(lines: readonly string[]): FunctionStatus[] {
  return rows(lines, 3, "status").map(({ name, numbers: [total = 0, running = 0, workers = 0] }) => ({
    function: name,
    // gearmand 1.1 can lose count of what runs, and then says 4,294,967,295.
    queued: Math.max(0, total - running),
    running,
    total,
    workers,
  }));
}

/** Reads the answer to `prioritystatus`. */
export function readPriorityStatus(lines: readonly string[]): PriorityStatus[] {
  return rows(lines, 4, "prioritystatus").map(({ name, numbers: [high = 0, normal = 0, low = 0, workers = 0] }) => ({
    function: name,
    high,
    normal,
    low,
    workers,
  }));
}

/** Reads the answer to `show jobs`. */
export function readJobs(lines: readonly string[]): JobEntry[] {
  return rows(lines, 3, "show jobs").map(({ name, numbers: [retries = 0, ignored, background] }) => ({
    handle: name,
    retries,
    ignored: ignored !== 0,
    background: background !== 0,
  }));
}

/** Where a row of `workers` begins: a number, an address, a blank. What doesn't is the rest of a name with a line feed. */
const CONNECTION = /^\d+ \S+ /;

/** A row: the id, which may be empty or have blanks, goes to the first colon between blanks; an address has colons, too. */
const CONNECTION_PARTS = /^(\d+) (\S+) (.*?) :(?: (.*))?$/s;

/** Reads the answer to `workers`. */
export function readConnections(lines: readonly string[]): ConnectionEntry[] {
  const joined: string[] = [];
  for (const line of lines) {
    if (CONNECTION.test(line) || joined.length === 0) joined.push(line);
    else joined[joined.length - 1] += `\n${line}`;
  }
  return joined.map((row) => {
    const [, fd, address, id = "", functions = ""] = CONNECTION_PARTS.exec(row) ?? [];
    if (fd === undefined || address === undefined) throw senseless(row, "workers");
    const names = functions.split(" ").filter((name) => name !== "");
    return { fd: Number(fd), address, id: id === "-" ? "" : id, functions: names };
  });
}

/** Rows of a name and numbers, with tabs between them: the name may have tabs and line feeds of its own. */
function rows(lines: readonly string[], count: number, command: string): { name: string; numbers: number[] }[] {
  const pattern = new RegExp(`^(.*)${"\\t(\\d+)".repeat(count)}$`, "s");
  const found: { name: string; numbers: number[] }[] = [];
  let begun: string[] = [];
  for (const line of lines) {
    const match = pattern.exec(line);
    if (!match) {
      begun.push(line);
      continue;
    }
    const [, last = "", ...numbers] = match;
    found.push({ name: [...begun, last].join("\n"), numbers: numbers.map(Number) });
    begun = [];
  }
  if (begun.length > 0) throw senseless(begun.join("\n"), command);
  return found;
}

function senseless(row: string, command: string): ProtocolError {
  return new ProtocolError(`the answer to ${show(command)} has the row ${show(row)}, which makes no sense there`);
}
