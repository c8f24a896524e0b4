import { TOO_LARGE } from "../../assembly/layout.js";
import { Fault } from "../codec/fault.js";
import { notSent } from "../connection/connection.js";
import { noServer } from "../connection/explain.js";
import { abortable } from "../connection/wait.js";
import { type ClosedError, ConnectionLostError, RequestScopeError } from "../errors.js";
import type { Address } from "../platform/transport.js";
import { hashUnique, rotate } from "./balance.js";
import type { Call, Desk, TaskCall } from "./call.js";
import type { Settings } from "./options.js";
import { type Emit, Server } from "./server.js";
import type { Session } from "./session.js";
import type { Submission } from "./submission.js";
import { watch } from "./watch.js";

/** Brings calls to servers: chooses which, connects, and tries again what can be tried again. */
export class Dispatcher implements Desk {
  readonly servers: readonly Server[];
  readonly #settings: Settings;
  readonly #closing = new AbortController();
  #turn = 0;
  /** Calls whose fate is open. */
  #open = 0;
  #onIdle: (() => void) | undefined;
  /** Whether the client is being closed, and waits for nothing but what is under way. */
  #ending = false;

  constructor(addresses: readonly Address[], settings: Settings, emit: Emit) {
    this.#settings = settings;
    this.servers = addresses.map((address) => new Server(address, settings, this.#closing.signal, emit));
  }

  /** Brings a job to the server that it belongs to, and any other call to whichever is next. */
  dispatch(call: Call, only?: Server): void {
    this.#open++;
    call.only = only?.name;
    this.#route(call);
  }

  /**
   * What takes several steps is in flight from the first to the last of them, as any call is.
   * @param submit the last of them, before which nothing is sent
   */
  async counted<T>(steps: () => Promise<T>, submit?: (value: T) => void): Promise<T> {
    this.#open++;
    try {
      const value = await abortable(steps(), this.closing, submit && notSent);
      submit?.(value);
      return value;
    } finally {
      this.settled();
    }
  }

  /** Aborts when nothing is waited for any more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Resolves once the fate of all calls is known. Those that find no server don't wait for one to come back any more. */
  idle(): Promise<void> {
    this.#ending = true;
    if (this.#open === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onIdle = resolve;
    });
  }

  /** Closes the connections once what was written is sent, and those that are being made at once. */
  async end(cause: ClosedError): Promise<void> {
    this.#closing.abort(cause);
    await Promise.all(this.#sessions.map((session) => session.end()));
  }

  /** Closes everything at once; what is in flight rejects with the cause. */
  destroy(cause: ClosedError): void {
    this.#closing.abort(cause);
    for (const session of this.#sessions) session.destroy(cause);
  }

  /** Makes the connections that there are anew: each old one ends when its calls are done. One that can't be had stays as it is. */
  async renew(): Promise<void> {
    await Promise.allSettled(this.servers.map((server) => server.renew()));
  }

  settled(): void {
    this.#open--;
    if (this.#open === 0) this.#onIdle?.();
  }

  lost(call: Call, error: ConnectionLostError): void {
    if (error.sent) call.loss ??= error;
    if (brokeIt(call, error) || !this.#mayRepeat(call, error.sent)) {
      call.reject(call.loss ?? error);
      return;
    }
    // By then the server knows, too, that its connection is lost.
    queueMicrotask(() => this.#route(call));
  }

  joined(call: TaskCall, handle: string): void {
    watch(call, handle, () => {
      call.session?.unfollow(call);
      this.#route(call);
    });
  }

  get #sessions(): Session[] {
    return this.servers.flatMap(({ sessions }) => [...sessions]);
  }

  /** Whether a call may be sent again; counts it when it may. */
  #mayRepeat(call: Call, sent: boolean): boolean {
    const { reconnect } = this.#settings;
    if (reconnect === false || this.#closing.signal.aborted || (sent && !call.repeatable)) return false;
    // One that was not sent costs nothing to be tried elsewhere: at each server once.
    if (!sent && call.moves++ < this.servers.length) return true;
    // A job that was followed for a while has shown that its connection was good.
    if (performance.now() - call.acknowledged > STEADY) call.retries = 0;
    return call.retries++ < reconnect.retries;
  }

  #route(call: Call): void {
    if (call.over) return;
    try {
      const order = this.#order(call);
      const session = firstReady(order);
      if (session) session.take(call);
      else void this.#search(call, order);
    } catch (error) {
      call.reject(error);
    }
  }

  /** The servers for a call, the one that it belongs to first. */
  #order(call: Call): readonly Server[] {
    const { servers } = this;
    const { balance } = this.#settings;
    if (servers.length === 1) return servers;
    if (call.only !== undefined) return servers.filter(({ name }) => name === call.only);
    // What may be at a server already joins itself only there.
    const home = mayBeThere(call) && servers.find(({ name }) => name === call.session?.server);
    if (home) return [home, ...servers.filter((server) => server !== home)];
    if (balance === "failover") return servers;
    const unique = balance === "unique" ? routingKey(call.submission) : undefined;
    return rotate(servers, unique === undefined ? this.#turn++ : hashUnique(unique));
  }

  async #search(call: Call, order: readonly Server[]): Promise<void> {
    try {
      const session = await this.#find(call, order);
      if (session && !call.over) session.take(call);
    } catch (error) {
      const closed = error === this.#closing.signal.reason && !mayBeThere(call);
      call.reject(closed ? notSent() : afterLoss(call, error as Error));
    }
  }

  /** A session for a call; none when nobody waits for it any more. */
  async #find(call: Call, order: readonly Server[]): Promise<Session | undefined> {
    const { signal } = this.#closing;
    const { reconnect } = this.#settings;
    for (;;) {
      const failures: Error[] = [];
      for (const server of inTurn(order)) {
        if (call.over) return undefined;
        try {
          const session = await server.connect();
          signal.throwIfAborted();
          return session;
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof RequestScopeError) throw error;
          failures.push(error as Error);
        }
      }
      const retries = reconnect === false || this.#ending ? 0 : reconnect.retries;
      if (call.retries >= retries || !order.some(({ known }) => known)) {
        throw noServer(
          order.map(({ name }) => name),
          failures,
        );
      }
      call.retries++;
      await Promise.race(order.map((server) => server.pause()));
      signal.throwIfAborted();
    }
  }
}

/** Whether a server may have a call's job: its packet has gone out. */
function mayBeThere({ loss, acknowledged }: Call): boolean {
  return loss !== undefined || acknowledged !== Number.POSITIVE_INFINITY;
}

/** Whether it may be the call's own result that ended its connection, being too large: it would be so again. */
function brokeIt(call: Call, { cause }: ConnectionLostError): boolean {
  return call.acknowledged !== Number.POSITIVE_INFINITY && cause instanceof Fault && cause.kind === TOO_LARGE;
}

/** From so many milliseconds on after its job was acknowledged, a call's connection was good. */
const STEADY = 10_000;

/** The session of the first server that a call need not wait for, unless one before it has yet to be tried. */
function firstReady(order: readonly Server[]): Session | undefined {
  for (const server of order) {
    const { ready } = server;
    if (ready) return ready;
    if (!server.failed) return undefined;
    // One that may be back is tried without making this call wait for it, when there are others.
    if (!server.resting && order.length > 1) server.connect().catch(() => {});
  }
  return undefined;
}

/** In which order servers are tried: those that failed when they were last tried come last, and of them those that did so just now. */
function inTurn(order: readonly Server[]): readonly Server[] {
  const rank = (server: Server) => (server.ready || !server.failed ? 0 : server.resting ? 2 : 1);
  return order.length === 1 ? order : [...order].sort((one, other) => rank(one) - rank(other));
}

/** What decides where a job goes. As with Perl's client, `-` stands for the workload. */
function routingKey(submission: Submission | undefined): string | Uint8Array | undefined {
  if (!submission || submission.serial || submission.unique === "") return undefined;
  return submission.unique === "-" ? submission.workload : submission.unique;
}

/** Why a call could not be tried again: what became of it the first time is what counts, when it had been sent. */
function afterLoss({ loss }: Call, error: Error): Error {
  if (!loss || !(error instanceof Error)) return error;
  const { server, handle, message } = loss;
  return new ConnectionLostError(server, `${message}. It could not be tried again: ${error.message}`, {
    handle,
    sent: true,
    cause: error,
  });
}
