import type { Payload } from "./payload.js";

/** The kinds of error, by `code`. They are stable: programs may compare them. */
export type GearmanErrorCode =
  | "BULK"
  | "CLOSED"
  | "CONFIG"
  | "CONNECTION_FAILED"
  | "CONNECTION_LOST"
  | "JOB_EXCEPTION"
  | "JOB_FAILED"
  | "PROTOCOL"
  | "REFUSED"
  | "REQUEST_SCOPE"
  | "RESULT_TOO_LARGE"
  | "SERVER"
  | "TIMEOUT";

/** What all errors of this library have in common. A wrong argument is not one of them: it is a `TypeError`. */
export class GearmanError extends Error {
  override readonly name: string = "GearmanError";
  /** Which kind of error this is; stable, unlike the message. */
  readonly code: GearmanErrorCode;

  constructor(code: GearmanErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** No connection could be made. Nothing was sent. */
export class ConnectionError extends GearmanError {
  override readonly name = "ConnectionError";
  /** The server that was tried, as `host:port`; several are separated by commas. */
  readonly server: string;

  constructor(server: string, message: string, options?: ErrorOptions) {
    super("CONNECTION_FAILED", message, options);
    this.server = server;
  }
}

/** The peer sent what the protocol doesn't allow. The connection was closed. */
export class ProtocolError extends GearmanError {
  override readonly name = "ProtocolError";

  constructor(message: string, options?: ErrorOptions) {
    super("PROTOCOL", message, options);
  }
}

/** The server answered with an ERROR packet, or, to a command of `Admin`, with an ERR line. */
export class ServerError extends GearmanError {
  override readonly name = "ServerError";
  /** The server's code, e.g. `QUEUE_ERROR` (gearmand) or `unknown_command` (Perl's gearmand); `ERR` for a line without one. */
  readonly serverCode: string;
  /** The server's text. */
  readonly text: string;

  constructor(serverCode: string, text: string) {
    super("SERVER", `the job server answered with an error: ${serverCode}${text ? ` (${text})` : ""}`);
    this.serverCode = serverCode;
    this.text = text;
  }
}

/** The worker said that the job failed (WORK_FAIL). Gearman carries no reason. */
export class JobFailedError extends GearmanError {
  override readonly name = "JobFailedError";
  /** The job's handle. */
  readonly handle: string;

  constructor(handle: string) {
    super("JOB_FAILED", `the job ${handle} failed: its worker sent WORK_FAIL, which carries no reason`);
    this.handle = handle;
  }
}

/** The job ended with an exception (WORK_EXCEPTION): its worker said what was thrown. */
export class JobExceptionError extends GearmanError {
  override readonly name = "JobExceptionError";
  /** The job's handle. */
  readonly handle: string;
  /** What the worker sent: usually the message of what was thrown. */
  readonly payload: Payload;

  constructor(handle: string, payload: Payload) {
    super("JOB_EXCEPTION", payload.text() || `the job ${handle} ended with an exception without a message`);
    this.handle = handle;
    this.payload = payload;
  }
}

/** The library did not ask the server for what would do harm. The message says what, and how to have it done all the same. */
export class RefusedError extends GearmanError {
  override readonly name = "RefusedError";

  constructor(message: string) {
    super("REFUSED", message);
  }
}

/** Something took longer than it was allowed to. */
export class TimeoutError extends GearmanError {
  override readonly name = "TimeoutError";
  /** The option that set the limit, e.g. `connectTimeout`. */
  readonly timeout: string;
  /** The limit, in milliseconds. */
  readonly milliseconds: number;

  constructor(timeout: string, milliseconds: number, message: string, options?: ErrorOptions) {
    super("TIMEOUT", `${message} (${timeout}: ${milliseconds} ms)`, options);
    this.timeout = timeout;
    this.milliseconds = milliseconds;
  }
}

/** The connection was lost before the answer or the result came, and what became of the request is not known. */
export class ConnectionLostError extends GearmanError {
  override readonly name = "ConnectionLostError";
  /** The server, as `host:port`. */
  readonly server: string;
  /** The job's handle, when the server had acknowledged the job (JOB_CREATED). */
  readonly handle: string | undefined;
  /** Whether bytes of the request may have reached the server. When not, asking again is safe. */
  readonly sent: boolean;

  constructor(
    server: string,
    message: string,
    details: { handle?: string | undefined; sent: boolean; cause?: unknown },
  ) {
    super("CONNECTION_LOST", message, details.cause === undefined ? undefined : { cause: details.cause });
    this.server = server;
    this.handle = details.handle;
    this.sent = details.sent;
  }
}

/** The client, worker or server was closed before, or while, it was asked for something. */
export class ClosedError extends GearmanError {
  override readonly name = "ClosedError";

  constructor(message: string) {
    super("CLOSED", message);
  }
}

/**
 * On Cloudflare Workers, a socket belongs to the request that opened it: this client was used from another one.
 * Make a client per request, or keep it in a Durable Object.
 */
export class RequestScopeError extends GearmanError {
  override readonly name = "RequestScopeError";

  constructor(options?: ErrorOptions) {
    super(
      "REQUEST_SCOPE",
      "this client was made by another Workers request, and its sockets belong to that one: " +
        "make a Client inside each fetch(), scheduled() or queue() handler, or keep it in a Durable Object",
      options,
    );
  }
}

/** One item of a `backgroundAll` could not be submitted: its `cause` says why. The handles of those before it were given out. */
export class BulkError extends GearmanError {
  override readonly name = "BulkError";
  /** The item's place, from 0. */
  readonly index: number;
  /** What became of the items after it that were on their way, in order: a handle each (a `JobHandle`), or an error. */
  readonly later: readonly PromiseSettledResult<{ readonly handle: string; readonly server: string }>[];

  constructor(index: number, cause: unknown, later: BulkError["later"]) {
    const words = cause instanceof Error ? cause.message : String(cause);
    super("BULK", `item ${index} (counted from 0) was not submitted: ${words}`, { cause });
    this.index = index;
    this.later = later;
  }
}

/** One thing that is wrong in a configuration. */
export interface ConfigMistake {
  /** The key, from the top: `groups.text.functions.reverse.timeout`. Empty: the whole file. */
  readonly path: string;
  /** What is wrong with it, and what is allowed. */
  readonly message: string;
}

/** A configuration, or a module that it names, can't be used. Its message has all that is wrong at once. */
export class ConfigError extends GearmanError {
  override readonly name = "ConfigError";
  /** The file, absolute; undefined when it is none's fault. */
  readonly file: string | undefined;
  /** What is wrong in it, key by key. Empty when it isn't a key that is wrong. */
  readonly mistakes: readonly ConfigMistake[];

  constructor(message: string, file?: string, mistakes: readonly ConfigMistake[] = [], options?: ErrorOptions) {
    super("CONFIG", message, options);
    this.file = file;
    this.mistakes = mistakes;
  }
}
