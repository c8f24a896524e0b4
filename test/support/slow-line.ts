import { connect } from "node:net";
import { type FaultyServer, startFaultyServer } from "./faults.ts";

/** A line to a port of this machine that takes so many bytes a millisecond, and no more. */
export function slowLine(port: number, rate: number): Promise<FaultyServer> {
  return startFaultyServer((socket) => {
    const server = connect(port, "127.0.0.1");
    server.on("error", () => {});
    socket.on("data", (chunk: Buffer) => {
      server.write(chunk);
      socket.pause();
      setTimeout(() => socket.resume(), chunk.length / rate);
    });
    server.pipe(socket);
    socket.on("close", () => server.destroy());
  });
}
