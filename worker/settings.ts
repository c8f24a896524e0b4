import { Client } from "edgear";
import { Problem } from "./problem.js";

/** What wrangler.toml sets under [vars], or the dashboard: numbers may come as text from there. */
export interface Env {
  GEARMAN_SERVERS: string;
  MAX_BODY_BYTES?: number | string;
  CONNECT_TIMEOUT?: number | string;
  REQUEST_TIMEOUT?: number | string;
}

const DEFAULT_MAX_BODY = 1024 * 1024;

/** A Worker has 128 MB for everything, and the body is held whole. */
const LARGEST_MAX_BODY = 32 * 1024 * 1024;

/** A client for one request: its sockets are that request's, and no other may use them. */
export function makeClient(env: Env): Client {
  if (!env.GEARMAN_SERVERS) throw misconfigured("GEARMAN_SERVERS is not set");
  const connectTimeout = number(env, "CONNECT_TIMEOUT");
  const requestTimeout = number(env, "REQUEST_TIMEOUT");
  try {
    return new Client(env.GEARMAN_SERVERS, {
      ...(connectTimeout !== undefined && { connectTimeout }),
      ...(requestTimeout !== undefined && { requestTimeout }),
    });
  } catch (cause) {
    throw misconfigured(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** The servers' names, as they were set. */
export function serverNames(env: Env): string[] {
  return env.GEARMAN_SERVERS.split(",").map((server) => server.trim());
}

/** The largest workload that is taken, in bytes. */
export function maxBody(env: Env): number {
  const bytes = number(env, "MAX_BODY_BYTES") ?? DEFAULT_MAX_BODY;
  if (!Number.isInteger(bytes) || bytes < 0 || bytes > LARGEST_MAX_BODY)
    throw misconfigured(`MAX_BODY_BYTES must be a whole number from 0 to ${LARGEST_MAX_BODY}, not ${bytes}`);
  return bytes;
}

function number(env: Env, name: "MAX_BODY_BYTES" | "CONNECT_TIMEOUT" | "REQUEST_TIMEOUT"): number | undefined {
  const value = env[name];
  if (value === undefined || value === "") return undefined;
  const parsed = Number(value);
  if (Number.isNaN(parsed)) throw misconfigured(`${name} must be a number, not ${JSON.stringify(value)}`);
  return parsed;
}

function misconfigured(message: string, cause?: unknown): Problem {
  return new Problem(500, "MISCONFIGURED", `this Worker is set up wrongly: ${message}`, { cause });
}
