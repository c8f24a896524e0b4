/*
 * Sockets as WinterTC describes them: a readable and a writable stream. Cloudflare's `connect()` gives such a one.
 */
import { deliver, type Receiver, type Transport } from "./transport.js";

/** What is asked of a socket. `opened` and `closed` are those of `cloudflare:sockets`. */
export interface StreamSocket {
  /** What the server sends; its end is the connection's. */
  readonly readable: ReadableStream<Uint8Array>;
  /** What goes to the server. */
  readonly writable: WritableStream<Uint8Array>;
  /** Resolves once it is connected; rejects when it can't be. Without it, it is taken for connected. */
  readonly opened?: Promise<unknown>;
  /** Settles when it is closed. Nothing waits for it. */
  readonly closed?: Promise<unknown>;
  /** Closes it at once. */
  close(): unknown;
}

/** Bytes that one read takes at most. By default workerd's reads bring 4 KiB, each at the price of an event-loop turn. */
const READ_SIZE = 65_536;

/**
 * Waits until a socket is open, then reads it until it ends. `speechless` is what is said to be the cause when the
 * peer closes it before it has sent anything. While more than `maxUnread` bytes wait for the peer to take them it isn't
 * read.
 */
export async function openStreams(
  socket: StreamSocket,
  receiver: Receiver,
  signal: AbortSignal,
  { speechless, maxUnread = Number.POSITIVE_INFINITY }: { speechless?: string; maxUnread?: number } = {},
): Promise<Transport> {
  let onAbort = () => {};
  const aborted = new Promise<never>((_, reject) => {
    onAbort = () => reject(signal.reason);
  });
  signal.addEventListener("abort", onAbort, { once: true });
  // Its end is told by the reader; unheard, a rejection here would be reported as one that nobody handled.
  socket.closed?.catch(() => {});
  try {
    signal.throwIfAborted();
    await Promise.race([socket.opened, aborted]);
    return new StreamTransport(socket, receiver, speechless, maxUnread);
  } catch (error) {
    socket.opened?.catch(() => {});
    harmless(() => socket.close());
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort);
  }
}

/** The runtime's own, kept from tests that put clocks of theirs in its place: streams are to flow all the same. */
const later = globalThis.setTimeout;

class StreamTransport implements Transport {
  readonly #socket: StreamSocket;
  readonly #receiver: Receiver;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #reader: { cancel(reason?: unknown): Promise<void> } | undefined;
  /** What it means when the server closes the connection now; `undefined` once it has sent something, or is being left. */
  #speechless: string | undefined;
  #ended = false;
  #pending = 0;
  readonly #maxUnread: number;
  /** While nothing is to be read. */
  #paused: Promise<void> | undefined;
  #goOn = () => {};
  /** Lets the reading go on that waits for the peer. */
  #onTaken = () => {};

  constructor(socket: StreamSocket, receiver: Receiver, speechless: string | undefined, maxUnread: number) {
    this.#socket = socket;
    this.#receiver = receiver;
    this.#speechless = speechless;
    this.#maxUnread = maxUnread;
    this.#writer = socket.writable.getWriter();
    this.#writer.closed.catch(() => {});
    void this.#read();
  }

  get pending(): number {
    return this.#pending;
  }

  get writable(): boolean {
    return !this.#ended;
  }

  write(parts: readonly Uint8Array[]): void {
    if (this.#ended) return;
    // Each write crosses into the event loop: one joined buffer is cheaper than its parts.
    const bytes = parts.length === 1 ? (parts[0] as Uint8Array) : join(parts);
    this.#pending += bytes.length;
    this.#writer.write(bytes).then(
      () => {
        this.#pending -= bytes.length;
        if (this.#pending <= this.#maxUnread) this.#onTaken();
      },
      (error: Error) => this.#close(error),
    );
  }

  pause(): void {
    this.#paused ??= new Promise((resolve) => {
      this.#goOn = resolve;
    });
  }

  resume(): void {
    this.#paused = undefined;
    this.#goOn();
  }

  end(): void {
    if (this.#ended) return;
    this.#speechless = undefined;
    this.#writer.close().then(
      () => this.#close(undefined),
      (error: Error) => this.#close(error),
    );
  }

  destroy(): void {
    this.#speechless = undefined;
    this.#close(undefined);
  }

  async #read(): Promise<void> {
    try {
      // Whoever opened it must have it before it can bring anything, even its end; an injected one may have that ready.
      await new Promise<void>((resolve) => void later(resolve));
      if (this.#ended) return;
      const reader = byteReader(this.#socket.readable);
      this.#reader = reader;
      for (;;) {
        if (this.#paused) await this.#paused;
        const chunk = await reader.next();
        if (this.#ended) return;
        if (chunk === undefined) break;
        if (!ArrayBuffer.isView(chunk))
          throw new TypeError(
            `the socket gave ${typeof chunk === "object" ? "an object" : `a ${typeof chunk}`}, not bytes`,
          );
        this.#speechless = undefined;
        // What comes next waits in hand, and not in the stream: its end must be seen, whatever the peer leaves unread.
        while (this.#pending > this.#maxUnread && !this.#ended) {
          await new Promise<void>((resolve) => {
            this.#onTaken = resolve;
          });
        }
        if (this.#ended) return;
        deliver(this.#receiver, chunk);
      }
      this.#close(undefined);
    } catch (error) {
      this.#close(error as Error);
    }
  }

  #close(cause: Error | undefined): void {
    if (this.#ended) return;
    this.#ended = true;
    this.resume();
    this.#onTaken();
    // Whatever an injected socket makes of this, who waits must be told.
    harmless(() => this.#reader?.cancel());
    // In workerd a socket whose writer was aborted stays open, whatever close() says, until its request is over.
    harmless(() => (this.#pending > 0 ? this.#writer.abort() : this.#writer.close()));
    harmless(() => this.#socket.close());
    const speechless = this.#speechless;
    this.#receiver.closed(speechless === undefined ? cause : new Error(speechless, cause && { cause }));
  }
}

/** Reads into one buffer again and again where the stream can do that. */
function byteReader(readable: ReadableStream<Uint8Array>): {
  next(): Promise<Uint8Array | undefined>;
  cancel(reason?: unknown): Promise<void>;
} {
  let byob: ReadableStreamBYOBReader;
  try {
    byob = readable.getReader({ mode: "byob" });
  } catch {
    const reader = readable.getReader();
    return { next: async () => (await reader.read()).value, cancel: (reason) => reader.cancel(reason) };
  }
  let buffer = new ArrayBuffer(READ_SIZE);
  return {
    async next() {
      const { done, value } = await byob.read(new Uint8Array(buffer));
      if (done || !value) return undefined;
      buffer = value.buffer as ArrayBuffer;
      return value;
    },
    cancel: (reason) => byob.cancel(reason),
  };
}

function join(parts: readonly Uint8Array[]): Uint8Array {
  const joined = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    joined.set(part, at);
    at += part.length;
  }
  return joined;
}

/** Calls a socket's function. What it throws, or its promise rejects with, is of no matter any more. */
function harmless(call: () => unknown): void {
  try {
    Promise.resolve(call()).catch(() => {});
  } catch {
    // As said.
  }
}
