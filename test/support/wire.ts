import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { concat, packet, read, TYPES, write } from "../codec/packets.ts";
import { Wake } from "./wake.ts";

const NUMBERS = Object.fromEntries(TYPES.map(([number, name]) => [name, number]));
const NAMES = Object.fromEntries(TYPES.map(([number, name]) => [number, name]));

/** Milliseconds until what is waited for must be there. */
const PATIENCE = 5_000;

/** A connection that speaks the protocol packet by packet, with the tests' own reader and writer. */
export class Wire implements AsyncDisposable {
  readonly #socket: Socket;
  readonly #handles: Map<string, string>;
  #received: Uint8Array = new Uint8Array(0);
  #ended = false;
  #echoes = 0;
  readonly #wake = new Wake();

  private constructor(socket: Socket, handles: Map<string, string>) {
    this.#socket = socket;
    this.#handles = handles;
    socket.on("data", (chunk) => {
      this.#received = concat([this.#received, chunk]);
      this.#wake.up();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      this.#ended = true;
      this.#wake.up();
    });
  }

  /** @param handles names for the server's handles, in the order in which they are seen: `job1`, `job2`, … */
  static async connect(address: string, handles: Map<string, string>): Promise<Wire> {
    const [host, port] = address.split(":");
    const socket = connect(Number(port), host);
    await once(socket, "connect");
    return new Wire(socket, handles);
  }

  /** Sends a packet. `job1` and so on stand for the handles. */
  send(type: string, args: readonly (string | Uint8Array)[] = [], data: string | Uint8Array = ""): this {
    const real = new Map([...this.#handles].map(([handle, name]) => [name, handle]));
    const sent = args.map((arg) => (typeof arg === "string" ? (real.get(arg) ?? arg) : arg));
    return this.bytes(write("client", packet(NUMBERS[type] ?? 0, sent, data)));
  }

  bytes(bytes: Uint8Array): this {
    this.#socket.write(bytes);
    return this;
  }

  /** All that has come until the server has dealt with what was sent: it answers in order, and an echo comes last. */
  async received(): Promise<string[]> {
    const marker = `marker ${++this.#echoes}`;
    this.send("ECHO_REQ", [], marker);
    const lines = await this.#until((found) => found.at(-1) === `ECHO_RES + ${marker}`);
    return lines.slice(0, -1);
  }

  /** The next packets, so many. */
  next(count = 1): Promise<string[]> {
    return this.#until((found) => found.length >= count);
  }

  /** Resolves when the server closes the connection, with what came before. */
  async closed(): Promise<string[]> {
    await this.#wait(() => this.#ended);
    return this.#take();
  }

  /** Sends a line of the text protocol, and reads the answer up to its end. */
  async text(line: string, end: RegExp = /\n$/): Promise<string> {
    this.bytes(new TextEncoder().encode(line));
    const answer = () => new TextDecoder().decode(this.#received);
    await this.#wait(() => end.test(answer()));
    const text = answer();
    this.#received = new Uint8Array(0);
    return text;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#ended) return;
    this.#socket.destroy();
    await once(this.#socket, "close");
  }

  async #until(enough: (lines: string[]) => boolean): Promise<string[]> {
    const lines: string[] = [];
    await this.#wait(() => {
      lines.push(...this.#take());
      return enough(lines);
    });
    return lines;
  }

  /** The packets that are there, as words: their type, their arguments, and their data behind a plus. */
  #take(): string[] {
    const { packets, fault, length } = read("server", this.#received);
    if (fault) throw new Error(`the server broke the protocol: ${fault}`);
    this.#received = this.#received.slice(length);
    return packets.map(({ type, args, data }) => {
      const decoder = new TextDecoder();
      const words = [NAMES[type] ?? String(type), ...args.map((arg) => this.#name(decoder.decode(arg)))];
      return [...words, ...(data.length > 0 ? ["+", decoder.decode(data)] : [])].join(" ");
    });
  }

  #name(argument: string): string {
    if (!/^H:.+:\d+$/.test(argument)) return argument;
    const known = this.#handles.get(argument) ?? `job${this.#handles.size + 1}`;
    this.#handles.set(argument, known);
    return known;
  }

  async #wait(isSo: () => boolean): Promise<void> {
    const deadline = performance.now() + PATIENCE;
    while (!isSo()) {
      const left = deadline - performance.now();
      if (left <= 0 || this.#ended) {
        if (isSo()) return;
        throw new Error(this.#ended ? "the server closed the connection" : `nothing more came in ${PATIENCE} ms`);
      }
      await this.#wake.wait(left);
    }
  }
}
