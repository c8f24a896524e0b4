import { connect, createServer, type Socket } from "node:net";
import { listenBelow } from "../support/ports.ts";

/** A line to a job server, which does to it what lines do. */
export interface Line extends AsyncDisposable {
  readonly address: string;
  /** Whether answers are kept back. Those that were go on when it is false again. */
  hold: boolean;
  /** How often it was cut. */
  readonly cuts: number;
}

/** @param breaks whether the line is cut instead of these bytes being passed on to the server */
export async function lineTo(server: string, breaks: (chunk: Buffer) => boolean = () => false): Promise<Line> {
  const [host, port] = server.split(":");
  const sockets = new Set<Socket>();
  const held: (() => void)[] = [];
  let hold = false;
  let cuts = 0;
  const line = createServer((near) => {
    const far = connect(Number(port), host);
    for (const each of [near, far]) {
      sockets.add(each);
      each.on("error", () => {});
      each.on("close", () => sockets.delete(each));
    }
    near.on("data", (chunk) => {
      if (!breaks(chunk)) return far.write(chunk);
      cuts++;
      return near.destroy();
    });
    far.on("data", (chunk) => void (hold ? held.push(() => near.write(chunk)) : near.write(chunk)));
    near.on("close", () => far.destroy());
    far.on("close", () => near.destroy());
  });
  const own = await listenBelow(line);
  return {
    address: `127.0.0.1:${own}`,
    get hold() {
      return hold;
    },
    set hold(value) {
      hold = value;
      if (!hold) for (const pass of held.splice(0)) pass();
    },
    get cuts() {
      return cuts;
    },
    async [Symbol.asyncDispose]() {
      line.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}
