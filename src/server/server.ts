import { hostname, listen } from "#platform";
import { DEFAULT_PORT, MAX_HANDLE_SIZE } from "../../assembly/protocol.js";
import { checkMaxPacketSize, DEFAULT_MAX_PACKET_SIZE } from "../codec/codec.js";
import { serverName } from "../connection/address.js";
import { checkOptions, checkText, show } from "../connection/check.js";
import { listenError } from "../connection/explain.js";
import type { Receiver, Transport } from "../platform/transport.js";
import { VERSION } from "../version.js";
import { Jobs } from "./jobs.js";
import { Session, type SessionOwner } from "./session.js";
import { answerText } from "./text.js";

/** Options of `JobServer.listen`. */
export interface JobServerOptions {
  /** The address to listen on; default `127.0.0.1`: nothing that asks nobody who they are belongs on a network. */
  host?: string;
  /** The port; default 4730. 0 is any that is free. */
  port?: number;
  /** What handles begin with, before their colon and number; default `H:` and the machine's name. */
  handlePrefix?: string;
  /** How many workers may be lost to a job before it fails; default: no limit. */
  jobRetries?: number;
  /** The largest packet body that is accepted, in bytes; default 64 MiB. A connection that sends more is closed. */
  maxPacketSize?: number;
}

/** Digits of a handle's number, and the colon before it. */
const NUMBER_SIZE = 11;

/**
 * An embedded job server: for quick starts, tests and development. Jobs are kept in memory, and gone with the
 * process; in production, use gearmand. Any Gearman client and worker can connect to it.
 */
export class JobServer implements AsyncDisposable {
  readonly #host: string;
  readonly #jobs: Jobs;
  readonly #sessions = new Set<Session>();
  readonly #maxPacketSize: number;
  #listener: { readonly port: number; close(): Promise<void> } | undefined;
  #accepted = 0;
  #closing: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;

  private constructor(options: JobServerOptions) {
    checkOptions(options, "JobServer.listen", ["host", "port", "handlePrefix", "jobRetries", "maxPacketSize"]);
    const { host = "127.0.0.1", port = DEFAULT_PORT, handlePrefix, jobRetries } = options;
    const { maxPacketSize = DEFAULT_MAX_PACKET_SIZE } = options;
    checkText(host, "host", 1, 255);
    if (!Number.isInteger(port) || port < 0 || port > 65535)
      throw new TypeError(`port must be a whole number from 0 to 65535, not ${show(port)}`);
    if (handlePrefix !== undefined) checkText(handlePrefix, "handlePrefix", 1, MAX_HANDLE_SIZE - NUMBER_SIZE);
    // A blank would end a handle in the text protocol, and what isn't ASCII would come back as other characters.
    if (handlePrefix !== undefined && /[^\x21-\x7e]/.test(handlePrefix))
      throw new TypeError(`handlePrefix must be printable ASCII without blanks, not ${show(handlePrefix)}`);
    if (jobRetries !== undefined && (!Number.isInteger(jobRetries) || jobRetries < 1)) {
      throw new TypeError(`jobRetries must be a whole number from 1, not ${show(jobRetries)}`);
    }
    checkMaxPacketSize(maxPacketSize);
    this.#host = host;
    this.#maxPacketSize = maxPacketSize;
    const prefix =
      handlePrefix ?? `H:${hostname().replace(/[^\x21-\x7e]/g, "_")}`.slice(0, MAX_HANDLE_SIZE - NUMBER_SIZE);
    this.#jobs = new Jobs(prefix, jobRetries ?? Number.POSITIVE_INFINITY);
  }

  /**
   * Starts one.
   * @throws TypeError (as a rejection) when an option is wrong
   * @throws ConnectionError when it can't listen there: why, and what to try
   */
  static async listen(options: JobServerOptions = {}): Promise<JobServer> {
    const server = new JobServer(options);
    const { port = DEFAULT_PORT } = options;
    const host = server.#host;
    try {
      server.#listener = await listen({ host, port }, (transport, peer) => server.#accept(transport, peer));
    } catch (error) {
      if (error instanceof TypeError) throw error;
      throw listenError(serverName({ host, port }), error);
    }
    return server;
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** Its address, as `Client`, `Worker` and `Admin` take it: `host:port`. */
  get address(): string {
    return serverName({ host: this.#host, port: this.port });
  }

  /** Closes all connections, and listens no more. The jobs are gone. Calling it again gives the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #close(): Promise<void> {
    this.#jobs.close();
    const closed = this.#listener?.close();
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const session of this.#sessions) session.channel.destroy();
    if (this.#sessions.size > 0) await empty;
    await closed;
  }

  #accept(transport: Transport, peer: { address: string; port: number }): Receiver | undefined {
    if (this.#closing) return undefined;
    const session = new Session(++this.#accepted, peer, this.#maxPacketSize, transport, this.#owner);
    this.#sessions.add(session);
    return session.channel;
  }

  readonly #owner: SessionOwner = ((server: JobServer): SessionOwner => ({
    get jobs() {
      return server.#jobs;
    },
    text: (line) => answerText(line, { jobs: server.#jobs, sessions: server.#sessions, version: `${VERSION}+edgear` }),
    closed: (session) => {
      server.#sessions.delete(session);
      if (server.#sessions.size === 0) server.#onEmpty?.();
    },
  }))(this);
}
