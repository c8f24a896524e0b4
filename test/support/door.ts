import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { expect } from "vitest";
import type { Deployed } from "./deployed.ts";
import { textLines } from "./text-command.ts";
import { TOKEN } from "./tokens.ts";

/** Sends a request over a connection of its own, which can be cut; headers and body are as they are given. */
export async function request(door: Deployed, line: string, headers: string[], body = ""): Promise<Socket> {
  const { port, hostname } = new URL(door.origin);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  socket.on("error", () => {});
  const head = [`${line} HTTP/1.1`, "Host: door", `Authorization: Bearer ${TOKEN}`, ...headers];
  socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  return socket;
}

/** Waits until so many connections to a gearmand are left, besides the one that asks. */
export async function connectionsLeft(port: number, count: number, timeout = 5_000): Promise<void> {
  const others = async () => (await textLines(port, "workers")).length - 1;
  await expect.poll(others, { timeout, interval: 50 }).toBe(count);
}

/** The number of jobs that wait for a function's workers. */
export async function queued(port: number, name: string): Promise<number> {
  const line = (await textLines(port, "status")).find((text) => text.startsWith(`${name}\t`));
  return Number(line?.split("\t")[1] ?? 0);
}

/** Has twenty ask all the time, each a turn after the other, while their job server is killed and started again, twice. */
export async function underFire(ask: (turn: number) => Promise<void>, restart: () => Promise<void>): Promise<void> {
  let over = false;
  const asking = Array.from({ length: 20 }, async (_, index) => {
    for (let turn = index; !over; turn++) await ask(turn);
  });
  const killing = async () => {
    for (let kill = 0; kill < 2; kill++) {
      await delay(1_500);
      await restart();
    }
    await delay(1_500);
    over = true;
  };
  try {
    await Promise.all([killing(), ...asking]);
  } finally {
    over = true;
  }
}
