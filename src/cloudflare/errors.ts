import {
  ClosedError,
  ConnectionError,
  ConnectionLostError,
  GearmanError,
  type GearmanErrorCode,
  JobExceptionError,
  JobFailedError,
  ProtocolError,
  ServerError,
  TimeoutError,
} from "../errors.js";
import { Payload } from "../payload.js";

/** What an error has of its own, whichever it is, when it has come from a hub. */
interface Remote extends Error {
  readonly code?: GearmanErrorCode;
  readonly server?: string;
  readonly handle?: string;
  readonly sent?: boolean;
  readonly serverCode?: string;
  readonly text?: string;
  readonly timeout?: string;
  readonly milliseconds?: number;
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
  const { name, message, cause, ...fields } = error as GearmanError & { readonly payload?: Payload };
  const { payload } = fields;
  return Object.assign(
    new Error(message),
    fields,
    { name, cause: cause instanceof Error ? new Error(cause.message) : undefined },
    payload && { payload: payload.bytes },
  );
}

/** What a hub threw, as the class that it was before. Errors of the platform's, and all others, are as they came. */
export function fromRemote(error: unknown, hub: string): unknown {
  const remote = error as Remote;
  if (!(error instanceof Error)) return error;
  if (remote.code === undefined || remote.remote !== true) return ofPlatform(remote, hub);
  const local = revived(remote, remote.code);
  // Some classes make their message themselves; it is made already.
  Object.defineProperty(local, "message", { value: remote.message, configurable: true, writable: true });
  return local;
}

function revived(error: Remote, code: GearmanErrorCode): GearmanError {
  const { message, cause, server = "", handle = "", sent = true } = error;
  const options = cause === undefined ? undefined : { cause };
  switch (code) {
    case "CLOSED":
      return new ClosedError(message);
    case "CONNECTION_FAILED":
      return new ConnectionError(server, message, options);
    case "CONNECTION_LOST":
      return new ConnectionLostError(server, message, { handle: error.handle, sent, cause });
    case "JOB_EXCEPTION":
      return new JobExceptionError(handle, new Payload(error.payload ?? new Uint8Array()));
    case "JOB_FAILED":
      return new JobFailedError(handle);
    case "PROTOCOL":
      return new ProtocolError(message, options);
    case "SERVER":
      return new ServerError(error.serverCode ?? "", error.text ?? "");
    case "TIMEOUT":
      return new TimeoutError(error.timeout ?? "", error.milliseconds ?? 0, message, options);
    default:
      return new GearmanError(code, message, options);
  }
}

/** To whoever submits a job, a hub that is restarted under their hands is a connection that is lost. */
function ofPlatform(error: Remote, hub: string): Error {
  const { overloaded, durableObjectReset, retryable } = error;
  if (!overloaded && !durableObjectReset && !retryable) return error;
  const what = overloaded
    ? "has too much to do, and has not taken the call: spread the calls over several hubs"
    : "was restarted before it answered: the call may have been carried out";
  return new ConnectionLostError(hub, `the hub ${hub} ${what} (${error.message})`, { sent: !overloaded, cause: error });
}
