import { parseTls } from "#platform";
import { DEFAULT_PORT } from "../../assembly/protocol.js";
import type { Address, TlsOptions } from "../platform/transport.js";
import { checkOptions, show } from "./check.js";

/**
 * Where job servers are: `"host"`, `"host:port"`, `"[::1]:4730"`, `"gearman://host"`, `"gearmans://host"` (TLS),
 * `{ host, port, tls }`, a list of these, or one string with commas between them. The port is 4730 unless given.
 */
export type Servers = string | ServerOptions | readonly (string | ServerOptions)[];

/** One job server. */
export interface ServerOptions {
  host: string;
  /** Default 4730. */
  port?: number;
  /** TLS from the first byte: `true`, or how. Default: none, nothing is encrypted. */
  tls?: boolean | TlsOptions;
}

const ALLOWED =
  'give "host", "host:port", "[::1]:4730", "gearman://host:port", "gearmans://host:port" or { host, port, tls }';

/** @throws TypeError when one is none */
export function parseServers(servers: Servers): Address[] {
  const list = typeof servers === "string" ? servers.split(",") : isList(servers) ? servers : [servers];
  const addresses = list.map((server) => (typeof server === "string" ? parse(server.trim()) : fromOptions(server)));
  if (addresses.length === 0) throw new TypeError(`no server was given: ${ALLOWED}`);
  const names = addresses.map(serverName);
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice) throw new TypeError(`the server ${twice} is listed twice`);
  return addresses;
}

/** What errors and handles call a server: `host:port`. */
export function serverName(address: Address): string {
  return `${address.host.includes(":") ? `[${address.host}]` : address.host}:${address.port}`;
}

function isList(
  servers: ServerOptions | readonly (string | ServerOptions)[],
): servers is readonly (string | ServerOptions)[] {
  return Array.isArray(servers);
}

/** A host's name or IPv4 address, or an IPv6 address, which may name its zone. */
const HOST = /^(?:[^\s:/?#@,%[\]]+|[\da-f]*:[\da-f:.]*:[\da-f:.]*(?:%[\w.~-]+)?)$/i;

function parse(text: string): Address {
  const match = /^(?:(gearmans?):\/\/)?(?:\[([^\]]*:[^\]]*)\]|([^:/[\]]+))(?::(\d+))?\/?$/i.exec(text);
  const [, scheme, bracketed, plain, port] = match ?? [];
  const host = bracketed ?? plain ?? "";
  if (!HOST.test(host)) throw new TypeError(`${show(text)} is no server: ${ALLOWED}`);
  return check(
    {
      host,
      port: port === undefined ? DEFAULT_PORT : Number(port),
      tls: scheme?.toLowerCase() === "gearmans" ? {} : undefined,
    },
    text,
  );
}

function fromOptions(options: ServerOptions): Address {
  if (typeof options !== "object" || options === null || typeof options.host !== "string")
    throw new TypeError(`${describe(options)} is no server: ${ALLOWED}`);
  // A misspelt `tls` would send everything in the clear.
  checkOptions(options, "a server", ["host", "port", "tls"]);
  const { port = DEFAULT_PORT, tls } = options;
  // URLs write IPv6 addresses in brackets.
  const host = options.host.replace(/^\[(.*:.*)\]$/, "$1");
  if (!HOST.test(host)) throw new TypeError(`${describe(options)} is no server: ${ALLOWED}`);
  if (tls !== undefined && typeof tls !== "boolean" && (typeof tls !== "object" || tls === null || Array.isArray(tls)))
    throw new TypeError(`the tls of ${describe(options)} must be true, false or an object, not ${show(tls)}`);
  const address = check({ host, port }, describe(options));
  return tls ? { ...address, tls: tls === true ? {} : parseTls(tls) } : address;
}

function check(address: Address, given: string): Address {
  if (!Number.isInteger(address.port) || address.port < 1 || address.port > 65535) {
    throw new TypeError(`${given} has the port ${show(address.port)}: a port is a whole number from 1 to 65535`);
  }
  return address;
}

/** An argument as an error message shows it. A key never appears in one. */
function describe(value: unknown): string {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return show(value);
  const { host, port } = value as { host?: unknown; port?: unknown };
  return `{ host: ${JSON.stringify(host)}, port: ${JSON.stringify(port)} }`;
}
