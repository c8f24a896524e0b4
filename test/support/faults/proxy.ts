import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { listenAt, listenBelow } from "../ports.ts";
import { Lane } from "./lane.ts";
import type { Direction, Faults, Script } from "./script.ts";

const SOUND: Script = () => ({});

/** A connection over the proxy. */
interface Passage {
  readonly client: Socket;
  readonly server: Socket | undefined;
  readonly lanes: Partial<Record<Direction, Lane>>;
}

/** A line to a port of this machine, on which whatever can happen to a line happens as a script says. */
export class FaultProxy implements AsyncDisposable {
  readonly #server: Server;
  readonly #passages = new Set<Passage>();
  readonly #target: number;
  /** What happens on connections that are made from now on. */
  script: Script = SOUND;
  /** Where it can be reached. */
  port = 0;
  /** Connections that were made over it. */
  connections = 0;
  /** What went in, by direction, when it is to be kept. */
  readonly record: Record<Direction, Buffer[]> = { up: [], down: [] };
  recording = false;
  #parted = false;

  private constructor(target: number) {
    this.#target = target;
    this.#server = createServer({ allowHalfOpen: true, noDelay: true }, (client) => this.#accept(client));
  }

  /** @param target the port it leads to */
  static async to(target: number, script: Script = SOUND): Promise<FaultProxy> {
    const proxy = new FaultProxy(target);
    proxy.script = script;
    await proxy.#listen();
    return proxy;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Connections that are open. */
  get open(): number {
    return this.#passages.size;
  }

  /** Bytes that went in, of the connections that are open. */
  get carried(): Record<Direction, number> {
    const bytes = { up: 0, down: 0 };
    for (const { lanes } of this.#passages) {
      bytes.up += lanes.up?.carried ?? 0;
      bytes.down += lanes.down?.carried ?? 0;
    }
    return bytes;
  }

  /** From now on this happens on the connections that there are. */
  inject(faults: Faults): void {
    for (const { lanes } of this.#passages) {
      for (const direction of ["up", "down"] as const) {
        const some = faults[direction];
        if (some) lanes[direction]?.inject(some);
      }
    }
  }

  /** Resets the connections that there are. New ones are as before. */
  reset(): void {
    for (const passage of this.#passages) reset(passage);
  }

  /** Nothing passes, and nobody is told: neither on the connections that there are, nor on new ones. */
  part(): void {
    this.#parted = true;
    for (const { lanes } of this.#passages) {
      lanes.up?.hole();
      lanes.down?.hole();
    }
  }

  /** The two ends find each other again; what was open while they couldn't is reset. */
  heal(): void {
    if (!this.#parted) return;
    this.#parted = false;
    this.reset();
  }

  /** Takes no connections: whoever tries is refused at once. Those that there are get a reset. */
  async refuse(): Promise<void> {
    this.reset();
    if (!this.#server.listening) return;
    const closed = once(this.#server, "close");
    this.#server.close();
    // One that was on its way may have come meanwhile.
    this.reset();
    await closed;
  }

  /** Takes connections again. */
  async welcome(): Promise<void> {
    if (!this.#server.listening) await this.#listen();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.refuse();
  }

  async #listen(): Promise<void> {
    if (this.port === 0) {
      this.port = await listenBelow(this.#server);
      return;
    }
    // Somebody else's test may have it just now.
    for (let tries = 0; !(await listenAt(this.#server, this.port)); tries++) {
      if (tries === 100) throw new Error(`the port ${this.port} is taken`);
      await delay(20);
    }
  }

  #accept(client: Socket): void {
    const number = this.connections++;
    client.on("error", () => {});
    if (this.#parted) {
      const passage: Passage = { client, server: undefined, lanes: {} };
      this.#passages.add(passage);
      client.resume();
      client.once("close", () => this.#passages.delete(passage));
      client.once("end", () => client.end());
      return;
    }
    const server = connect({ port: this.#target, host: "127.0.0.1", allowHalfOpen: true, noDelay: true });
    const passage: Passage = { client, server, lanes: {} };
    this.#passages.add(passage);
    const over = (broken: boolean) => {
      if (broken) reset(passage);
      if (client.destroyed && server.destroyed) this.#passages.delete(passage);
    };
    for (const socket of [client, server]) {
      socket.on("error", () => reset(passage));
      socket.once("close", over);
    }
    const faults = this.script(number);
    if (this.recording) {
      client.on("data", (chunk: Buffer) => this.record.up.push(chunk));
      server.on("data", (chunk: Buffer) => this.record.down.push(chunk));
    }
    passage.lanes.up = new Lane(client, server, faults.up ?? [], () => reset(passage));
    passage.lanes.down = new Lane(server, client, faults.down ?? [], () => reset(passage));
  }
}

function reset({ client, server }: Passage): void {
  for (const socket of [client, server]) {
    if (!socket || socket.destroyed) continue;
    // Node can't reset what it is shutting down, and then never closes it.
    if (socket.writableEnded) socket.destroy();
    else socket.resetAndDestroy();
  }
}
