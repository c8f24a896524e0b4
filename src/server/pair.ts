import type { StreamSocket } from "../platform/streams.js";

/** Bytes that lie in one direction of a pair before its writer waits. */
const CAPACITY = 65_536;

/** A socket in memory, as WinterTC describes sockets: what one end writes, the other reads. */
export interface MemorySocket extends StreamSocket {
  readonly opened: Promise<{ remoteAddress: string; localAddress: string }>;
  /** Resolves when either end has closed the socket. */
  readonly closed: Promise<void>;
  /** Ends both directions. What was written can still be read. */
  close(): Promise<void>;
}

/** Two ends of a connection that never leaves the process. */
export function socketPair(address: string): [MemorySocket, MemorySocket] {
  const [there, back] = [new Pipe(), new Pipe()];
  let onClosed = () => {};
  const closed = new Promise<void>((resolve) => {
    onClosed = resolve;
  });
  const end = (input: Pipe, output: Pipe): MemorySocket => ({
    readable: input.readable,
    writable: output.writable,
    opened: Promise.resolve({ remoteAddress: address, localAddress: address }),
    closed,
    close() {
      input.end();
      output.end();
      onClosed();
      return closed;
    },
  });
  return [end(back, there), end(there, back)];
}

/** One direction. */
class Pipe {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  #controller: ReadableByteStreamController | undefined;
  #ended = false;
  /** Lets a write go on that waits for room. */
  #onRoom = () => {};

  constructor() {
    const source: UnderlyingByteSource = {
      type: "bytes",
      start: (controller) => {
        this.#controller = controller;
      },
      pull: () => this.#onRoom(),
      cancel: () => {
        this.#ended = true;
        this.#onRoom();
      },
    };
    this.readable = new ReadableStream(source, { highWaterMark: CAPACITY }) as ReadableStream<Uint8Array>;
    this.writable = new WritableStream<Uint8Array>({
      write: (chunk) => this.#write(chunk),
      close: () => this.end(),
      abort: () => this.end(),
    });
  }

  /** The reader finds the end behind what was written. A write that comes too late fails. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#onRoom();
    this.#controller?.close();
    // A read that waits with a buffer of its own is not answered by `close` alone.
    this.#controller?.byobRequest?.respond(0);
  }

  async #write(chunk: Uint8Array): Promise<void> {
    while (!this.#ended && (this.#controller?.desiredSize ?? 0) <= 0) {
      await new Promise<void>((resolve) => {
        this.#onRoom = resolve;
      });
    }
    if (this.#ended) throw new Error("the other end has closed the connection");
    // A stream of bytes takes its chunks away from whoever enqueues them: this one may be somebody's workload.
    if (chunk.length > 0) this.#controller?.enqueue(new Uint8Array(chunk));
  }
}
