import {
  BulkError,
  ClosedError,
  ConfigError,
  ConnectionError,
  ConnectionLostError,
  GearmanError,
  type GearmanErrorCode,
  JobExceptionError,
  JobFailedError,
  ProtocolError,
  RefusedError,
  RequestScopeError,
  ServerError,
  TimeoutError,
} from "../errors.js";
import { Payload } from "../payload.js";

/** Bytes that RPC carries of a workload or a result: 32 MiB, less what goes with it. */
export const MOST_CARRIED = 32 * 1024 * 1024 - 16 * 1024;

/** A job is done, and its result has more bytes than RPC carries from a hub to its caller. */
export class ResultTooLargeError extends GearmanError {
  override readonly name = "ResultTooLargeError";
  /** The job's handle. */
  readonly handle: string;
  /** The result's bytes. */
  readonly size: number;

  constructor(handle: string, size: number) {
    super(
      "RESULT_TOO_LARGE",
      `the job ${handle} is done, but its result has ${size} bytes, and a hub can hand on ${MOST_CARRIED} at most: ` +
        "use a Client for such jobs, or have the worker put the result elsewhere",
    );
    this.handle = handle;
    this.size = size;
  }
}

/** What an error has of its own, whichever it is, when it has come from a hub. */
interface Remote extends Error {
  readonly code?: string;
  readonly server?: string;
  readonly handle?: string;
  readonly sent?: boolean;
  readonly serverCode?: string;
  readonly text?: string;
  readonly timeout?: string;
  readonly milliseconds?: number;
  readonly size?: number;
  readonly index?: number;
  readonly later?: BulkError["later"];
  readonly file?: string;
  readonly mistakes?: ConfigError["mistakes"];
  /** What a worker said. */
  readonly payload?: Uint8Array;
  /** The platform's word that the hub itself threw it. */
  readonly remote?: boolean;
  /** The platform's words about errors of its own: the object was restarted, or has too much to do. */
  readonly durableObjectReset?: boolean;
  readonly retryable?: boolean;
  readonly overloaded?: boolean;
}

/**
 * The same error, so that RPC can carry it. From the compatibility date 2026-04-21 on (or with the flag
 * `enhanced_error_serialization`) that takes an error's name and what it has of its own; but no class, and no `Payload`.
 */
export function toRemote(error: unknown): unknown {
  if (!(error instanceof GearmanError)) return error;
  const { name, message, cause, ...fields } = error;
  return Object.assign(
    new Error(message),
    fields,
    { name, cause: cause instanceof Error ? new Error(cause.message) : undefined },
    error instanceof JobExceptionError && { payload: error.payload.bytes },
    error instanceof BulkError && { later: error.later.map(portable) },
  );
}

type Later = BulkError["later"][number];

function portable(later: Later): Later {
  if (later.status === "rejected") return { status: "rejected", reason: toRemote(later.reason) };
  const { handle, server } = later.value;
  return { status: "fulfilled", value: { handle, server } };
}

/** What a hub threw, as the class that it was before. Errors of the platform's, and all others, are as they came. */
export function fromRemote(error: unknown, hub: string): unknown {
  if (!(error instanceof Error)) return error;
  const remote = error as Remote;
  if (remote.remote !== true || !isOurs(remote.code)) return ofPlatform(remote, hub);
  const { message, cause } = remote;
  const local = REVIVED[remote.code](remote, cause === undefined ? undefined : { cause });
  // Some classes make their message themselves; it is made already.
  Object.defineProperty(local, "message", { value: message, configurable: true, writable: true });
  return local;
}

function isOurs(code: string | undefined): code is GearmanErrorCode {
  return code !== undefined && Object.hasOwn(REVIVED, code);
}

/** What each code was. */
const REVIVED: Record<GearmanErrorCode, (error: Remote, options: ErrorOptions | undefined) => GearmanError> = {
  BULK: ({ index = 0, cause, later = [] }) => new BulkError(index, cause, later),
  CLOSED: ({ message }) => new ClosedError(message),
  CONFIG: ({ message, file, mistakes }, options) => new ConfigError(message, file, mistakes, options),
  CONNECTION_FAILED: ({ server = "", message }, options) => new ConnectionError(server, message, options),
  CONNECTION_LOST: ({ server = "", message, handle, sent = true, cause }) =>
    new ConnectionLostError(server, message, { handle, sent, cause }),
  JOB_EXCEPTION: ({ handle = "", payload }) => new JobExceptionError(handle, new Payload(payload ?? new Uint8Array())),
  JOB_FAILED: ({ handle = "" }) => new JobFailedError(handle),
  PROTOCOL: ({ message }, options) => new ProtocolError(message, options),
  REFUSED: ({ message }) => new RefusedError(message),
  REQUEST_SCOPE: (_error, options) => new RequestScopeError(options),
  RESULT_TOO_LARGE: ({ handle = "", size = 0 }) => new ResultTooLargeError(handle, size),
  SERVER: ({ serverCode = "", text = "" }) => new ServerError(serverCode, text),
  TIMEOUT: ({ timeout = "", milliseconds = 0, message }, options) =>
    new TimeoutError(timeout, milliseconds, message, options),
};

/** To whoever submits a job, a hub that is restarted under their hands is a connection that is lost. */
function ofPlatform(error: Remote, hub: string): Error {
  const { overloaded, durableObjectReset, retryable } = error;
  if (!overloaded && !durableObjectReset && !retryable) return error;
  const what = overloaded
    ? "has too much to do, and has not taken the call: spread the calls over several hubs"
    : "was restarted before it answered: the call may have been carried out";
  return new ConnectionLostError(hub, `the hub ${hub} ${what} (${error.message})`, { sent: !overloaded, cause: error });
}
