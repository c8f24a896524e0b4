import type { Client } from "edgear";
import { permit } from "./auth.js";
import { readLines, uncompressed } from "./body.js";
import { type EdgeContext, streamed } from "./context.js";
import { asRequested, badRequest, loggedProblemOf, Problem, type ProblemBody, problemOf } from "./problem.js";
import { amount, makeClient } from "./settings.js";
import { jobOf } from "./spec.js";

/** NDJSON has no registered type; these are in use. */
const TYPES = ["application/x-ndjson", "application/ndjson", "application/jsonl"];

/** Lines without an answer, and bytes of them: they are held until a job server has them. */
const LINES_IN_FLIGHT = 100;
const BYTES_IN_FLIGHT = 8 * 1024 * 1024;

/** A line is held several times over while it is read. */
const LONGEST_LINE = 4 * 1024 * 1024;

/** What no other line would do better with; besides, whatever is too much, and whatever is our fault. */
const ENDS = ["CONNECTION_FAILED", "CONNECTION_LOST", "TIMEOUT", "PROTOCOL", "IDLE"];

/** Answers of a batch: of a line, counted from 1. */
type LineAnswer = { line: number } & (
  | { handle: string; server: string; unique: string; function: string }
  | ProblemBody
);

/**
 * Submits a background job for each line, and answers each in its order while more come. A line that is wrong harms
 * no other one. When the job servers fail, or a line is too much, it is the last: what has no answer was not submitted.
 * So is one before which nobody has sent, or read, for `IDLE_TIMEOUT`.
 */
export function answerBatch(c: EdgeContext): Response {
  const type = c.req.header("Content-Type")?.split(";")[0]?.trim().toLowerCase() ?? "";
  if (!TYPES.includes(type))
    throw new Problem(
      415,
      "UNSUPPORTED_MEDIA_TYPE",
      `a batch is ${TYPES[0]}, a JSON object a line, not ${JSON.stringify(type.slice(0, 80))}`,
    );
  uncompressed(c.req.raw);
  const most = amount(c.env, "MAX_BATCH_LINES");
  const longest = Math.min(LONGEST_LINE, amount(c.env, "MAX_BODY_BYTES"));
  const patience = amount(c.env, "IDLE_TIMEOUT");
  const client = makeClient(c.env);
  const headers = { "Content-Type": "application/x-ndjson" };
  return streamed(c, client, headers, async ({ write, push, left }) => {
    let over = false;
    let unread: Problem | undefined;
    let last: Promise<void> = Promise.resolve();
    const window: { submitted: Promise<unknown>; written: Promise<void>; size: number }[] = [];
    let held = 0;
    const put = async (answer: LineAnswer) => {
      const text = `${JSON.stringify(answer)}\n`;
      if (unread) return push(text);
      try {
        await write(text);
      } catch (error) {
        const problem = problemOf(error);
        if (problem.code !== "IDLE") throw error;
        // Somebody may read late, as one does who sends everything first. What has been submitted is told.
        unread = problem;
        over = true;
        push(text);
      }
    };
    const answer = (submitted: Promise<LineAnswer>, size: number) => {
      const written = last.then(async () => put(await submitted));
      // Whoever waits for the last one waits for all.
      written.catch(() => {});
      last = written;
      window.push({ submitted, written, size });
      held += size;
    };
    const refuse = (line: number, error: unknown): LineAnswer => {
      // Whoever has left has ended what was under way.
      const problem = left.aborted ? problemOf(error) : loggedProblemOf(error);
      if (ENDS.includes(problem.code) || problem.status === 413 || problem.status === 500) over = true;
      return { line, ...problem.toJSON() };
    };
    let number = 0;
    let whole = true;
    try {
      for await (const line of readLines(c.req.raw, longest, patience)) {
        number++;
        if (over || left.aborted) {
          whole = false;
          break;
        }
        if (number > most)
          throw new Problem(413, "BATCH_TOO_LONG", `a batch may have ${most} lines at most: send the rest in another`);
        if (isBlank(line)) continue;
        const place = number;
        answer(
          submitLine(c, client, place, line).catch((error: unknown) => refuse(place, error)),
          line.length,
        );
        while (window.length >= LINES_IN_FLIGHT || held > BYTES_IN_FLIGHT) {
          const first = window.shift();
          held -= first?.size ?? 0;
          await first?.written;
        }
      }
    } catch (error) {
      if (left.aborted) throw error;
      answer(Promise.resolve(refuse(Math.max(1, number + (isTooMuch(error) ? 0 : 1)), error)), 0);
    }
    await Promise.all(window.map(({ submitted }) => submitted));
    // Whoever takes the time to read the rest takes none of the job server's.
    const closed = client.close();
    await last;
    if (unread && !whole) push(`${JSON.stringify({ line: number, ...unread.toJSON() })}\n`);
    await closed;
  });
}

async function submitLine(c: EdgeContext, client: Client, line: number, bytes: Uint8Array): Promise<LineAnswer> {
  const { name, workload, options } = jobOf(parse(bytes));
  permit(c.env, name, c.get("token"));
  const { handle, server, unique } = await asRequested(client.background(name, workload, options));
  return { line, handle, server, unique, function: name };
}

const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function parse(bytes: Uint8Array): unknown {
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch (cause) {
    throw badRequest("this line is no UTF-8", cause);
  }
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw badRequest("this line is no JSON", cause);
  }
}

function isBlank(line: Uint8Array): boolean {
  return line.every((byte) => byte === 0x20 || byte === 0x09 || byte === 0x0d);
}

/** Whether the line that was read last is what was wrong, and not the one that did not come. */
function isTooMuch(error: unknown): boolean {
  return error instanceof Problem && error.code === "BATCH_TOO_LONG";
}
