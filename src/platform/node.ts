/*
 * Node, Deno and Bun: sockets of node:net and node:tls, and the codec inlined, so that any bundler can take it along.
 */
import { createConnection, createServer, type Socket } from "node:net";
import { type ConnectionOptions, connect as connectTls } from "node:tls";
import inlined from "../../codec.inline.js";
import { type Address, deliver, type Receiver, type Transport } from "./transport.js";

/** The codec, compiled. */
export function codecModule(): WebAssembly.Module {
  return new WebAssembly.Module(Uint8Array.from(atob(inlined), (character) => character.charCodeAt(0)));
}

/** What the runtime itself says when an I/O object is used from another request: nothing, here. */
export function isForeignRequest(_error: unknown): boolean {
  return false;
}

const KEEP_ALIVE_DELAY = 60_000;

/** Bytes that one read takes at most: as many as the codec's window. */
const READ_SIZE = 65_536;

export function dial(address: Address, receiver: Receiver, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const { host, port, tls } = address;
    const socket = tls
      ? connectTls({ servername: isIp(host) ? "" : host, ...(tls as ConnectionOptions), host, port })
      : createConnection({
          host,
          port,
          // Reads into one buffer again and again: none is allocated, no stream machinery runs. It is not the codec's
          // memory itself, though `buffer` may be a function: a socket asks for its next buffer ahead, and when another
          // connection makes that memory grow meanwhile, the view is detached and the read fails (ENOBUFS).
          onread: {
            buffer: new Uint8Array(READ_SIZE),
            callback: (count, buffer) => {
              deliver(receiver, buffer.subarray(0, count));
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

/** Listens for connections. `accept` says, for each, who takes what it brings. */
export function listen(
  options: { host: string; port: number },
  accept: (transport: Transport, peer: { address: string; port: number }) => Receiver,
): Promise<Listener> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      const receiver = accept(transport(socket), { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
      let failure: Error | undefined;
      socket.on("data", (chunk) => deliver(receiver, chunk));
      socket.on("error", (error) => {
        failure = error;
      });
      socket.once("close", () => receiver.closed(failure));
    });
    server.once("error", reject);
    server.listen(options.port, options.host, () => {
      server.off("error", reject);
      const bound = server.address();
      resolve({
        port: typeof bound === "object" && bound ? bound.port : options.port,
        close: () => new Promise((done) => server.close(() => done())),
      });
    });
  });
}

function isIp(host: string): boolean {
  return /^[\d.]+$/.test(host) || host.includes(":");
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
