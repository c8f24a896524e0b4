import { connect, type Socket } from "node:net";
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

/** A line to a port of this machine that is so many milliseconds long, each way: as much passes as on any. */
export function longLine(port: number, length: number): Promise<FaultyServer> {
  return startFaultyServer((socket) => {
    const server = connect(port, "127.0.0.1");
    server.on("error", () => {});
    const later = (to: Socket) => (chunk: Buffer) => setTimeout(() => to.writable && to.write(chunk), length);
    socket.on("data", later(server));
    server.on("data", later(socket));
    socket.on("close", () => setTimeout(() => server.destroy(), length));
    server.on("close", () => setTimeout(() => socket.destroy(), length));
  });
}

/** A line to a port of this machine that is cut by whoever sends these bytes over it. */
export function touchyLine(port: number, bytes: string): Promise<FaultyServer> {
  return startFaultyServer((socket) => {
    const server = connect(port, "127.0.0.1");
    server.on("error", () => {});
    let last = "";
    socket.on("data", (chunk: Buffer) => {
      const text = last + chunk.toString("latin1");
      last = text.slice(-bytes.length);
      if (text.includes(bytes)) socket.destroy();
      else server.write(chunk);
    });
    server.pipe(socket);
    socket.on("close", () => server.destroy());
    server.on("close", () => socket.destroy());
  });
}
