import { hostname } from "#platform";
import { DEFAULT_PORT, MAX_HANDLE_SIZE } from "../../assembly/protocol.js";
import { checkMaxPacketSize, DEFAULT_MAX_PACKET_SIZE } from "../codec/codec.js";
import { checkOptions, checkText, checkWord, show } from "../connection/check.js";
import type { ServerTlsOptions } from "../platform/transport.js";
import type { Logger } from "../worker/events.js";
import type { JobRules } from "./jobs.js";

/** Options of a `JobServer`. */
export interface JobServerOptions {
  /** What handles begin with, before their colon and number; default `H:` and the machine's name. */
  handlePrefix?: string;
  /** How many workers may be lost to a job before it fails (gearmand's `--job-retries`); default: no limit. */
  jobRetries?: number;
  /**
   * The largest packet body that is accepted, in bytes; default 64 MiB. Whoever announces more is told so with an ERROR
   * packet, and the connection is closed. gearmand has no such limit.
   */
  maxPacketSize?: number;
  /**
   * How many bytes may wait for one connection that doesn't read them; default 64 MiB. What is beyond costs it the
   * connection. gearmand has no such limit.
   */
  maxPending?: number;
  /** Whether all connections are told of exceptions, not only those that ask (gearmand's `--exceptions`); default false. */
  exceptions?: boolean;
  /**
   * Which job a worker with several functions gets: `"across"` (default, as gearmand 2): the one with the highest
   * priority, the functions taking turns; `"within"` (as gearmand 1): one function's jobs after the other's, the
   * function registered last first, and by priority only within it.
   */
  priorities?: "across" | "within";
  /** Whether sleeping workers are woken when the time of a delayed job comes: default true, as gearmand 2; gearmand 1 doesn't. */
  wakeForDelayed?: boolean;
  /**
   * What becomes of a job whose worker had it longer than its CAN_DO_TIMEOUT: `"requeue"` (default, as gearmand): the
   * next worker gets it; `"fail"` (as Perl's gearmand, and the protocol's text): it fails.
   */
  timeouts?: "requeue" | "fail";
  /** Told in words what happens. `console` will do. */
  logger?: Logger;
}

/** Options of `JobServer.listen`. */
export interface ListenOptions extends JobServerOptions {
  /** The address to listen on; default `127.0.0.1`: nothing that asks nobody who they are belongs on a network. */
  host?: string;
  /** The port; default 4730. 0 is any that is free. */
  port?: number;
  /** Speak TLS, from the first byte on, as `gearmand --ssl` does: the server's certificate and key, at least. */
  tls?: ServerTlsOptions;
}

/** What the options come to. */
export interface Settings {
  readonly host: string;
  readonly port: number;
  readonly tls: ServerTlsOptions | undefined;
  readonly rules: JobRules;
  readonly maxPacketSize: number;
  readonly maxPending: number;
  readonly exceptions: boolean;
  readonly logger: Logger | undefined;
}

/** Digits of a handle's number, and the colon before it. */
const NUMBER_SIZE = 11;

const DEFAULT_MAX_PENDING = 64 * 1024 * 1024;
const LEAST_MAX_PENDING = 65_536;

const KNOWN = [
  ...["handlePrefix", "jobRetries", "maxPacketSize", "maxPending", "exceptions", "priorities", "wakeForDelayed"],
  ...["timeouts", "logger"],
];

/** @throws TypeError when an option is wrong */
export function settingsOf(options: ListenOptions, call: string): Settings {
  checkOptions(options, call, call === "JobServer.listen" ? ["host", "port", "tls", ...KNOWN] : KNOWN);
  const { host = "127.0.0.1", port = DEFAULT_PORT, tls, handlePrefix, jobRetries, logger } = options;
  const { maxPacketSize = DEFAULT_MAX_PACKET_SIZE, maxPending = DEFAULT_MAX_PENDING } = options;
  const { exceptions = false, wakeForDelayed = true, priorities = "across", timeouts = "requeue" } = options;
  checkText(host, "host", 1, 255);
  if (!Number.isInteger(port) || port < 0 || port > 65535)
    throw new TypeError(`port must be a whole number from 0 to 65535, not ${show(port)}`);
  if (tls !== undefined && (typeof tls !== "object" || tls === null))
    throw new TypeError(`tls must be an object with a cert and a key, not ${show(tls)}`);
  // Without them it would listen, and end every handshake.
  if (tls && (tls.cert === undefined || tls.key === undefined))
    throw new TypeError(`tls needs a ${tls.cert === undefined ? "cert" : "key"}: the server's, PEM`);
  if (handlePrefix !== undefined) checkText(handlePrefix, "handlePrefix", 1, MAX_HANDLE_SIZE - NUMBER_SIZE);
  // A blank would end a handle in the text protocol, and what isn't ASCII would come back as other characters.
  if (handlePrefix !== undefined && /[^\x21-\x7e]/.test(handlePrefix))
    throw new TypeError(`handlePrefix must be printable ASCII without blanks, not ${show(handlePrefix)}`);
  if (jobRetries !== undefined && (!Number.isInteger(jobRetries) || jobRetries < 1))
    throw new TypeError(`jobRetries must be a whole number from 1, not ${show(jobRetries)}`);
  checkMaxPacketSize(maxPacketSize);
  if (!Number.isInteger(maxPending) || maxPending < LEAST_MAX_PENDING)
    throw new TypeError(
      `maxPending must be a whole number of bytes from ${LEAST_MAX_PENDING}, not ${show(maxPending)}`,
    );
  checkBoolean(exceptions, "exceptions");
  checkBoolean(wakeForDelayed, "wakeForDelayed");
  checkWord(priorities, "priorities", ["across", "within"]);
  checkWord(timeouts, "timeouts", ["requeue", "fail"]);
  return {
    host,
    port,
    tls,
    rules: {
      handlePrefix:
        handlePrefix ?? `H:${hostname().replace(/[^\x21-\x7e]/g, "_")}`.slice(0, MAX_HANDLE_SIZE - NUMBER_SIZE),
      jobRetries: jobRetries ?? Number.POSITIVE_INFINITY,
      acrossFunctions: priorities === "across",
      wakeForDelayed,
      failLate: timeouts === "fail",
    },
    maxPacketSize,
    maxPending,
    exceptions,
    logger,
  };
}

function checkBoolean(value: unknown, name: string): void {
  if (typeof value !== "boolean") throw new TypeError(`${name} must be true or false, not ${show(value)}`);
}
