import { isForeignRequest } from "#platform";
import { ConnectionError, type GearmanError, RequestScopeError } from "../errors.js";
import { tlsReason } from "../platform/tls.js";

const REASONS: Record<string, string> = {
  ECONNREFUSED: "nothing listens there: start gearmand on it, or check the address",
  ENOTFOUND: "there is no host of that name: check the address",
  EAI_AGAIN: "its name could not be resolved: is the network up?",
  EHOSTUNREACH: "the host can't be reached from here",
  ENETUNREACH: "its network can't be reached from here",
  ECONNRESET:
    "it closed the connection while it was being made: a plain port spoken to in TLS does that (use gearman://, or leave " +
    "tls out), and a TLS port that doesn't accept the client's certificate or gets none (tls.cert and tls.key)",
  ETIMEDOUT: "it did not answer: is a firewall in between?",
  EACCES: "the runtime doesn't permit it",
};

/** What workerd says, without a code, of a refused connection and of an address that it keeps Workers from. */
const WORKERD_REFUSED = "cannot connect to the specified address";
const WORKERD_REASON =
  "nothing listens there, or Workers may not reach it (a private address, Cloudflare's own, or port 25): " +
  "start gearmand on it, or check the address";

/** The error for a connection that could not be made: which server, why, what to try. */
export function connectionError(server: string, cause: unknown): GearmanError {
  if (isForeignRequest(cause)) return new RequestScopeError({ cause });
  const { code, message } = Object(cause) as { code?: string; message?: string };
  const reason =
    tlsReason(cause) ??
    REASONS[code ?? ""] ??
    (message?.includes(WORKERD_REFUSED) ? WORKERD_REASON : message || String(cause));
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
