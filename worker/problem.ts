import {
  ConfigError,
  ConnectionError,
  ConnectionLostError,
  GearmanError,
  JobExceptionError,
  JobFailedError,
  ProtocolError,
  ServerError,
  TimeoutError,
} from "edgear";

/** HTTP statuses that this Worker answers with when something is wrong. */
export type ProblemStatus = 400 | 401 | 403 | 404 | 405 | 408 | 413 | 415 | 429 | 500 | 502 | 503 | 504;

/** All codes that an answer may have: stable, unlike its words. */
export const CODES = [
  "BAD_REQUEST",
  "UNAUTHORIZED",
  "FORBIDDEN",
  "NOT_FOUND",
  "METHOD_NOT_ALLOWED",
  "IDLE",
  "PAYLOAD_TOO_LARGE",
  "BATCH_TOO_LONG",
  "UNSUPPORTED_MEDIA_TYPE",
  "TOO_MANY_REQUESTS",
  "MISCONFIGURED",
  "INTERNAL",
  "BULK",
  "CLOSED",
  "CONFIG",
  "REFUSED",
  "REQUEST_SCOPE",
  "CONNECTION_FAILED",
  "CONNECTION_LOST",
  "PROTOCOL",
  "SERVER",
  "RESULT_TOO_LARGE",
  "JOB_FAILED",
  "JOB_EXCEPTION",
  "NO_TOKENS",
  "QUEUE_ERROR",
  "LEFT",
  "TIMEOUT",
] as const;

export type ProblemCode = (typeof CODES)[number];

interface ProblemOptions {
  cause?: unknown;
  headers?: Record<string, string>;
  /** The job that it is about, when the job server has it. */
  handle?: string | undefined;
}

/** What an answer says of a problem. */
export interface ProblemBody {
  error: { code: ProblemCode; message: string; handle?: string };
}

/** Something that is answered with an HTTP error: its status, a stable code, and words. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: ProblemStatus;
  readonly code: ProblemCode;
  readonly headers: Record<string, string>;
  readonly handle: string | undefined;

  constructor(status: ProblemStatus, code: ProblemCode, message: string, options: ProblemOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.headers = options.headers ?? {};
    this.handle = options.handle;
  }

  /** The body of the answer. */
  toJSON(): ProblemBody {
    const { code, message, handle } = this;
    return { error: { code, message, ...(handle !== undefined && { handle }) } };
  }
}

/** A setting that is wrong: nothing that the request can help. */
export function misconfigured(message: string, cause?: unknown): Problem {
  return new Problem(500, "MISCONFIGURED", `this Worker is set up wrongly: ${message}`, { cause });
}

/** A request that is wrong in itself. */
export function badRequest(message: string, cause?: unknown): Problem {
  return new Problem(400, "BAD_REQUEST", message, { cause });
}

/** Nobody has read, or sent, for `IDLE_TIMEOUT`: what is held for them is given up. */
export function idle(message: string): Problem {
  return new Problem(408, "IDLE", message);
}

/** A result that is not handed on. */
export function resultTooLarge(handle: string | undefined, cause?: unknown): Problem {
  const words =
    "what the job gave is larger than MAX_RESULT_BYTES allows, and was not read: the job itself may be done";
  return new Problem(502, "RESULT_TOO_LARGE", words, { handle, cause });
}

/** Whether a connection was given up because a packet was larger than the client takes. */
export function isTooLarge(error: unknown): boolean {
  return error instanceof ProtocolError && error.message.endsWith("(maxPacketSize)");
}

/** The gearmand code for a queue that has reached its `maxqueue`, or a store that took nothing. */
const QUEUE_ERROR = "QUEUE_ERROR";

/** Characters of a message: a job's exception may be as long as its worker likes. */
const LONGEST_MESSAGE = 10_000;

/**
 * What to answer for an error: whatever isn't known is our fault, and its details are nobody else's business.
 * @param known the handle of the job that it is about, when the error itself doesn't say
 */
export function problemOf(error: unknown, known?: string): Problem {
  if (error instanceof Problem) return error;
  const options = { cause: error, handle: (error as { handle?: string } | undefined)?.handle ?? known };
  // A hub's own settings, which only the hub itself can read: it has said whose they are.
  if (error instanceof ConfigError) return new Problem(500, "MISCONFIGURED", error.message, { cause: error });
  if (error instanceof ServerError) {
    const { serverCode, code, message } = error;
    const full = serverCode === QUEUE_ERROR;
    return new Problem(full ? 503 : 502, full ? QUEUE_ERROR : code, message, options);
  }
  if (error instanceof ConnectionLostError && isTooLarge(error.cause)) return resultTooLarge(options.handle, error);
  if (error instanceof TimeoutError) return new Problem(504, error.code, error.message, options);
  if (
    error instanceof ConnectionError ||
    error instanceof ConnectionLostError ||
    error instanceof ProtocolError ||
    error instanceof JobFailedError ||
    error instanceof JobExceptionError
  )
    return new Problem(502, error.code, error.message.slice(0, LONGEST_MESSAGE), options);
  const code = error instanceof GearmanError ? error.code : "INTERNAL";
  return new Problem(500, code, "something went wrong here; the Worker's log says what", { cause: error });
}

/** `problemOf`, and in the log what was our fault. */
export function loggedProblemOf(error: unknown, known?: string): Problem {
  const problem = problemOf(error, known);
  if (problem.status === 500) console.error(error);
  return problem;
}

/**
 * Waits for a call of the client. It checks its arguments, which came with the request, before it sends anything, and
 * says in a TypeError what is wrong with them.
 */
export async function asRequested<T>(call: Promise<T>): Promise<T> {
  try {
    return await call;
  } catch (error) {
    throw error instanceof TypeError ? badRequest(error.message, error) : error;
  }
}
