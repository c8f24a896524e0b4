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
import { Outbox } from "./outbox.js";
import { SPEECHLESS } from "./speechless.js";
import { tlsReason } from "./tls.js";
import {
  type Address,
  deliver,
  MAX_UNREAD,
  type Receiver,
  type ServerTlsOptions,
  type Transport,
} from "./transport.js";

export { refusalReason } from "./refused.js";

/** The codec, compiled. */
export function codecModule(): object {
  return new WebAssembly.Module(Uint8Array.from(atob(inlined), (character) => character.charCodeAt(0)));
}

/** Pages (64 KiB) of one instance's memory: some 120 connections. A page that was never used takes no memory. */
export const CODEC_PAGES = 256;

/** Bytes of events that readers of one connection may be behind by, while others wait for what comes over it. */
export const MOST_UNREAD = (1 << 26) as number;

/** Milliseconds that a closing client waits for what is in flight, unless it is told otherwise: as long as it takes. */
export const CLOSE_LIMIT = undefined as number | undefined;

/** What the runtime itself says when an I/O object is used from another request: nothing, here. */
export function isForeignRequest(_error: unknown): boolean {
  return false;
}

/** Whether it is called in the request that it was made in: that is no matter, here. */
export function requestScope(): () => boolean {
  return () => true;
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

export { checkTls } from "./certificates.js";

const KEEP_ALIVE_DELAY = 60_000;

/** Bytes that a socket is given at a time, of those that it doesn't take at once. */
const PORTION = 65_536;

/** The number of the process. */
export function processId(): number {
  return pid;
}

/** Milliseconds that a client has for its TLS handshake. */
const HANDSHAKE_TIMEOUT = 10_000;

/** Opens a stream. Rejects with the runtime's error when none can be had, and when the signal aborts first. */
export function dial(address: Address, receiver: Receiver, signal: AbortSignal): Promise<Transport> {
  return new Promise((resolve, reject) => {
    const { host, port, tls } = address;
    let heard = false;
    let leaving = false;
    const socket = tls
      ? connectTls({ servername: isIp(host) ? "" : host, ...(tls as ConnectionOptions), host, port })
      : createConnection({
          host,
          port,
          // Reads straight into the codec's memory: no buffer is allocated, no stream machinery runs.
          onread: {
            buffer: () => receiver.window(),
            callback: (count) => {
              heard = true;
              receiver.received(count);
              return true;
            },
          },
        });
    if (tls) {
      socket.on("data", (chunk: Uint8Array) => {
        heard = true;
        deliver(receiver, chunk);
      });
    }
    const abort = () => socket.destroy(asError(signal.reason));
    let failure: Error | undefined;
    socket.on("error", (error) => {
      failure = error;
    });
    socket.once(tls ? "secureConnect" : "connect", () => {
      signal.removeEventListener("abort", abort);
      const open = transport(socket, {
        onLeave() {
          leaving = true;
        },
      });
      socket.once("close", () => receiver.closed(leaving ? failure : lossOf(failure, heard, tls !== undefined)));
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

/** Why a connection was lost. With TLS 1.3 a server refuses a client's certificate only after the client has connected. */
function lossOf(failure: Error | undefined, heard: boolean, tls: boolean): Error | undefined {
  const reason = tlsReason(failure) ?? (heard ? undefined : SPEECHLESS[tls ? "tls" : "plain"]);
  return reason === undefined ? failure : new Error(reason, failure && { cause: failure });
}

/** What `transport` tells: that it is being closed from this side, and that the system has taken all after a jam. */
interface Hooks {
  onLeave?(): void;
  onDrained?(): void;
}

/** A socket that a server accepted, or that is open. */
function transport(socket: Socket, { onLeave, onDrained }: Hooks): Transport {
  // A batch is already one write: Nagle's algorithm could only hold it back, 40 ms at a time.
  socket.setNoDelay(true);
  socket.setKeepAlive(true, KEEP_ALIVE_DELAY);
  // A socket counts a write as a whole until the system has taken its last byte. What is more than a portion waits
  // here and goes out in portions, so that `pending` shows on every runtime, TLS or not, whether a large write moves.
  const outbox = new Outbox();
  let moving = false;
  let ending = false;
  const writeAll = (parts: readonly Uint8Array[], taken?: () => void) => {
    if (parts.length === 1) {
      socket.write(parts[0] as Uint8Array, taken);
      return;
    }
    socket.cork();
    for (const [index, part] of parts.entries()) socket.write(part, index === parts.length - 1 ? taken : undefined);
    socket.uncork();
  };
  const move = () => {
    moving = false;
    if (!socket.writable) {
      outbox.clear();
      return;
    }
    if (outbox.size > 0) {
      moving = true;
      writeAll(outbox.take(PORTION), move);
    } else if (ending) socket.end();
    else onDrained?.();
  };
  return {
    get pending() {
      return outbox.size + socket.writableLength;
    },
    get writable() {
      return socket.writable && !ending;
    },
    write(parts) {
      if (!socket.writable) return;
      const size = parts.reduce((sum, part) => sum + part.length, 0);
      if (size === 0) return;
      if (!moving && socket.writableLength + size <= PORTION) {
        writeAll(parts);
        return;
      }
      outbox.push(parts);
      if (!moving) move();
    },
    end() {
      onLeave?.();
      ending = true;
      if (!moving) socket.end();
    },
    destroy() {
      onLeave?.();
      outbox.clear();
      socket.destroy();
    },
    pause: () => void socket.pause(),
    resume: () => void socket.resume(),
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
      const open = patient(socket);
      const receiver = accept(open, peer);
      if (!receiver) {
        socket.destroy();
        return;
      }
      socket.once("end", () => open.end());
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
  // A peer that has ended its side (`echo status | nc`) gets its answers all the same.
  if (!tls) return createServer({ allowHalfOpen: true }, accept);
  try {
    return createTlsServer(
      { handshakeTimeout: HANDSHAKE_TIMEOUT, allowHalfOpen: true, ...(tls as TlsOptions) },
      accept,
    );
  } catch (error) {
    throw new TypeError(`the tls options can't be used: ${(error as Error).message}`, { cause: error });
  }
}

/** A transport that doesn't read requests of a peer that doesn't read the answers. */
function patient(socket: Socket): Transport {
  const open = transport(socket, { onDrained: () => void socket.resume() });
  return {
    get writable() {
      return open.writable;
    },
    get pending() {
      return open.pending;
    },
    write(parts) {
      open.write(parts);
      if (open.pending > MAX_UNREAD) socket.pause();
    },
    pause: open.pause,
    resume: open.resume,
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
