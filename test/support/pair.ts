import { connect as connectTcp } from "node:net";
import type { Connect, StreamSocket } from "edgear";

/** Two ends of a line in memory: what goes into one comes out of the other. */
export function pair(): [StreamSocket, StreamSocket] {
  const there = new TransformStream<Uint8Array, Uint8Array>();
  const back = new TransformStream<Uint8Array, Uint8Array>();
  return [end(back.readable, there.writable), end(there.readable, back.writable)];
}

function end(readable: ReadableStream<Uint8Array>, writable: WritableStream<Uint8Array>): StreamSocket {
  return { readable, writable, close: () => writable.abort().catch(() => {}) };
}

/** Connects over a line in memory; its other end is carried to the server over TCP. */
export const connectByPair: Connect = async ({ hostname, port }) => {
  const socket = connectTcp(port, hostname);
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  const [near, far] = pair();
  const writer = far.writable.getWriter();
  writer.closed.catch(() => {});
  socket.on("error", () => {});
  socket.on("data", (chunk: Uint8Array) => {
    socket.pause();
    writer.write(Uint8Array.from(chunk)).then(
      () => socket.resume(),
      () => socket.destroy(),
    );
  });
  socket.once("end", () => void writer.close().catch(() => {}));
  socket.once("close", () => void writer.abort().catch(() => {}));
  void (async () => {
    try {
      for await (const chunk of far.readable as unknown as AsyncIterable<Uint8Array>) {
        if (!socket.write(chunk)) await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
      }
      socket.end();
    } catch {
      socket.destroy();
    }
  })();
  return near;
};
