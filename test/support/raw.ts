import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { bytesOf, packet, write } from "../codec/packets.ts";
import { Wake } from "./wake.ts";

/** Milliseconds until what is waited for must be there. */
const PATIENCE = 5_000;

/** A connection that sends bytes, and shows the bytes that come. */
export class Raw {
  readonly #socket: Socket;
  #bytes = Buffer.alloc(0);
  #markers = 0;
  #open = true;
  readonly #wake = new Wake();

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#wake.up();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#open = false;
      this.#wake.up();
    });
  }

  static async connect(port: number): Promise<Raw> {
    const socket = connect(port, "127.0.0.1");
    await once(socket, "connect");
    socket.setNoDelay(true);
    return new Raw(socket);
  }

  /** False once the server has closed it. */
  get open(): boolean {
    return this.#open;
  }

  send(bytes: Uint8Array): void {
    if (this.#open) this.#socket.write(bytes);
  }

  /** All that has come until the server has dealt with what was sent: it answers in order, and an echo comes last. */
  async received(): Promise<Uint8Array> {
    const marker = bytesOf(`marker ${++this.#markers}`);
    this.send(write("client", packet(16, [], marker)));
    const echo = Buffer.from(write("server", packet(17, [], marker)));
    await this.#until(() => !this.#open || this.#bytes.subarray(-echo.length).equals(echo));
    const end = this.#bytes.subarray(-echo.length).equals(echo) ? -echo.length : this.#bytes.length;
    const bytes = new Uint8Array(this.#bytes.subarray(0, end));
    this.#bytes = Buffer.alloc(0);
    return bytes;
  }

  /** Waits until the server has closed it. */
  end(): Promise<void> {
    return this.#until(() => !this.#open);
  }

  async close(): Promise<void> {
    if (!this.#open) return;
    this.#socket.destroy();
    await once(this.#socket, "close");
  }

  async #until(isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!isSo()) {
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(`nothing more came in ${PATIENCE} ms behind ${JSON.stringify(String(this.#bytes))}`);
      await this.#wake.wait(left);
    }
  }
}
