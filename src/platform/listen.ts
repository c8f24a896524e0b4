import { createServer, type Server as NetServer, type Socket } from "node:net";
import type { TlsOptions } from "node:tls";
import { transport } from "./socket.js";
import { deliver, MAX_UNREAD, type Server, type ServerTlsOptions, type Transport } from "./transport.js";

/** Milliseconds that a client has for its TLS handshake. */
const HANDSHAKE_TIMEOUT = 10_000;

/** Bytes that are kept of a peer that isn't listened to: its end is behind them. */
const MOST_HELD = 65_536;

/** A listening socket. */
export interface Listener {
  readonly port: number;
  close(): Promise<void>;
}

type Accept = (transport: Transport, peer: { address: string; port: number }) => Server | undefined;

/**
 * Listens for connections. `accept` says, for each, who takes what it brings; a connection that nobody takes is closed.
 * Rejects with the runtime's error, and with a TypeError when the certificate can't be used.
 */
export async function listen(
  options: { host: string; port: number; tls?: ServerTlsOptions | undefined },
  accept: Accept,
): Promise<Listener> {
  const server = await serverFor(options.tls, (socket) => take(socket, accept));
  return new Promise((resolve, reject) => {
    // Those that are in the middle of a TLS handshake, too: nobody else would close them.
    const open = new Set<Socket>();
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

async function serverFor(tls: ServerTlsOptions | undefined, accept: (socket: Socket) => void): Promise<NetServer> {
  // A peer that has ended its side (`echo status | nc`) gets its answers all the same.
  if (!tls) return createServer({ allowHalfOpen: true }, accept);
  // Takes long to load: only whoever wants it is to pay for it.
  const { createServer: createTlsServer } = await import("node:tls");
  try {
    return createTlsServer(
      { handshakeTimeout: HANDSHAKE_TIMEOUT, allowHalfOpen: true, ...(tls as TlsOptions) },
      accept,
    );
  } catch (error) {
    throw new TypeError(`the tls options can't be used: ${(error as Error).message}`, { cause: error });
  }
}

/** Requests of a peer that doesn't read the answers are not taken until it has; a little of them is kept, to see its end. */
function take(socket: Socket, accept: Accept): void {
  let failure: Error | undefined;
  socket.on("error", (error) => {
    failure = error;
  });
  let deaf = false;
  let held: Uint8Array[] = [];
  let size = 0;
  const open = transport(socket, {
    onDrained() {
      deaf = false;
      hear();
    },
  });
  const patient: Transport = {
    get writable() {
      return open.writable;
    },
    get pending() {
      return open.pending;
    },
    tellsTaken: true,
    write(parts, taken) {
      open.write(parts, taken);
      if (open.pending > MAX_UNREAD) deaf = true;
    },
    pause: open.pause,
    resume: open.resume,
    end: open.end,
    destroy: open.destroy,
  };
  const server = accept(patient, { address: socket.remoteAddress ?? "", port: socket.remotePort ?? 0 });
  if (!server) {
    socket.destroy();
    return;
  }
  const hear = (all = false) => {
    const chunks = held;
    held = [];
    size = 0;
    for (const chunk of chunks) {
      if (deaf && !all) hold(chunk);
      else deliver(server, chunk);
    }
    if (held.length === 0) socket.resume();
  };
  const hold = (chunk: Uint8Array) => {
    held.push(chunk);
    size += chunk.length;
    if (size >= MOST_HELD) socket.pause();
  };
  socket.on("data", (chunk) => {
    if (deaf) hold(chunk);
    else deliver(server, chunk);
  });
  socket.once("end", () => {
    hear(true);
    server.ended();
  });
  socket.once("close", () => server.closed(failure));
}
