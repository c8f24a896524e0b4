import { checkHandle, checkText } from "../connection/check.js";
import type { Server } from "./server.js";

/** A job to ask for: what a submit gave (as it is, or as it was stored), or its handle. */
export type JobReference = string | { readonly handle: string; readonly server?: string | undefined };

/** @throws TypeError when it can't be one */
export function checkReference(job: JobReference): { handle: string; server: string | undefined } {
  const { handle, server } = typeof job === "object" && job !== null ? job : { handle: job, server: undefined };
  checkHandle(handle);
  if (server !== undefined) checkText(server, "a server's name", 1, 300);
  return { handle, server };
}

/** The servers that a handle may be of: those whose handles look like it, and then those that have not shown any. */
export function serversOf(handle: string, servers: readonly Server[]): readonly Server[] {
  const its = servers.filter(({ handles }) => handles !== undefined && handle.startsWith(handles));
  if (its.length === 0) return servers;
  return [...its, ...servers.filter(({ handles }) => handles === undefined)];
}

/** @throws TypeError when there is none of that name */
export function serverNamed(name: string, servers: readonly Server[]): Server {
  const server = servers.find((each) => each.name === name);
  if (server) return server;
  const names = servers.map((each) => each.name).join(", ");
  throw new TypeError(`the job was submitted to ${name}, which isn't one of this client's servers (${names})`);
}
