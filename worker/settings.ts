import { Client, type ClientOptions } from "edgear";
import { clientSettings, type GearmanNet, type HubNamespace } from "edgear/cloudflare";
import { misconfigured } from "./problem.js";

/** A list in wrangler.toml, or text: a JSON array, or names separated by commas. */
export type List = string | readonly string[];

type Amount = number | string;

/** What wrangler.toml sets under [vars], or the dashboard (numbers and lists may come as text from there), and bindings. */
export interface Env {
  /** Job servers, separated by commas. */
  GEARMAN_SERVERS: string;
  /** Who may come in; a secret. Without it nobody may. See auth.ts. */
  GEARMAN_TOKENS?: unknown;
  /** The only functions that jobs may be submitted for; default: all that a token may. */
  GEARMAN_FUNCTIONS?: List;
  /** A VPC network binding, or anything else that connects: the road to job servers in a private network. */
  GEARMAN_NET?: GearmanNet;
  /** A Durable Object, `GearmanHub`, that keeps the connections: jobs are submitted and asked for over it. */
  GEARMAN_HUB?: HubNamespace;
  /** A rate limiting binding: it is asked once a request, with the token's name. */
  RATE_LIMITER?: RateLimit;
  /** Origins whose pages may read the answers; default: none. */
  CORS_ORIGINS?: List;
  /** Hosts that results may be posted to, and the key that signs them (a secret); without both, callbacks are off. */
  CALLBACK_HOSTS?: List;
  CALLBACK_SECRET?: string;
  CALLBACK_TIMEOUT?: Amount;
  MAX_BODY_BYTES?: Amount;
  MAX_BATCH_LINES?: Amount;
  MAX_RESULT_BYTES?: Amount;
  IDLE_TIMEOUT?: Amount;
  CONNECT_TIMEOUT?: Amount;
  REQUEST_TIMEOUT?: Amount;
  RUN_TIMEOUT?: Amount;
  STREAM_TIMEOUT?: Amount;
  STREAM_KEEP_ALIVE?: Amount;
  DRAIN_DEADLINE?: Amount;
  DRAIN_CONCURRENCY?: Amount;
}

/** Settings that are whole numbers: their defaults, and what they may be. */
const AMOUNTS = {
  // A Worker has 128 MB for everything, and the body is held whole.
  MAX_BODY_BYTES: { otherwise: 1024 * 1024, least: 0, most: 16 * 1024 * 1024 },
  MAX_BATCH_LINES: { otherwise: 10_000, least: 1, most: 1_000_000 },
  MAX_RESULT_BYTES: { otherwise: 8 * 1024 * 1024, least: 1024, most: 16 * 1024 * 1024 },
  IDLE_TIMEOUT: { otherwise: 60_000, least: 10, most: 600_000 },
  RUN_TIMEOUT: { otherwise: 30_000, least: 1, most: 600_000 },
  STREAM_TIMEOUT: { otherwise: 300_000, least: 1, most: 3_600_000 },
  STREAM_KEEP_ALIVE: { otherwise: 15_000, least: 10, most: 600_000 },
  // What is left of the 30 seconds that a Worker has after its answer is for the callback itself.
  CALLBACK_TIMEOUT: { otherwise: 20_000, least: 1, most: 25_000 },
  // A cron trigger has 15 minutes: what runs at the deadline is finished in the rest.
  DRAIN_DEADLINE: { otherwise: 600_000, least: 1, most: 840_000 },
  DRAIN_CONCURRENCY: { otherwise: 4, least: 1, most: 100 },
} as const;

/** A setting that is a whole number. */
export function amount(env: Env, name: keyof typeof AMOUNTS): number {
  const { otherwise, least, most } = AMOUNTS[name];
  const value = number(env, name) ?? otherwise;
  if (!Number.isInteger(value) || value < least || value > most)
    throw misconfigured(`${name} must be a whole number from ${least} to ${most}, not ${value}`);
  return value;
}

/** A setting that is a list; `undefined` when it is not set. */
export function list(
  env: Env,
  name: "GEARMAN_FUNCTIONS" | "CORS_ORIGINS" | "CALLBACK_HOSTS",
): readonly string[] | undefined {
  const value = env[name];
  if (value === undefined) return undefined;
  const parsed: unknown = typeof value === "string" && value.startsWith("[") ? json(value, name) : value;
  if (typeof parsed === "string")
    return parsed
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean);
  if (!Array.isArray(parsed) || !parsed.every((item) => typeof item === "string"))
    throw misconfigured(`${name} must be a list of texts`);
  return parsed;
}

/** What clients and workers are told of the connections that they are to make. */
export function connections(env: Env): ReturnType<typeof clientSettings> {
  // The client refuses them too, but only once one of them has its turn.
  const settings = wellSet(() => clientSettings(env));
  if (env.GEARMAN_NET && serverNames(env).some((name) => /^gearmans:/i.test(name)))
    throw misconfigured("GEARMAN_SERVERS has gearmans://, and a network binding (GEARMAN_NET) carries no TLS");
  return settings;
}

/** A client for one request: its sockets are that request's, and no other may use them. */
export function makeClient(env: Env, limits: Pick<ClientOptions, "maxPacketSize"> = {}): Client {
  const { servers, options } = connections(env);
  return wellSet(() => new Client(servers, { ...options, ...limits }));
}

/** Makes something of the settings: what it finds wrong with them is nothing that the request can help. */
export function wellSet<T>(make: () => T): T {
  try {
    return make();
  } catch (cause) {
    throw misconfigured(cause instanceof Error ? cause.message : String(cause), cause);
  }
}

/** The servers' names, as they were set. */
export function serverNames(env: Env): string[] {
  return env.GEARMAN_SERVERS.split(",").map((server) => server.trim());
}

/** Parses a setting, and keeps what it is to itself: it may be a secret. */
export function json(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw misconfigured(`${name} is no JSON`);
  }
}

function number(env: Env, name: keyof typeof AMOUNTS): number | undefined {
  const value: unknown = env[name];
  if (value === undefined || value === "") return undefined;
  if (typeof value === "number" && !Number.isNaN(value)) return value;
  // `Number` takes blanks for 0.
  if (typeof value === "string" && /^\d+$/.test(value)) return Number(value);
  throw misconfigured(`${name} must be a number, not ${JSON.stringify(value)}`);
}
