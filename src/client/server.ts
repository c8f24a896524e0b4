import { requestScope } from "#platform";
import { serverName } from "../connection/address.js";
import { Backoff } from "../connection/backoff.js";
import { connectionError } from "../connection/explain.js";
import { abortable, sleep } from "../connection/wait.js";
import { ProtocolError, RequestScopeError, TimeoutError } from "../errors.js";
import type { Address } from "../platform/transport.js";
import type { ClientEvents } from "./events.js";
import type { Settings } from "./options.js";
import { Session } from "./session.js";

/** How long a server that took no connection is left out while others can be had: doubled each time, to a limit. In milliseconds. */
const FIRST_REST = 1_000;
const LONGEST_REST = 30_000;

/** What servers tell the client. */
export type Emit = <Name extends keyof ClientEvents>(name: Name, event: ClientEvents[Name]) => void;

/** One of a client's servers: its connection, made when it is first needed, and how it has done so far. */
export class Server {
  /** `host:port` */
  readonly name: string;
  /** What handles of this server's lost connections began with. */
  #prefix: string | undefined;
  /** The sessions that are open: the one for new calls, and those that wait for readers who are behind. */
  readonly sessions = new Set<Session>();
  readonly #address: Address;
  readonly #settings: Settings;
  readonly #closing: AbortSignal;
  readonly #emit: Emit;
  #session: Session | undefined;
  /** The connection being made: one, however many calls wait for it. */
  #opening: Promise<Session> | undefined;
  /** Whether this is the request that the connection belongs to, on Cloudflare Workers. */
  #inScope: () => boolean = () => true;
  readonly #backoff: Backoff;
  /** The wait before it is tried again by those who have no other: one, however many calls wait for it. */
  #pausing: Promise<void> | undefined;
  #rest = 0;
  #restUntil = 0;
  #lostAt: number | undefined;

  constructor(address: Address, settings: Settings, closing: AbortSignal, emit: Emit) {
    this.name = serverName(address);
    this.#address = address;
    this.#settings = settings;
    this.#closing = closing;
    this.#emit = emit;
    this.#backoff = new Backoff(settings.reconnect || {});
  }

  /**
   * The session for new calls, when there is one.
   * @throws RequestScopeError
   */
  get ready(): Session | undefined {
    if (!this.#session?.ready) return undefined;
    this.#checkScope();
    return this.#session;
  }

  /** What handles of this server begin with, once one came. */
  get handles(): string | undefined {
    return this.#session?.prefix ?? this.#prefix;
  }

  /** Whether it was of no use when it was last tried. */
  get failed(): boolean {
    return this.#rest > 0;
  }

  /** Whether it is left out, so soon after that. */
  get resting(): boolean {
    return this.#restUntil > performance.now();
  }

  /** Whether there ever was a connection. */
  get known(): boolean {
    return this.#lostAt !== undefined || this.sessions.size > 0;
  }

  /**
   * The session for new calls; connects when there is none.
   * @throws ConnectionError, TimeoutError, RequestScopeError (as rejections)
   */
  async connect(): Promise<Session> {
    return this.ready ?? this.#next(this.failed);
  }

  /**
   * Connects anew, when there is a connection: new calls go over that one, and the old one ends when its calls are
   * done. Rejects when none can be had that answers; then the old one stays.
   */
  async renew(): Promise<void> {
    if (this.sessions.size > 0) await this.#next(true);
  }

  /** Waits before it is tried again: longer each time, until it has answered something. Ends early when the client closes. */
  pause(): Promise<void> {
    this.#pausing ??= sleep(this.#backoff.next(), this.#closing)
      .catch(() => {})
      .finally(() => {
        this.#pausing = undefined;
      });
    return this.#pausing;
  }

  #next(greeted: boolean): Promise<Session> {
    if (this.#opening) this.#checkScope();
    else {
      this.#inScope = requestScope();
      this.#opening = this.#open(greeted).finally(() => {
        this.#opening = undefined;
      });
    }
    return this.#opening;
  }

  /** @param greeted whether it must have said something: a proxy takes connections for servers that are away */
  async #open(greeted: boolean): Promise<Session> {
    const begin = performance.now();
    const { connection, maxInFlight } = this.#settings;
    const owner = { lost: (error: Error | undefined, session: Session) => this.#lost(error, session) };
    let session: Session;
    try {
      session = await Session.open(this.#address, connection, maxInFlight, owner, this.#closing);
      if (greeted) await greeting(session, this.name, this.#closing);
      if (this.#closing.aborted) {
        session.destroy(this.#closing.reason);
        throw this.#closing.reason;
      }
    } catch (error) {
      this.#leaveOut();
      if (!this.#closing.aborted) this.#emit("error", { server: this.name, error: error as Error });
      throw error;
    }
    // One that failed and says something again is as good as any; one that only takes connections may be a proxy.
    this.#rest = 0;
    this.#session?.retire();
    this.#session = session;
    this.sessions.add(session);
    const now = performance.now();
    const lostAt = this.#lostAt;
    this.#lostAt = undefined;
    this.#emit("connect", { server: this.name, duration: now - begin });
    if (lostAt !== undefined) this.#emit("reconnect", { server: this.name, away: now - lostAt });
    return session;
  }

  #lost(error: Error | undefined, session: Session): void {
    if (session.heard) this.#backoff.reset();
    if (!this.sessions.delete(session)) return;
    this.#prefix = session.prefix ?? this.#prefix;
    if (this.sessions.size === 0) this.#lostAt = performance.now();
    // A server that takes connections and is of no use is as good as one that takes none.
    if (!session.heard || error instanceof TimeoutError || error instanceof ProtocolError) this.#leaveOut();
    else this.#rest = 0;
    this.#emit("disconnect", { server: this.name, error });
  }

  #leaveOut(): void {
    this.#rest = Math.min(LONGEST_REST, this.#rest * 2 || FIRST_REST);
    this.#restUntil = performance.now() + this.#rest;
  }

  #checkScope(): void {
    if (!this.#inScope()) throw new RequestScopeError();
  }
}

/**
 * Waits until a server has answered something.
 * @throws ConnectionError when it never does, the signal's reason when that aborts
 */
async function greeting(session: Session, name: string, closing: AbortSignal): Promise<void> {
  try {
    await abortable(session.greeted, closing);
  } catch (error) {
    session.destroy(closing.aborted ? closing.reason : undefined);
    throw closing.aborted ? closing.reason : connectionError(name, (error as Error).cause ?? error);
  }
}
