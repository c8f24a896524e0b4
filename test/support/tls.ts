import { once } from "node:events";
import { type AddressInfo, connect, type Socket } from "node:net";
import { createServer, type TlsOptions } from "node:tls";

/** A TLS port in front of a job server's plain one, as stunnel, HAProxy or nginx would be. */
export interface Terminator extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly address: string;
  readonly port: number;
}

/** Listens on a free loopback port, and passes on what comes, decrypted, to another port of this machine. */
export async function startTerminator(to: number, options: TlsOptions): Promise<Terminator> {
  const sockets = new Set<Socket>();
  const keep = (socket: Socket, other?: Socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    socket.once("close", () => {
      sockets.delete(socket);
      other?.destroy();
    });
  };
  const server = createServer(options, (outside) => {
    const inside = connect(to, "127.0.0.1");
    keep(inside, outside);
    outside.once("close", () => inside.destroy());
    outside.on("error", () => {});
    outside.pipe(inside).pipe(outside);
  });
  server.on("connection", (socket: Socket) => keep(socket));
  // A handshake that fails is the client's to tell.
  server.on("tlsClientError", () => {});
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    port,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
