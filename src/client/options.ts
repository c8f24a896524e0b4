import { checkMaxPacketSize, DEFAULT_MAX_PACKET_SIZE } from "../codec/codec.js";
import type { BackoffOptions } from "../connection/backoff.js";
import { checkMilliseconds, checkOptions, checkWord, show } from "../connection/check.js";
import type { ConnectionOptions } from "../connection/connection.js";
import { type Connect, checkConnect } from "../connection/dial.js";
import type { AnyJobs, Validators } from "../jobs.js";
import { BALANCES, type Balance } from "./balance.js";
import type { JobStatus } from "./status.js";

/** How a client goes on after a connection was lost. */
export interface ReconnectOptions extends BackoffOptions {
  /**
   * Milliseconds before the servers are tried again, when none of them could be had; default 100. Doubled each time,
   * and each wait is shortened by chance to at most half.
   */
  minDelay?: number | undefined;
  /** The longest such wait, in milliseconds; default 2,000. */
  maxDelay?: number | undefined;
  /**
   * How often one call is tried again before it rejects; default 8, which is some 5 to 9 seconds. A job that was
   * acknowledged and followed for a while may be tried as often anew.
   */
  retries?: number | undefined;
}

/** Options of a client. Times are in milliseconds. */
export interface ClientOptions<Jobs = AnyJobs> {
  /** Until a connection to a server must be there, TLS included; default 5,000. */
  connectTimeout?: number | undefined;
  /** Until a server must have answered a request (a job's result is none); default 10,000. */
  requestTimeout?: number | undefined;
  /**
   * What becomes of calls whose connection is lost, and of those that find no server any more: how they are tried
   * again (docs/client.md, "When a connection is lost"). `false`: they reject at once. A client that never had a
   * connection doesn't wait for one either way.
   */
  reconnect?: ReconnectOptions | false | undefined;
  /**
   * Without a packet from a server for so long, it is asked for an echo, and given up when that doesn't come within
   * `requestTimeout`: a line that is dead at the other end only looks like a quiet one. Default 30,000; 0: never.
   */
  heartbeat?: number | undefined;
  /** The largest workload that is sent, and the largest packet body that is accepted, in bytes; default 64 MiB. */
  maxPacketSize?: number | undefined;
  /**
   * How many requests may be unanswered on one connection; further ones wait here, unsent. Default 1,000: gearmand is
   * not faster with more, unless the line is long.
   */
  maxInFlight?: number | undefined;
  /** Which of several servers jobs go to; default `"failover"`. */
  balance?: Balance | undefined;
  /**
   * Makes the sockets, instead of the runtime: a private network's (`netConnect` of `edgear/cloudflare`), a
   * tunnel's, a test's. Any WinterTC socket will do.
   */
  connect?: Connect | undefined;
  /** Validators by function: workloads are checked before they are sent, and results when they come, as JSON. */
  jobs?: Validators<Jobs> | undefined;
}

/** Options of calls that only wait. */
export interface WaitOptions {
  /** Ends the wait, with its reason. */
  signal?: AbortSignal | undefined;
}

/** Options of `client.completed`. Times are in milliseconds. */
export interface CompletedOptions extends WaitOptions {
  /** Between two looks; default 500. */
  interval?: number | undefined;
  /** Until the job must be done; then a `TimeoutError`. Default: no limit. */
  timeout?: number | undefined;
  /** Called with each status that was seen. */
  onStatus?: ((status: JobStatus) => void) | undefined;
}

/** Options of `client.close`. */
export interface ClientCloseOptions {
  /** Milliseconds until what is in flight is given up. */
  timeout?: number | undefined;
}

/** Options, checked and complete. */
export interface Settings {
  readonly connection: ConnectionOptions;
  readonly reconnect: { readonly minDelay: number; readonly maxDelay: number; readonly retries: number } | false;
  readonly maxInFlight: number;
  readonly balance: Balance;
}

const CLIENT_OPTIONS: (keyof ClientOptions)[] = [
  "connectTimeout",
  "requestTimeout",
  "reconnect",
  "heartbeat",
  "maxPacketSize",
  "maxInFlight",
  "balance",
  "connect",
  "jobs",
];

/** @throws TypeError when one is wrong */
export function checkClientOptions(options: Omit<ClientOptions, "jobs">, uniquePrefix: string): Settings {
  checkOptions(options, "Client", CLIENT_OPTIONS);
  const { connectTimeout = 5_000, requestTimeout = 10_000, heartbeat = 30_000, reconnect = {} } = options;
  const { maxPacketSize = DEFAULT_MAX_PACKET_SIZE, maxInFlight = 1_000, balance = "failover", connect } = options;
  checkMilliseconds(connectTimeout, "connectTimeout", 1);
  checkMilliseconds(requestTimeout, "requestTimeout", 1);
  checkMilliseconds(heartbeat, "heartbeat");
  checkMaxPacketSize(maxPacketSize);
  checkInFlight(maxInFlight);
  checkWord(balance, "balance", BALANCES);
  checkConnect(connect);
  const connection = {
    connectTimeout,
    requestTimeout,
    maxPacketSize,
    uniquePrefix,
    heartbeat: heartbeat === 0 ? undefined : heartbeat,
    connect,
  };
  return { connection, reconnect: checkReconnect(reconnect), maxInFlight, balance };
}

/** @throws TypeError when it isn't a whole number from 1 */
export function checkInFlight(value: unknown, name = "maxInFlight"): asserts value is number {
  if (!Number.isInteger(value) || (value as number) < 1)
    throw new TypeError(`${name} must be a whole number from 1, not ${show(value)}`);
}

function checkReconnect(reconnect: ReconnectOptions | false): Settings["reconnect"] {
  if (reconnect === false) return false;
  checkOptions(reconnect, "reconnect", ["minDelay", "maxDelay", "retries"]);
  const { minDelay = 100, maxDelay = 2_000, retries = 8 } = reconnect;
  checkMilliseconds(minDelay, "reconnect.minDelay", 1);
  checkMilliseconds(maxDelay, "reconnect.maxDelay", 1);
  if (!(retries >= 0)) throw new TypeError(`reconnect.retries must be a number from 0, not ${show(retries)}`);
  return { minDelay, maxDelay, retries };
}
