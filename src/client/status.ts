import type { Frame } from "../codec/frame.js";

/** What a server knows of a job. */
export interface JobStatus {
  /**
   * Whether the server knows the job: false once it is done, failed or cancelled, and for a handle that never was.
   * gearmand keeps no results, and can't tell these apart.
   */
  readonly known: boolean;
  /** Whether a worker is at it. */
  readonly running: boolean;
  /** The progress its worker reported: `numerator` of `denominator`; 0 of 0 when it reported none. */
  readonly numerator: number;
  readonly denominator: number;
  /** The same from 0 to 1; 0 when none was reported. */
  readonly progress: number;
  /** `"queued"`, `"running"`, or `"unknown"`: finished, or never there. */
  readonly state: "queued" | "running" | "unknown";
}

/** What a server knows of the job with a unique id. */
export interface UniqueStatus extends JobStatus {
  /** How many foreground submissions wait for its result; 0 for a background job. */
  readonly waiting: number;
}

/** Reads STATUS_RES, or STATUS_RES_UNIQUE, whose first arguments are the same. */
export function readStatus(frame: Frame): JobStatus {
  const known = frame.integer(1) !== 0;
  const running = frame.integer(2) !== 0;
  const numerator = frame.integer(3);
  const denominator = frame.integer(4);
  return {
    known,
    running,
    numerator,
    denominator,
    progress: progress(numerator, denominator),
    state: running ? "running" : known ? "queued" : "unknown",
  };
}

/** Reads STATUS_RES_UNIQUE. */
export function readUniqueStatus(frame: Frame): UniqueStatus {
  return { ...readStatus(frame), waiting: frame.integer(5) };
}

/** Asks servers in turn for a job, until one knows it. "Unknown" is the truth only when everybody was asked. */
export async function askInTurn<T extends JobStatus, Server>(
  servers: readonly Server[],
  signal: AbortSignal | undefined,
  ask: (server: Server) => Promise<T>,
): Promise<T> {
  let unknown: T | undefined;
  let failure: unknown;
  for (const server of servers) {
    try {
      const status = await ask(server);
      if (status.known) return status;
      unknown ??= status;
    } catch (error) {
      signal?.throwIfAborted();
      failure ??= error;
    }
  }
  if (unknown && failure === undefined) return unknown;
  throw failure;
}

/** A fraction from 0 to 1. */
export function progress(numerator: number, denominator: number): number {
  return denominator > 0 ? Math.min(1, numerator / denominator) : 0;
}
