import { serverName } from "../connection/address.js";
import type { ConnectionOptions } from "../connection/connection.js";
import { noServer } from "../connection/explain.js";
import { abortable } from "../connection/wait.js";
import { ProtocolError, TimeoutError } from "../errors.js";
import type { Address } from "../platform/transport.js";
import { Session } from "./session.js";

/** How long a server that took no connection is left out while others can be had: doubled each time, to a limit. In milliseconds. */
const FIRST_REST = 1_000;
const LONGEST_REST = 30_000;

interface Server {
  readonly address: Address;
  session: Session | undefined;
  /** The connection being made: one, however many calls wait for it. */
  opening: Promise<Session> | undefined;
  rest: number;
  restUntil: number;
}

/** A client's sessions: one for each server that is in use, made when it is first needed. */
export class Sessions {
  readonly #servers: Server[];
  readonly #options: ConnectionOptions;
  readonly #closing = new AbortController();

  constructor(addresses: readonly Address[], options: ConnectionOptions) {
    this.#servers = addresses.map((address) => ({
      address,
      session: undefined,
      opening: undefined,
      rest: 0,
      restUntil: 0,
    }));
    this.#options = options;
  }

  /** The session that serves the next call, when it is open already. */
  get ready(): Session | undefined {
    const first = this.#servers[0]?.session;
    return first?.open ? first : undefined;
  }

  /**
   * The first server of the list that can be had. One that could not is left out for a while, unless no other can be.
   * @throws ConnectionError when none can be had; `TimeoutError` when the only one is not there in time
   */
  async acquire(signal?: AbortSignal): Promise<Session> {
    const now = performance.now();
    const open = this.#servers.findIndex(({ session }) => session?.open);
    if (open >= 0) {
      // A better one that may be back is tried without making this call wait for it.
      for (const server of this.#servers.slice(0, open)) {
        if (server.restUntil <= now) this.#session(server).catch(() => {});
      }
      return this.#servers[open]?.session as Session;
    }
    const rested = this.#servers.filter((server) => server.restUntil <= now);
    const others = this.#servers.filter((server) => !rested.includes(server));
    const failures: Error[] = [];
    for (const server of [...rested, ...others]) {
      try {
        return await this.#session(server, signal);
      } catch (error) {
        signal?.throwIfAborted();
        this.#closing.signal.throwIfAborted();
        failures.push(error as Error);
      }
    }
    throw noServer(this.names, failures);
  }

  /**
   * The session with one server.
   * @throws TypeError when the server isn't listed
   */
  async of(name: string, signal?: AbortSignal): Promise<Session> {
    const server = this.#servers.find(({ address }) => serverName(address) === name);
    if (!server)
      throw new TypeError(
        `the job was submitted to ${name}, which isn't one of this client's servers (${this.names.join(", ")})`,
      );
    return this.#session(server, signal);
  }

  /** The names of all servers, in the list's order. */
  get names(): string[] {
    return this.#servers.map(({ address }) => serverName(address));
  }

  /** The sessions that are open. */
  get open(): Session[] {
    return this.#servers.flatMap(({ session }) => (session?.open ? [session] : []));
  }

  /** Ends the connections that are being made, too. */
  destroy(cause: Error): void {
    this.#closing.abort(cause);
    for (const session of this.open) session.destroy(cause);
  }

  #session(server: Server, signal?: AbortSignal): Promise<Session> {
    if (server.session?.open) return Promise.resolve(server.session);
    server.opening ??= this.#dial(server);
    return abortable(server.opening, signal);
  }

  async #dial(server: Server): Promise<Session> {
    try {
      const lost = (error: Error | undefined) => {
        // A server that takes connections and is of no use is as good as one that takes none.
        const useless = !server.session?.answered || error instanceof TimeoutError || error instanceof ProtocolError;
        server.session = undefined;
        if (useless) rest(server);
        else server.rest = 0;
      };
      server.session = await Session.open(server.address, this.#options, lost, this.#closing.signal);
      return server.session;
    } catch (error) {
      rest(server);
      throw error;
    } finally {
      server.opening = undefined;
    }
  }
}

/** Leaves a server out for a while. */
function rest(server: Server): void {
  server.rest = Math.min(LONGEST_REST, server.rest * 2 || FIRST_REST);
  server.restUntil = performance.now() + server.rest;
}
