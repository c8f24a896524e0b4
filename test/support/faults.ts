import { once } from "node:events";
import { type AddressInfo, createServer, type Socket } from "node:net";
import { packet, read, write } from "../codec/packets.ts";

// Packet types, by the protocol's numbers.
const SUBMIT_JOB = 7;
const JOB_CREATED = 8;
const OPTION_REQ = 26;
const OPTION_RES = 27;

/** A server that is not right: what it does with each connection is up to the test. */
export interface FaultyServer extends AsyncDisposable {
  /** `127.0.0.1:<port>` */
  readonly address: string;
}

/** Listens on a free loopback port and gives each connection to `accept`. */
export async function startFaultyServer(accept: (socket: Socket) => void): Promise<FaultyServer> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    socket.on("error", () => {});
    accept(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    async [Symbol.asyncDispose]() {
      const closed = once(server, "close");
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Reads, and never answers. */
export function silent(socket: Socket): void {
  socket.resume();
}

/** Acknowledges jobs, and says nothing more: as a line does that died at the other end only. */
export function frozen(socket: Socket): void {
  socket.on("data", (chunk: Buffer) => {
    for (const { type, args } of read("client", chunk).packets) {
      if (type === OPTION_REQ) socket.write(write("server", packet(OPTION_RES, args)));
      else if (type === SUBMIT_JOB) socket.write(write("server", packet(JOB_CREATED, ["H:frozen:1"])));
    }
  });
}

/** Answers whatever comes with what is no packet. */
export function babbling(socket: Socket): void {
  socket.on("data", () => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"));
}
