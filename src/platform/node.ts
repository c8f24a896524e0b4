/*
 * Node, Deno and Bun: sockets of node:net and node:tls, and the codec inlined, so that any bundler can take it along.
 */
import { createConnection, createServer, type Server, type Socket } from "node:net";
import { hostname as systemHostname } from "node:os";
import { pid } from "node:process";
import {
  type ConnectionOptions,
  connect as connectTls,
  createServer as createTlsServer,
  type TlsOptions,
} from "node:tls";
import inlined from "../../codec.inline.js";
import {
  type Address,
  deliver,
  MAX_UNREAD,
  type Receiver,
  type ServerTlsOptions,
  type Transport,
} from "./transport.js";

/** The codec, compiled. */
export function codecModule(): object {
  return new WebAssembly.Module(Uint8Array.from(atob(inlined), (character) => character.charCodeAt(0)));
}

/** Pages (64 KiB) of one instance's memory: some 120 connections. A page that was never used takes no memory. */
export const CODEC_PAGES = 256;

/** Milliseconds that a closing client waits for what is in flight, unless it is told otherwise: as long as it takes. */
export const CLOSE_LIMIT = undefined as number | undefined;

/** What the runtime itself says when an I/O object is used from another request: nothing, here. */
export function isForeignRequest(_error: unknown): boolean {
  return false;
}

/** What this machine is called. */
export function hostname(): string {
  try {
    return systemHostname() || "localhost";
  } catch {
    // Deno asks for a permission (--allow-sys=hostname) that isn't worth failing for.
    return "localhost";
  }
}

/** The number of the process. */
export function processId(): number {
  return pid;
}

const KEEP_ALIVE_DELAY = 60_000;

/** Milliseconds that a client has for its TLS handshake. */
const HANDSHAKE_TIMEOUT = 10_000;

/** Opens a stream. Rejects with the runtime's error when none can be had, and when the signal aborts first. */
export function dial(address: Address, receiver: Receiver, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const { host, port, tls } = address;
    const socket = tls
      ? connectTls({ servername: isIp(host) ? "" : host, ...(tls as ConnectionOptions), host, port })
      : createConnection({
          host,
          port,
          // Reads straight into the codec's memory: no buffer is allocated, no stream machinery runs.
          onread: {
            buffer: () => receiver.window(),
            callback: (count) => {
              receiver.received(count);
              return true;
            },
          },
        });
    if (tls) socket.on("data", (chunk: Uint8Array) => deliver(receiver, chunk));
    const abort = () => socket.destroy(asError(signal.reason));
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.once(tls ? "secureConnect" : "connect", () => {
      signal.removeEventListener("abort", abort);
      const open = transport(socket);
      socket.once("close", () => receiver.closed(failure));
      resolve(open);
    });
    socket.once("close", () => {
      signal.removeEventListener("abort", abort);
      // After a connect this is too late to matter.
      reject(failure ?? new Error("the connection was closed before it was open"));
    });
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

/** A socket that a server accepted, or that is open. */
function transport(socket: Socket): Transport {
  // A batch is already one write: Nagle's algorithm could only hold it back, 40 ms at a time.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
  return {
    get pending() {
      return socket.writableLength;
    },
    get left() {
      // Only the handle sees a large write shrink. It is no public property, and not every runtime has it.
      return (socket as Socket & { _handle?: { writeQueueSize?: number } | null })._handle?.writeQueueSize ?? 0;
    },
    write(parts) {
      if (socket.destroyed) return;
      if (parts.length === 1) {
        socket.write(parts[0] as Uint8Array);
        return;
      }
      socket.cork();
      for (const part of parts) socket.write(part);
      socket.uncork();
    },
    end: () => void socket.end(),
    destroy: () => void socket.destroy(),
  };
}

/** A listening socket. */
export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Listens for connections. `accept` says, for each, who takes what it brings; a connection that nobody takes is closed.
 * Rejects with the runtime's error, and with a TypeError when the certificate can't be used.
 */
export function listen(
  options: { host: string; port: number; tls?: ServerTlsOptions | undefined },
  accept: (transport: Transport, peer: { address: string; port: number }) => Receiver | undefined,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    // Those that are in the middle of a TLS handshake, too: nobody else would close them.
    const open = new Set<Socket>();
    const server = serverFor(options.tls, (socket) => {
      let failure: Error | undefined;
      socket.on("error", (error) => {
        failure = error;
      });
      const peer = { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 };
      const receiver = accept(patient(socket), peer);
      if (!receiver) {
        socket.destroy();
        return;
      }
      socket.on("data", (chunk) => deliver(receiver, chunk));
      socket.once("close", () => receiver.closed(failure));
    });
    server.on("connection", (socket: Socket) => {
      open.add(socket);
      socket.once("close", () => open.delete(socket));
    });
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      // A connection that could not be accepted (too many open files, say) is its peer's to notice.
      server.on("error", () => {});
      const bound = server.address();
      resolve({
        port: typeof bound === "object" && bound ? bound.port : options.port,
        close: () =>
          new Promise((done) => {
            server.close(() => done());
            for (const socket of open) socket.destroy();
          }),
      });
    });
  });
}

function serverFor(tls: ServerTlsOptions | undefined, accept: (socket: Socket) => void): Server {
  if (!tls) return createServer(accept);
  try {
    return createTlsServer({ handshakeTimeout: HANDSHAKE_TIMEOUT, ...(tls as TlsOptions) }, accept);
  } catch (error) {
    throw new TypeError(`the tls options can't be used: ${(error as Error).message}`, { cause: error });
  }
}

/** A transport that doesn't read requests of a peer that doesn't read the answers. */
function patient(socket: Socket): Transport {
  const open = transport(socket);
  socket.on("drain", () => socket.resume());
  return {
    get pending() {
      return open.pending;
    },
    get left() {
      return open.left;
    },
    write(parts) {
      open.write(parts);
      if (open.pending > MAX_UNREAD) socket.pause();
    },
    end: open.end,
    destroy: open.destroy,
  };
}

function isIp(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(":");
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
