import { ConnectionError, ConnectionLostError, GearmanError, ProtocolError, ServerError, TimeoutError } from "edgear";

/** HTTP statuses that this Worker answers with when something is wrong. */
export type ProblemStatus = 400 | 404 | 405 | 413 | 500 | 502 | 503 | 504;

/** Something that is answered with an HTTP error: its status, a stable code, and words. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly status: ProblemStatus;
  readonly code: string;
  readonly headers: Record<string, string>;

  constructor(
    status: ProblemStatus,
    code: string,
    message: string,
    options?: { cause?: unknown; headers?: Record<string, string> },
  ) {
    super(message, options?.cause === undefined ? undefined : { cause: options.cause });
    this.status = status;
    this.code = code;
    this.headers = options?.headers ?? {};
  }

  /** The body of the answer. */
  toJSON(): { error: { code: string; message: string } } {
    return { error: { code: this.code, message: this.message } };
  }
}

/** A request that is wrong in itself. */
export function badRequest(message: string, cause?: unknown): Problem {
  return new Problem(400, "BAD_REQUEST", message, { cause });
}

/** The gearmand code for a queue that has reached its `maxqueue`, or a store that took nothing. */
const QUEUE_ERROR = "QUEUE_ERROR";

/** What to answer for an error: whatever isn't known is our fault, and its details are nobody else's business. */
export function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ServerError) {
    const { serverCode, message } = error;
    return new Problem(serverCode === QUEUE_ERROR ? 503 : 502, serverCode, message, { cause: error });
  }
  if (error instanceof TimeoutError) return new Problem(504, error.code, error.message, { cause: error });
  if (error instanceof ConnectionError || error instanceof ConnectionLostError || error instanceof ProtocolError)
    return new Problem(502, error.code, error.message, { cause: error });
  const code = error instanceof GearmanError ? error.code : "INTERNAL";
  return new Problem(500, code, "something went wrong here; the Worker's log says what", { cause: error });
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
