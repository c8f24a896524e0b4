import { listen, processId } from "#platform";
import { serverName } from "../connection/address.js";
import { listenError } from "../connection/explain.js";
import { ClosedError } from "../errors.js";
import { Emitter, harmless } from "../events.js";
import { openStreams, type StreamSocket } from "../platform/streams.js";
import { MAX_UNREAD, type Server, type Transport } from "../platform/transport.js";
import { VERSION } from "../version.js";
import { latin, readable } from "./bytes.js";
import {
  connectionView,
  type JobServerEvents,
  jobView,
  log,
  payloadOf,
  type ServerConnection,
  type ServerJob,
} from "./events.js";
import { Jobs } from "./jobs.js";
import type { Observer } from "./observer.js";
import { type JobServerOptions, type ListenOptions, type Settings, settingsOf } from "./options.js";
import { type MemorySocket, socketPair } from "./pair.js";
import { Session, type SessionOwner } from "./session.js";
import { answerText } from "./text.js";
import { checkWaitedFor, type Nothing, Waiters, type WaitForOptions } from "./waiters.js";

/** What a server that doesn't listen calls itself, and those who connect to it in memory. */
const IN_MEMORY = "in-memory";

/**
 * An embedded job server: for quick starts, tests and development. Jobs are kept in memory, and gone with the
 * process; in production, use gearmand. Any Gearman client and worker can connect to it: it answers as gearmand 1.1.20
 * does, byte for byte, but for the differences that docs/server.md lists.
 *
 * `JobServer.listen()` makes one with a port. `new JobServer()` makes one without, on Cloudflare Workers too: it is
 * reached by `connect()` and `accept()`.
 */
export class JobServer extends Emitter<JobServerEvents> implements AsyncDisposable {
  readonly #settings: Settings;
  readonly #jobs: Jobs;
  readonly #sessions = new Set<Session>();
  readonly #waiters = new Waiters();
  readonly #abort = new AbortController();
  #listener: { readonly port: number; close(): Promise<void> } | undefined;
  #accepted = 0;
  #closing: Promise<void> | undefined;
  #onEmpty: (() => void) | undefined;
  /** Whether anybody was ever told of anything: until then events are not even put together. */
  #observed = false;

  /** @throws TypeError when an option is wrong */
  constructor(options: JobServerOptions = {}) {
    super();
    this.#settings = settingsOf(options, new.target === Listening ? "JobServer.listen" : "JobServer");
    this.#jobs = new Jobs(this.#settings.rules, () => this.#waiters.changed());
    if (this.#settings.logger) this.#observe();
  }

  /**
   * Starts one that listens.
   * @throws TypeError (as a rejection) when an option is wrong, or a certificate can't be used
   * @throws ConnectionError when it can't listen there: why, and what to try
   */
  static async listen(options: ListenOptions = {}): Promise<JobServer> {
    const server: JobServer = new Listening(options);
    const { host, port, tls } = server.#settings;
    try {
      server.#listener = await listen({ host, port, tls }, (transport, peer) => server.#take(transport, peer));
    } catch (error) {
      if (error instanceof TypeError) throw error;
      throw listenError(serverName({ host, port }), error);
    }
    return server;
  }

  /** The port that it listens on; 0 when it doesn't. */
  get port(): number {
    return this.#listener?.port ?? 0;
  }

  /** Its address, as `Client`, `Worker` and `Admin` take it: `host:port`; `in-memory` when it doesn't listen. */
  get address(): string {
    return this.#listener ? serverName({ host: this.#settings.host, port: this.port }) : IN_MEMORY;
  }

  /**
   * Connects to it without a network, and gives the client's end: `new Client("test", { connect: () => server.connect() })`.
   * @throws ClosedError when it was closed
   */
  connect(): MemorySocket {
    const [client, server] = socketPair(IN_MEMORY);
    this.accept(server);
    return client;
  }

  /**
   * Serves whoever is at the other end of a socket, as WinterTC describes sockets: two streams of bytes, wherever they
   * lead.
   * @param address what `workers` and the log say that it comes from
   * @throws ClosedError when it was closed
   */
  accept(socket: StreamSocket, address: string = IN_MEMORY): void {
    this.#checkOpen();
    const session = this.#open({ address, port: 0 });
    openStreams(socket, session.channel, this.#abort.signal, { maxUnread: MAX_UNREAD }).then(
      (transport) => session.channel.attach(transport),
      (error: Error) => session.channel.closed(error),
    );
  }

  /** All jobs that it has, in the order of their submits, as they are now. Jobs that ended are forgotten. */
  jobs(): ServerJob[] {
    return Array.from(this.#jobs.all, jobView);
  }

  /**
   * Waits for a job of a function: gives the oldest that is there, or else the next that is submitted.
   * @param name the function's name
   * @throws TimeoutError, ClosedError, the signal's reason (as rejections)
   */
  waitFor(name: string, options?: WaitForOptions): Promise<ServerJob>;
  /**
   * Waits until a condition gives something other than `undefined`, `null` or `false`, and gives that. It is called now,
   * after whatever happens in the server, and once more when the time is over. What it throws is what this rejects with.
   * @throws TimeoutError, ClosedError, the signal's reason (as rejections)
   */
  waitFor<T>(condition: () => T, options?: WaitForOptions): Promise<Exclude<T, Nothing>>;
  async waitFor(what: string | (() => unknown), options?: WaitForOptions): Promise<unknown> {
    checkWaitedFor(what);
    this.#checkOpen();
    if (typeof what === "function") return this.#waiters.wait(what, "a condition of waitFor()", options);
    const fn = latin(what);
    // Looked for among all once: after that, one can come by a submit only.
    let found: ServerJob | undefined;
    for (const job of this.#jobs.functions.get(fn)?.total ? this.#jobs.all : []) {
      if (job.function.name !== fn) continue;
      found = jobView(job);
      break;
    }
    const listener = ({ job }: { job: ServerJob }) => {
      if (job.function === what) found ??= job;
    };
    this.on("submit", listener);
    try {
      return await this.#waiters.wait(() => found, `a job of ${what}`, options);
    } finally {
      this.off("submit", listener);
    }
  }

  /** Whether it gives out no jobs. */
  get paused(): boolean {
    return this.#jobs.paused;
  }

  /** Gives out no jobs until `resume()`: they are taken and queued, and workers sleep. What runs goes on. */
  pause(): void {
    this.#jobs.pause();
    this.#waiters.changed();
  }

  /** Gives out jobs again, and wakes the workers that sleep. */
  resume(): void {
    this.#jobs.resume();
    this.#waiters.changed();
  }

  /** Closes all connections, and listens no more. The jobs are gone. Calling it again gives the same promise. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** As in all emitters: what a listener throws harms nothing. */
  override on<Name extends keyof JobServerEvents>(name: Name, listener: (event: JobServerEvents[Name]) => void): this {
    this.#observe();
    return super.on(name, listener);
  }

  async #close(): Promise<void> {
    this.#jobs.close();
    this.#waiters.close(new ClosedError("the job server was closed"));
    const empty = new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
    });
    for (const session of this.#sessions) session.channel.destroy();
    this.#abort.abort(new ClosedError("the job server was closed"));
    const closed = this.#listener?.close();
    if (this.#sessions.size > 0) await empty;
    await closed;
  }

  #checkOpen(): void {
    if (this.#closing) throw new ClosedError("the job server was closed");
  }

  #take(transport: Transport, peer: { address: string; port: number }): Server | undefined {
    if (this.#closing) return undefined;
    const session = this.#open(peer);
    const { channel } = session;
    channel.attach(transport);
    return {
      window: () => channel.window(),
      received: (count) => channel.received(count),
      ended: () => session.ended(),
      closed: (cause) => channel.closed(cause),
    };
  }

  #open(peer: { address: string; port: number }): Session {
    const session = new Session(++this.#accepted, peer, this.#owner);
    this.#sessions.add(session);
    this.#tell("connect", () => ({ connection: connectionView(session) }));
    this.#waiters.changed();
    return session;
  }

  #observe(): void {
    if (this.#observed) return;
    this.#observed = true;
    this.#jobs.observer = this.#observer;
  }

  #tell<Name extends keyof JobServerEvents>(name: Name, details: () => JobServerEvents[Name]): void {
    if (!this.#observed) return;
    const event = details();
    this.emit(name, event);
    const { logger } = this.#settings;
    if (logger) harmless(() => log(logger, name, event));
  }

  readonly #observer: Observer = {
    job: (name, job, details) => {
      const { bytes, ...rest } = details as { bytes?: Uint8Array };
      this.#tell(name, () => {
        const event = { job: jobView(job), ...rest };
        if (bytes) Object.defineProperty(event, "payload", { get: payloadOf(bytes), enumerable: true });
        return event as never;
      });
    },
    ability: (fn, worker) => {
      const connection: ServerConnection = connectionView(worker);
      this.#tell("register", () => ({ connection, function: readable(fn.name) }));
    },
  };

  readonly #owner: SessionOwner = ((server: JobServer): SessionOwner => ({
    get jobs() {
      return server.#jobs;
    },
    get maxPacketSize() {
      return server.#settings.maxPacketSize;
    },
    get maxPending() {
      return server.#settings.maxPending;
    },
    get exceptions() {
      return server.#settings.exceptions;
    },
    text: (line) =>
      answerText(line, {
        jobs: server.#jobs,
        peers: server.#sessions,
        version: `${VERSION}+edgear`,
        pid: processId(),
      }),
    refused: (session, { code, text }) =>
      server.#tell("refuse", () => ({ connection: connectionView(session), code, text })),
    closed: (session, error) => {
      server.#sessions.delete(session);
      server.#tell("disconnect", () => ({ connection: connectionView(session), error }));
      server.#waiters.changed();
      if (server.#sessions.size === 0) server.#onEmpty?.();
    },
    changed: () => server.#waiters.changed(),
  }))(this);
}

/** One that is made by `listen`, which takes more options. */
class Listening extends JobServer {}
