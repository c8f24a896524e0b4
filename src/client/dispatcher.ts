import { Backoff } from "../connection/backoff.js";
import { noServer } from "../connection/explain.js";
import { sleep } from "../connection/wait.js";
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
  readonly #backoff: Backoff;
  /** The wait before the servers are tried again: one, however many calls wait for it. */
  #pausing: Promise<void> | undefined;
  #turn = 0;
  /** Calls whose fate is open. */
  #open = 0;
  #onIdle: (() => void) | undefined;

  constructor(addresses: readonly Address[], settings: Settings, emit: Emit) {
    this.#settings = settings;
    this.#backoff = new Backoff(settings.reconnect || {});
    this.servers = addresses.map((address) => new Server(address, settings, this.#closing.signal, emit));
  }

  /** Brings a job to the server that it belongs to, and any other call to whichever is next. */
  dispatch(call: Call, server?: Server): void {
    this.#open++;
    this.#route(call, server);
  }

  /** Counts what will be a call as one already, until `settled`. */
  expect(): void {
    this.#open++;
  }

  /** Aborts when nothing is waited for any more. */
  get closing(): AbortSignal {
    return this.#closing.signal;
  }

  /** Resolves once the fate of all calls is known. */
  idle(): Promise<void> {
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

  settled(): void {
    this.#open--;
    if (this.#open === 0) this.#onIdle?.();
  }

  lost(call: Call, error: ConnectionLostError): void {
    if (error.sent) call.loss ??= error;
    const { reconnect } = this.#settings;
    const again = reconnect !== false && call.retries < reconnect.retries && (call.repeatable || !error.sent);
    if (!again || this.#closing.signal.aborted) {
      call.reject(call.loss ?? error);
      return;
    }
    call.retries++;
    this.#route(call, call.only);
  }

  joined(call: TaskCall, handle: string): void {
    watch(call, handle, () => {
      call.session?.unfollow(call);
      this.#route(call, undefined);
    });
  }

  get #sessions(): Session[] {
    return this.servers.flatMap(({ sessions }) => [...sessions]);
  }

  #route(call: Call, only: Server | undefined): void {
    call.only = only;
    try {
      const order = only ? [only] : this.#order(call);
      const ready = order[0]?.ready;
      if (ready) ready.take(call);
      else void this.#search(call, order);
    } catch (error) {
      call.reject(error);
    }
  }

  /** The servers for a call, the one that it belongs to first. */
  #order(call: Call): readonly Server[] {
    const { servers } = this;
    const { balance } = this.#settings;
    if (balance === "failover" || servers.length === 1) return servers;
    const unique = balance === "unique" ? routingKey(call.submission) : undefined;
    return rotate(servers, unique === undefined ? this.#turn++ : hashUnique(unique));
  }

  async #search(call: Call, order: readonly Server[]): Promise<void> {
    try {
      const session = await this.#find(call, order);
      if (session && !call.over) session.take(call);
    } catch (error) {
      call.reject(afterLoss(call, error as Error));
    }
  }

  /** A session for a call; none when nobody waits for it any more. */
  async #find(call: Call, order: readonly Server[]): Promise<Session | undefined> {
    const { signal } = this.#closing;
    const { reconnect } = this.#settings;
    for (;;) {
      // So soon after all servers were tried in vain, they aren't tried again for each call.
      if (this.#pausing) await this.#pausing;
      signal.throwIfAborted();
      const failures: Error[] = [];
      for (const server of inTurn(order)) {
        if (call.over) return undefined;
        try {
          const session = await server.connect();
          this.#backoff.reset();
          return session;
        } catch (error) {
          signal.throwIfAborted();
          if (error instanceof RequestScopeError) throw error;
          failures.push(error as Error);
        }
      }
      const patient = reconnect !== false && call.retries < reconnect.retries && order.some(({ known }) => known);
      if (!patient) {
        throw noServer(
          order.map(({ name }) => name),
          failures,
        );
      }
      call.retries++;
      this.#pausing ??= sleep(this.#backoff.next(), signal)
        .catch(() => {})
        .finally(() => {
          this.#pausing = undefined;
        });
    }
  }
}

/** In which order servers are tried: those that failed when they were last tried come last, and of them those that did so just now. */
function* inTurn(order: readonly Server[]): Iterable<Server> {
  const later: Server[] = [];
  for (const server of order) {
    if (server.ready || !server.failed) yield server;
    else later.push(server);
    // One that may be back is tried without making this call wait for it, when there are others.
    if (server.failed && !server.ready && !server.resting && order.length > 1) server.connect().catch(() => {});
  }
  later.sort((one, other) => Number(one.resting) - Number(other.resting));
  yield* later;
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
