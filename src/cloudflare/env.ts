import type { ClientOptions } from "../client/options.js";
import { checkMilliseconds, show } from "../connection/check.js";
import type { Connect } from "../connection/dial.js";
import type { StreamSocket } from "../platform/streams.js";

/** What is needed of a VPC network binding. */
export interface GearmanNet {
  connect(address: { hostname: string; port: number }): StreamSocket | Promise<StreamSocket>;
}

/** A client's `connect` by a VPC network binding. Servers that are to be spoken to by TLS it refuses, with a `TypeError`. */
export function netConnect(network: GearmanNet): Connect {
  return ({ secureTransport, ...address }) => {
    // The binding speaks no TLS, and nobody would notice that what was to be encrypted isn't.
    if (secureTransport === "on")
      throw new TypeError("a VPC network carries no TLS: write gearman:// for servers that GEARMAN_NET leads to");
    return network.connect(address);
  };
}

/** What a `GearmanHub` is configured by. Numbers may be text: that is what the dashboard makes of them. */
export interface GearmanHubEnv {
  /** Job servers, separated by commas. */
  GEARMAN_SERVERS: string;
  /** A VPC network binding, when the servers are in a private network: connections are made by its `connect`. */
  GEARMAN_NET?: GearmanNet;
  /**
   * Milliseconds between two alarms, each of which makes the connections anew. Default 600,000 (10 minutes): the
   * platform keeps an object for a socket's sake for 15 minutes and no longer.
   */
  GEARMAN_HUB_INTERVAL?: number | string;
  /** Milliseconds until a connection must be there; default 5,000. */
  CONNECT_TIMEOUT?: number | string;
  /** Milliseconds until a server must have answered a request; default 10,000. */
  REQUEST_TIMEOUT?: number | string;
}

const DEFAULT_INTERVAL = 600_000;

/** What it comes to. */
export interface HubSettings {
  readonly servers: string;
  readonly interval: number;
  readonly client: ClientOptions;
}

/** @throws TypeError in words, when something is missing or can't be what it is */
export function readEnv(env: GearmanHubEnv): HubSettings {
  const { GEARMAN_SERVERS: servers, GEARMAN_NET: network } = env;
  if (typeof servers !== "string" || servers === "")
    throw new TypeError(`GEARMAN_SERVERS must name the job servers, separated by commas, not ${show(servers)}`);
  if (network !== undefined && typeof network?.connect !== "function")
    throw new TypeError("GEARMAN_NET must be a VPC network binding: it has no connect()");
  return {
    servers,
    interval: milliseconds(env, "GEARMAN_HUB_INTERVAL", DEFAULT_INTERVAL),
    client: {
      connectTimeout: milliseconds(env, "CONNECT_TIMEOUT", undefined),
      requestTimeout: milliseconds(env, "REQUEST_TIMEOUT", undefined),
      connect: network && netConnect(network),
    },
  };
}

type Times = "GEARMAN_HUB_INTERVAL" | "CONNECT_TIMEOUT" | "REQUEST_TIMEOUT";

function milliseconds<Default>(env: GearmanHubEnv, name: Times, otherwise: Default): number | Default {
  const value = env[name];
  if (value === undefined || value === "") return otherwise;
  const number = Number(value);
  checkMilliseconds(Number.isNaN(number) ? value : number, name, 1);
  return number;
}
