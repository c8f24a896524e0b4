import { isForeignRequest, refusalReason } from "#platform";
import { ConnectionError, type GearmanError, RequestScopeError } from "../errors.js";

/** The error for a connection that could not be made: which server, why, what to try. */
export function connectionError(server: string, cause: unknown): GearmanError {
  if (isForeignRequest(cause)) return new RequestScopeError({ cause });
  const { message } = Object(cause) as { message?: string };
  const reason = refusalReason(cause) ?? (message || String(cause));
  return new ConnectionError(server, `could not connect to the job server ${server}: ${reason}`, { cause });
}

/** What is said of a connection that isn't there in time. */
export function lateReason(server: string, tls: boolean): string {
  const late = `the job server ${server} did not take the connection in time`;
  if (!tls) return late;
  return `${late}, or did not answer the TLS handshake, as a plain port may do (use gearman://, or leave tls out)`;
}

/** The error for several servers of which none could be had; of one, its own. */
export function noServer(servers: readonly string[], failures: readonly Error[]): Error {
  if (failures.length === 1) return failures[0] as Error;
  const reasons = failures.map(({ message }) => message).join("; ");
  return new ConnectionError(servers.join(", "), `none of the job servers could be reached: ${reasons}`, {
    cause: new AggregateError(failures),
  });
}

const LISTEN_REASONS: Record<string, string> = {
  EADDRINUSE: "something listens on that port already: choose another one, or 0 for any that is free",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "there is no host of that name",
  EAI_AGAIN: "the host's name could not be resolved",
  EACCES: "the system doesn't permit it (ports below 1024 are often for administrators only)",
};

/** The error for an address that could not be listened on: which, why, what to try. */
export function listenError(server: string, cause: unknown): ConnectionError {
  const { code, message } = Object(cause) as { code?: string; message?: string };
  const reason = LISTEN_REASONS[code ?? ""] ?? (message || String(cause));
  return new ConnectionError(server, `could not listen on ${server}: ${reason}`, { cause });
}
