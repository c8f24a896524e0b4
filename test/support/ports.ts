import { once } from "node:events";
import { type AddressInfo, createServer, type Server } from "node:net";

/** Systems give the ports from 32768 on, or from 49152 on, to whoever connects: any of these can be had again later. */
const LOWEST = 20_000;
const HIGHEST = 32_767;

/** So many are a process's own, and had in turn: one that is left for a while must not be taken meanwhile. */
const OWN = 250;
const BLOCKS = Math.floor((HIGHEST - LOWEST) / OWN);
let own: Promise<number> | undefined;
let next = 0;

/** The first port of a block that no other process uses: whoever has one listens on the port before, until it ends. */
async function claim(): Promise<number> {
  for (let tries = 0; tries < BLOCKS; tries++) {
    const port = LOWEST + ((process.pid + tries) % BLOCKS) * OWN;
    const mark = createServer();
    if (!(await listenAt(mark, port))) continue;
    mark.unref();
    return port + 1;
  }
  throw new Error("there is no block of ports that nobody uses");
}

/** Has a server listen on a loopback port that no connection of anybody's will be given, so that it can be had again. */
export async function listenBelow(server: Server): Promise<number> {
  own ??= claim();
  const first = await own;
  for (let tries = 1; ; tries++) {
    const port = first + (next++ % (OWN - 1));
    if (await listenAt(server, port)) return port;
    if (tries === OWN) throw new Error("there is no port that nobody uses");
  }
}

/** Has a server listen on a port; false when somebody else does. */
export async function listenAt(server: Server, port: number): Promise<boolean> {
  server.listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch {
    return false;
  }
}

/** Such a port, on which nothing listens right now. */
export async function lastingPort(): Promise<number> {
  const server = createServer();
  const port = await listenBelow(server);
  server.close();
  await once(server, "close");
  return port;
}

/** A loopback port on which nothing listens right now. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, "close");
  return port;
}
