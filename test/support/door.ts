import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "edgear";
import { expect } from "vitest";
import type { Deployed } from "./deployed.ts";
import type { Gearmand } from "./gearmand.ts";
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
export async function connectionsLeft(port: number, count: number, timeout = 15_000): Promise<void> {
  const others = async () => (await textLines(port, "workers")).length - 1;
  await expect.poll(others, { timeout, interval: 50 }).toBe(count);
}

/** The number of jobs that wait for a function's workers. */
export async function queued(port: number, name: string): Promise<number> {
  const line = (await textLines(port, "status")).find((text) => text.startsWith(`${name}\t`));
  return Number(line?.split("\t")[1] ?? 0);
}

/** Submits 200 jobs at once, which are all there then, and all worked off. */
export async function submitMany(door: Deployed, gearmand: Gearmand): Promise<void> {
  const workloads = Array.from({ length: 200 }, (_, index) => `load-${index}`);
  const answers = await Promise.all(
    workloads.map(async (body) => {
      const response = await door.fetch("/jobs/counted", { method: "POST", body });
      expect(response.status).toBe(202);
      return (await response.json()) as { handle: string };
    }),
  );
  expect(new Set(answers.map(({ handle }) => handle)).size).toBe(200);
  expect(await queued(gearmand.port, "counted")).toBe(200);
  const done: string[] = [];
  const worker = new Worker(gearmand.address, { concurrency: 8 });
  worker.add("counted", (job) => void done.push(job.workload.text()));
  expect(await worker.drain({ deadline: 20_000 })).toBe(200);
  expect(done.sort()).toEqual(workloads.sort());
}

/** What is asked: a path, and how. */
export type Asked = readonly [path: string, init: RequestInit];

/**
 * Has twenty ask all the time, one thing after the other, while their job server is killed and started again, twice:
 * before, in between and behind it each thing goes well once at least.
 * @param restart has the job server killed and started again; it is given how many answers of each status there were so far
 * @param read whether an answer that has no error's status says that it went well
 */
export async function underFire(
  door: Deployed,
  requests: readonly Asked[],
  restart: (statuses: ReadonlyMap<number, number>) => Promise<void>,
  read: (response: Response, body: string) => boolean = () => true,
): Promise<void> {
  const statuses = new Map<number, number>();
  const well = new Set<number>();
  const ask = async (turn: number) => {
    const which = turn % requests.length;
    const [path, init] = requests[which] as Asked;
    // Whoever hangs fails the test, by this.
    const response = await door.fetch(path, { ...init, signal: AbortSignal.timeout(15_000) });
    const body = await response.text();
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
    if (response.ok) {
      if (read(response, body)) well.add(which);
    } else {
      expect(JSON.parse(body).error.message, body).toMatch(/\w/);
      await delay(20);
    }
  };
  const allWell = async () => {
    well.clear();
    await expect.poll(() => well.size, { timeout: 30_000, interval: 20 }).toBe(requests.length);
  };
  let over = false;
  const asking = Array.from({ length: 20 }, async (_, index) => {
    for (let turn = index; !over; turn++) await ask(turn);
  });
  const killing = async () => {
    await allWell();
    for (let kill = 0; kill < 2; kill++) {
      await restart(statuses);
      await allWell();
    }
    over = true;
  };
  try {
    await Promise.all([killing(), ...asking]);
  } finally {
    over = true;
  }
  const others = [...statuses].filter(([status]) => ![200, 202, 502, 503, 504].includes(status));
  expect(Object.fromEntries(others)).toEqual({});
}
