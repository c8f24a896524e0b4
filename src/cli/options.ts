import { InvalidArgumentError, Option } from "commander";
import { parseServers } from "../connection/address.js";
import type { ServerOptions } from "../index.js";
import type { Address } from "../platform/transport.js";

/** What every command that talks to a server takes. */
export interface ServerChoice {
  servers: Address[];
}

/** What most commands take. */
export interface CommonOptions extends ServerChoice {
  json?: boolean;
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** The longest time that timers take, in milliseconds. */
const MAX_TIMER = 2 ** 31 - 1;

/** `--servers`, and the environment variable that gearman's own tools read. */
export function serversOption(): Option {
  return new Option(
    "-s, --servers <list>",
    'job servers: "host", "host:port", "gearmans://host" (TLS); commas between several',
  )
    .env("GEARMAN_SERVERS")
    .default(parseServers("127.0.0.1:4730"), "127.0.0.1:4730")
    .argParser((text) => invalid(() => parseServers(text)));
}

/** `--json`. */
export function jsonOption(): Option {
  return new Option("--json", "print JSON, for programs");
}

/** Servers as the library's classes take them. */
export function serverList(servers: readonly Address[]): ServerOptions[] {
  return servers.map(({ host, port, tls }) => ({ host, port, ...(tls && { tls }) }));
}

/** A time, in milliseconds: `500ms`, `10s`, `1.5m`, `2h`, `1d`; a bare number is seconds. */
export function duration(text: string): number {
  const [, number, unit = "s"] = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)?$/.exec(text) ?? [];
  const milliseconds = Number(number) * (UNITS[unit] ?? Number.NaN);
  if (Number.isNaN(milliseconds))
    throw new InvalidArgumentError("A time is a number with a unit: 500ms, 10s, 5m, 2h, 1d.");
  return milliseconds;
}

/** As `duration`, and no longer than a timer can be: one that is set to more is over at once. */
export function grace(text: string): number {
  const milliseconds = duration(text);
  if (milliseconds > MAX_TIMER) throw new InvalidArgumentError("It must be 24 days at most.");
  return milliseconds;
}

/** As `grace`, but not nothing. */
export function timeLimit(text: string): number {
  const milliseconds = grace(text);
  if (milliseconds < 1) throw new InvalidArgumentError("It must be a millisecond at least.");
  return milliseconds;
}

/** A whole number from 1. */
export function count(text: string): number {
  if (!/^[1-9]\d{0,8}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 1.");
  return Number(text);
}

/** A whole number from 0. */
export function number(text: string): number {
  if (!/^\d{1,10}$/.test(text)) throw new InvalidArgumentError("It must be a whole number from 0.");
  return Number(text);
}

/** What the library says of a wrong argument, said as the parser's own. */
function invalid<T>(check: () => T): T {
  try {
    return check();
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error));
  }
}
