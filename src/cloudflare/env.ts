import type { ClientOptions } from "../client/options.js";
import { checkMilliseconds, show } from "../connection/check.js";
import type { Connect } from "../connection/dial.js";
import type { StreamSocket } from "../platform/streams.js";

/** What is needed of a VPC network binding. */
export interface GearmanNet {
  connect(address: { hostname: string; port: number }): StreamSocket | Promise<StreamSocket>;
}

/** Where the job servers are, and how they are reached. Numbers may be text: that is what the dashboard makes of them. */
export interface GearmanEnv {
  /** Job servers, separated by commas. */
  GEARMAN_SERVERS: string;
  /** A VPC network binding, when the servers are in a private network: connections are made by its `connect`. */
  GEARMAN_NET?: GearmanNet;
  /** Milliseconds until a connection must be there; default 5,000. */
  CONNECT_TIMEOUT?: number | string;
  /** Milliseconds until a server must have answered a request; default 10,000. */
  REQUEST_TIMEOUT?: number | string;
}

/** What a `GearmanHub` is configured by. */
export interface GearmanHubEnv extends GearmanEnv {
  /**
   * Milliseconds between two alarms, each of which makes the connections anew. Default 600,000 (10 minutes), at most
   * 840,000: the platform keeps an object for a socket's sake for 15 minutes and no longer.
   */
  GEARMAN_HUB_INTERVAL?: number | string;
  /** Milliseconds that the `timeout` of a `run` may be, and is unless it is given. Default and most: 900,000 (15 minutes). */
  GEARMAN_HUB_RUN_TIMEOUT?: number | string;
}

const DEFAULT_INTERVAL = 600_000;
const LONGEST_INTERVAL = 840_000;

/** The platform's limit for what keeps an object alive. */
const LONGEST_RUN = 900_000;

/** What it comes to. */
export interface HubSettings {
  readonly servers: string;
  readonly interval: number;
  readonly runTimeout: number;
  readonly options: ClientOptions;
}

/** @throws TypeError in words, when something is missing or can't be what it is */
export function readHubEnv(env: GearmanHubEnv): HubSettings {
  return {
    ...clientSettings(env),
    interval: milliseconds(env, "GEARMAN_HUB_INTERVAL", LONGEST_INTERVAL) ?? DEFAULT_INTERVAL,
    runTimeout: milliseconds(env, "GEARMAN_HUB_RUN_TIMEOUT", LONGEST_RUN) ?? LONGEST_RUN,
  };
}

/** What of a client's options, and a worker's, is set by variables. */
type ConnectionSettings = Pick<ClientOptions, "connectTimeout" | "requestTimeout" | "connect">;

/**
 * What a client, or a worker, is to be made of, by these variables: `new Client(servers, options)`.
 * @throws TypeError in words, when something is missing or can't be what it is
 */
export function clientSettings(env: GearmanEnv): { servers: string; options: ConnectionSettings } {
  const { GEARMAN_SERVERS: servers, GEARMAN_NET: network } = env;
  if (typeof servers !== "string" || servers === "")
    throw new TypeError(`GEARMAN_SERVERS must name the job servers, separated by commas, not ${show(servers)}`);
  const connectTimeout = milliseconds(env, "CONNECT_TIMEOUT");
  const requestTimeout = milliseconds(env, "REQUEST_TIMEOUT");
  const options: ConnectionSettings = {};
  if (connectTimeout !== undefined) options.connectTimeout = connectTimeout;
  if (requestTimeout !== undefined) options.requestTimeout = requestTimeout;
  if (network !== undefined) options.connect = netConnect(network);
  return { servers, options };
}

/**
 * A client's `connect`, over a VPC network binding. It refuses what is to be TLS.
 * @throws TypeError when it is no such binding
 */
export function netConnect(network: GearmanNet): Connect {
  if (typeof network?.connect !== "function")
    throw new TypeError("GEARMAN_NET must be a VPC network binding: it has no connect()");
  return ({ secureTransport, ...address }) => {
    // The binding speaks no TLS, and nobody would notice that what was to be encrypted isn't.
    if (secureTransport === "on")
      throw new TypeError("a VPC network carries no TLS: write gearman:// for servers that GEARMAN_NET leads to");
    return network.connect(address);
  };
}

type Times = "GEARMAN_HUB_INTERVAL" | "GEARMAN_HUB_RUN_TIMEOUT" | "CONNECT_TIMEOUT" | "REQUEST_TIMEOUT";

function milliseconds(env: GearmanHubEnv, name: Times, most?: number): number | undefined {
  const value: unknown = env[name];
  if (value === undefined || value === "") return undefined;
  const number = typeof value === "string" && /^\d+$/.test(value) ? Number(value) : value;
  checkMilliseconds(number, name, 1);
  if (most !== undefined && number > most)
    throw new TypeError(`${name} may be ${most} milliseconds at most, not ${number}`);
  return number;
}
