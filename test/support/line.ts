import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** A line to a port of this machine that can be held, cut, and taken down. */
export class Line implements AsyncDisposable {
  readonly #server: Server;
  readonly #pairs = new Set<[client: Socket, server: Socket]>();
  readonly #port: number;
  /** Where it can be reached. */
  port = 0;
  #held: "nothing" | "answers" | "everything" = "nothing";
  #holdsNew = false;
  /** Connections that were made over it. */
  connections = 0;
  /** Bytes that clients sent over it, held ones included. */
  sent = 0;

  private constructor(server: Server, port: number) {
    this.#server = server;
    this.#port = port;
    server.on("connection", (client: Socket) => this.#accept(client));
  }

  static async to(port: number): Promise<Line> {
    const line = new Line(createServer(), port);
    line.#server.listen(0, "127.0.0.1");
    await once(line.#server, "listening");
    line.port = (line.#server.address() as AddressInfo).port;
    return line;
  }

  get address(): string {
    return `127.0.0.1:${this.port}`;
  }

  /**
   * From now on nothing passes, or no answer does, until the connection is cut; or no answer on connections that are made
   * from now on, as of a proxy whose server is away.
   */
  hold(what: "answers" | "everything" | "new"): void {
    if (what === "new") this.#holdsNew = true;
    else this.#held = what;
  }

  /** From now on everything passes again; what was held is gone. */
  release(): void {
    this.#held = "nothing";
    this.#holdsNew = false;
  }

  /** Cuts the connections that there are. */
  cut(): void {
    this.#held = "nothing";
    for (const [client, server] of this.#pairs) {
      client.resetAndDestroy();
      server.destroy();
    }
  }

  /** Cuts, and takes no connections any more. */
  async down(): Promise<void> {
    const closed = once(this.#server, "close");
    this.#server.close();
    this.cut();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.down();
  }

  #accept(client: Socket): void {
    this.connections++;
    const silent = this.#holdsNew;
    const server = connect(this.#port, "127.0.0.1");
    const pair: [Socket, Socket] = [client, server];
    this.#pairs.add(pair);
    for (const socket of pair) {
      socket.on("error", () => {});
      socket.once("close", () => {
        this.#pairs.delete(pair);
        client.destroy();
        server.destroy();
      });
    }
    client.on("data", (chunk) => {
      this.sent += chunk.length;
      if (this.#held !== "everything") server.write(chunk);
    });
    server.on("data", (chunk) => {
      if (this.#held === "nothing" && !silent) client.write(chunk);
    });
  }
}
