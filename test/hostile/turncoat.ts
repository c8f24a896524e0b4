import assert from "node:assert/strict";
import { connect, type Socket } from "node:net";
import { JobServer } from "edgear/server";
import { concat, type Packet, read } from "../codec/packets.ts";
import { startFaultyServer } from "../support/faults.ts";

/** A port behind which a hostile server is, and later a good one. */
export interface Turncoat extends AsyncDisposable {
  readonly address: string;
  /** The good one that it turns into. */
  readonly server: JobServer;
  /** Connections that the hostile server was given. */
  readonly victims: number;
  /** From here on connections are the good server's; those to the hostile one are cut. */
  reform(): void;
}

/** What a hostile server does when a connection has brought it a packet. */
export type Hostility = (socket: Hostile, packet: Packet) => void;

/** One connection of a hostile server. */
export interface Hostile {
  /** Sends bytes, if they can be sent. */
  send(bytes: Uint8Array): void;
  /** Sends the same again and again, as fast as they are taken, until the connection is gone. */
  flood(bytes: Uint8Array): void;
  /** Sends some bytes now, and then some more every so many milliseconds, for ever. */
  drip(bytes: Uint8Array, more: Uint8Array, milliseconds: number): void;
}

/** How much hostile servers of this process have sent, in bytes. */
export let flooded = 0;

export async function turncoat(hostility: Hostility): Promise<Turncoat> {
  const server = await JobServer.listen({ port: 0 });
  const victims = new Set<Socket>();
  let victimCount = 0;
  let good = false;
  const front = await startFaultyServer((socket) => {
    socket.setNoDelay(true);
    if (good) {
      const line = connect(server.port, "127.0.0.1");
      line.on("error", () => {});
      line.pipe(socket).pipe(line);
      socket.on("close", () => line.destroy());
      line.on("close", () => socket.destroy());
      return;
    }
    victimCount++;
    victims.add(socket);
    const hostile = hostileEnd(socket);
    // A packet may come in any pieces.
    let come: Uint8Array = new Uint8Array();
    socket.on("data", (chunk: Buffer) => {
      come = concat([come, chunk]);
      const { packets, length } = read("client", come, undefined, { textLines: true });
      come = come.subarray(length);
      for (const packet of packets) hostility(hostile, packet);
    });
  });
  return {
    address: front.address,
    server,
    get victims() {
      return victimCount;
    },
    reform() {
      good = true;
      for (const socket of victims) socket.destroy();
    },
    async [Symbol.asyncDispose]() {
      await front[Symbol.asyncDispose]();
      await server.close();
    },
  };
}

function hostileEnd(socket: Socket): Hostile {
  let flooding = false;
  return {
    send(bytes) {
      if (socket.writable) socket.write(bytes);
    },
    flood(bytes) {
      if (flooding) return;
      flooding = true;
      const more = () => {
        if (!socket.writable) return;
        // What this end keeps is not to be taken for what the other does.
        flooded += bytes.length;
        socket.write(bytes, () => setImmediate(more));
      };
      more();
    },
    drip(bytes, more, milliseconds) {
      socket.write(bytes);
      const timer = setInterval(() => socket.writable && socket.write(more), milliseconds);
      socket.once("close", () => clearInterval(timer));
    },
  };
}

/** Megabytes by which the process may grow while it is attacked: readers may be 64 behind, and garbage is not collected at once. */
const MOST_GROWTH = 200;

/** Runs something, and sees that the process does not grow much meanwhile. */
export async function bounded(run: () => Promise<void>): Promise<void> {
  const size = () => {
    const { heapUsed, external } = process.memoryUsage();
    return (heapUsed + external) / 1e6;
  };
  const before = size();
  let most = before;
  const timer = setInterval(() => {
    most = Math.max(most, size());
  }, 20);
  try {
    await run();
  } finally {
    clearInterval(timer);
  }
  const growth = Math.round(Math.max(most, size()) - before);
  assert.ok(growth < MOST_GROWTH, `the process grew by ${growth} MB`);
}
