import { serverName } from "../connection/address.js";
import { Backoff } from "../connection/backoff.js";
import { noServer } from "../connection/explain.js";
import { sleep } from "../connection/wait.js";
import type { Address } from "../platform/transport.js";
import type { WorkerEvents } from "./events.js";
import type { Settings } from "./options.js";
import { Session, type SessionOwner } from "./session.js";

/** What connections tell the worker. */
type Emit = <Name extends keyof WorkerEvents>(name: Name, event: WorkerEvents[Name]) => void;

/** A worker's connections: one to each server, made again whenever it is lost, or made once, for a drain. */
export class Connections {
  readonly #addresses: readonly Address[];
  readonly #settings: Settings;
  readonly #owner: SessionOwner;
  readonly #emit: Emit;
  readonly #sessions = new Set<Session>();
  /** Ends the waits and dials. */
  readonly #stopped = new AbortController();
  #connecting = 0;
  #turn = 0;

  constructor(addresses: readonly Address[], settings: Settings, owner: SessionOwner, emit: Emit) {
    this.#addresses = addresses;
    this.#settings = settings;
    this.#owner = owner;
    this.#emit = emit;
  }

  /** The connections that are open. */
  get sessions(): ReadonlySet<Session> {
    return this.#sessions;
  }

  /** Whether any server may still give out a job that was, or can be, asked for. */
  get mayHaveJobs(): boolean {
    return this.#connecting > 0 || [...this.#sessions].some((session) => session.hungry || session.grabs > 0);
  }

  /** Whether a grab is out that might bring a job. */
  get grabbing(): boolean {
    return [...this.#sessions].some((session) => session.grabs > 0);
  }

  /** Keeps connected to all servers until `stop`. */
  async keep(): Promise<void> {
    await Promise.all(this.#addresses.map((address) => this.#keep(address)));
  }

  /**
   * Connects once to each server, until `stop`.
   * @throws ConnectionError when there is none to be reached
   */
  async visit(): Promise<void> {
    const failures: Error[] = [];
    await Promise.all(
      this.#addresses.map(async (address) => {
        try {
          await (await this.#connect(address)).gone;
        } catch (error) {
          if (error === this.#stopped.signal.reason) return;
          failures.push(error as Error);
          this.#emit("error", { server: serverName(address), error: error as Error });
          this.#owner.changed();
        }
      }),
    );
    if (failures.length === this.#addresses.length) throw noServer(this.#addresses.map(serverName), failures);
  }

  /** Shares out so many slots to the servers that may have jobs: in turn, so that none starves. */
  share(slots: number): void {
    let free = slots;
    for (const session of this.#sessions) if (!session.stalled) free -= session.grabs;
    if (free <= 0) return;
    const sessions = [...this.#sessions];
    for (let idle = 0; free > 0 && idle < sessions.length; ) {
      const session = sessions[this.#turn++ % sessions.length];
      if (session?.hungry) {
        session.grab();
        free--;
        idle = 0;
      } else {
        idle++;
      }
    }
  }

  /** Tells that the server knows these functions, once it has said so: a system takes connections for servers that are stuck. */
  registered(session: Session, functions: string[]): void {
    const { server } = session;
    // One that doesn't say so is lost before long, and that is told.
    session.confirm(() => this.#emit("register", { server, functions })).catch(() => {});
  }

  /** A connection is gone. */
  lost(session: Session): void {
    this.#sessions.delete(session);
  }

  /** Grabs no more, and makes no connection any more; those that are open stay. */
  stop(reason: Error): void {
    for (const session of this.#sessions) session.stop();
    this.#stopped.abort(reason);
  }

  /** Closes the connections once what was written is sent. */
  end(): void {
    for (const session of this.#sessions) session.end();
  }

  async #keep(address: Address): Promise<void> {
    const backoff = new Backoff(this.#settings.reconnect);
    const { signal } = this.#stopped;
    const server = serverName(address);
    while (!signal.aborted) {
      try {
        const session = await this.#connect(address);
        await session.gone;
        // A server that takes connections and gives no answer is as good as away.
        if (session.answered) backoff.reset();
      } catch (error) {
        if (signal.aborted) return;
        this.#emit("error", { server, error: error as Error });
      }
      if (signal.aborted) return;
      const delay = backoff.next();
      this.#emit("reconnecting", { server, delay });
      await sleep(delay, signal).catch(() => {});
    }
  }

  async #connect(address: Address): Promise<Session> {
    const server = serverName(address);
    const begin = performance.now();
    this.#emit("connecting", { server });
    this.#connecting++;
    try {
      const session = await Session.open(address, this.#settings.connection, this.#owner, this.#stopped.signal);
      this.#sessions.add(session);
      if (this.#stopped.signal.aborted) {
        session.stop();
        session.end();
      }
      const functions = [...this.#owner.functions].map(([name]) => name);
      this.#emit("connect", { server, duration: performance.now() - begin });
      this.registered(session, functions);
      return session;
    } finally {
      this.#connecting--;
      this.#owner.changed();
    }
  }
}
