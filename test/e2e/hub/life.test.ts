import { setTimeout as delay } from "node:timers/promises";
import { Worker } from "edgear";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Deployed } from "../../support/deployed.ts";
import { queued, request } from "../../support/door.ts";
import { type Gearmand, startGearmand } from "../../support/gearmand.ts";
import { Line } from "../../support/line.ts";
import { startWorker } from "../../support/worker.ts";
import { type Answer, ask, clients, deployHub } from "./deployed-hub.ts";

/** Milliseconds between two alarms: minutes, in a minute's test. */
const INTERVAL = 1_000;

let gearmand: Gearmand;
let line: Line;
let deployed: Deployed;

beforeAll(async () => {
  gearmand = await startGearmand();
  line = await Line.to(gearmand.port);
  const vars = { GEARMAN_SERVERS: line.address, GEARMAN_HUB_INTERVAL: INTERVAL };
  deployed = await deployHub({ ...vars, CONNECT_TIMEOUT: 1_000, REQUEST_TIMEOUT: 2_000 });
}, 90_000);

afterAll(async () => {
  await deployed?.[Symbol.asyncDispose]();
  await line?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

test("an alarm makes the connection anew, without a call that fails", async () => {
  await ask(deployed, "ping");
  const before = line.connections;
  const answers: unknown[] = [];
  for (const end = performance.now() + 3.5 * INTERVAL; performance.now() < end; await delay(10))
    answers.push(await ask(deployed, "background", ["nobody", "x"]));
  expect(answers.filter((answer) => !(answer as Answer).handle)).toEqual([]);
  expect(line.connections - before).toBeGreaterThanOrEqual(2);
  expect(line.connections - before).toBeLessThanOrEqual(4);
  await expect.poll(() => clients(gearmand.port)).toHaveLength(1);
});

test("a hub that nobody calls any more closes its connection, and the next call makes one", async () => {
  await ask(deployed, "ping");
  await expect.poll(() => clients(gearmand.port), { timeout: 5 * INTERVAL }).toHaveLength(0);
  const before = line.connections;
  await delay(2 * INTERVAL);
  expect(line.connections).toBe(before);
  expect(await ask(deployed, "background", ["nobody", "x"])).toHaveProperty("handle");
  expect(line.connections).toBe(before + 1);
});

test("the old connection is kept as long as a job is waited for over it", async () => {
  // A client that were closed at the first alarm that nobody has called before would wait for 5 seconds, on workerd.
  await using _worker = startWorker(gearmand.address, { long: () => delay(11 * INTERVAL, "done") });
  await ask(deployed, "ping");
  const result = ask(deployed, "run", ["long", ""]);
  // So that the hub is in use, and its alarms make connections.
  const before = line.connections;
  for (const end = performance.now() + 2.5 * INTERVAL; performance.now() < end; await delay(50))
    await ask(deployed, "ping");
  expect(line.connections).toBeGreaterThan(before);
  expect(await clients(gearmand.port)).toHaveLength(2);
  // From here on nobody calls: what is waited for is use enough.
  expect(await result).toBe("done");
});

/** How many of a function's jobs a worker has to do that comes now. */
async function taken(name: string): Promise<number> {
  let count = 0;
  const worker = new Worker(gearmand.address);
  worker.add(name, () => void count++);
  await worker.drain({ deadline: 5_000 });
  await worker.close();
  return count;
}

test("runs that their callers gave up keep no connection, and leave no job behind", async () => {
  for (let round = 0; round < 3; round++) {
    const given = Array.from({ length: 5 }, () => ask(deployed, "run", ["given-up", "x"], { abortAfter: 50 }));
    expect((await Promise.all(given)).map((answer) => (answer as Answer).name)).toEqual(Array(5).fill("TimeoutError"));
    for (const end = performance.now() + INTERVAL; performance.now() < end; await delay(50))
      await ask(deployed, "ping");
  }
  // Two alarms on.
  for (const end = performance.now() + 2 * INTERVAL; performance.now() < end; await delay(50))
    await ask(deployed, "ping");
  expect(await clients(gearmand.port)).toHaveLength(1);
  expect(await taken("given-up")).toBe(0);
  // Nothing is left that would keep it from closing.
  await expect.poll(() => clients(gearmand.port), { timeout: 5 * INTERVAL }).toHaveLength(0);
});

test("so do the runs of those whose own callers have left, when they hand on the request's signal", async () => {
  const body = JSON.stringify({ method: "run", args: ["left", "x"], leaving: true });
  const sockets = await Promise.all(
    Array.from({ length: 5 }, () => request(deployed, "POST /", [`Content-Length: ${body.length}`], body)),
  );
  await expect.poll(() => queued(gearmand.port, "left")).toBe(5);
  // As Cloudflare's edge tells of it.
  for (const socket of sockets) socket.resetAndDestroy();
  await expect.poll(() => clients(gearmand.port), { timeout: 5 * INTERVAL }).toHaveLength(0);
  expect(await taken("left")).toBe(0);
});

test("a job whose connection was made anew meanwhile goes again as any client's, when its server comes back", async () => {
  const result = ask(deployed, "run", ["again", "x", { unique: "own" }]);
  const before = line.connections;
  for (const end = performance.now() + 1.5 * INTERVAL; performance.now() < end; await delay(50))
    await ask(deployed, "ping");
  expect(line.connections).toBeGreaterThan(before);
  process.kill(gearmand.pid, "SIGKILL");
  await gearmand.stop();
  await delay(300);
  gearmand = await startGearmand({ port: gearmand.port });
  await using _worker = startWorker(gearmand.address, { again: () => "done" });
  expect(await result).toBe("done");
});

test("when nothing answers as the alarm rings, the old connection stays, and the next alarm makes it anew", async () => {
  await ask(deployed, "ping");
  line.hold("new");
  const dialled = line.connections;
  while (line.connections === dialled) {
    expect(await ask(deployed, "ping")).toBeGreaterThanOrEqual(0);
    await delay(20);
  }
  // The old one is used, and no call has waited for the new one.
  expect(await ask(deployed, "ping")).toBeGreaterThanOrEqual(0);
  await delay(700);
  expect(await ask(deployed, "ping")).toBeGreaterThanOrEqual(0);
  line.release();
  const before = line.connections;
  for (const end = performance.now() + 3 * INTERVAL; performance.now() < end; await delay(50))
    await ask(deployed, "ping");
  expect(line.connections).toBeGreaterThan(before);
  await expect.poll(() => clients(gearmand.port)).toHaveLength(1);
});

test("gearmand is killed and started again under load: every call is answered, and then all goes on", async () => {
  let ended = false;
  const answers: Answer[] = [];
  const callers = Array.from({ length: 20 }, async () => {
    while (!ended) answers.push((await ask(deployed, "background", ["nobody", "x"])) as Answer);
  });
  await delay(300);
  process.kill(gearmand.pid, "SIGKILL");
  await delay(1_000);
  await gearmand.stop();
  gearmand = await startGearmand({ port: gearmand.port });
  await delay(1_000);
  ended = true;
  await Promise.all(callers);
  const errors = answers.filter(({ handle }) => !handle);
  expect(errors.filter(({ typed }) => typed !== true)).toEqual([]);
  const allowed = ["CONNECTION_LOST", "CONNECTION_FAILED", "TIMEOUT"];
  expect(errors.map(({ code }) => code).filter((code) => !allowed.includes(String(code)))).toEqual([]);
  expect(answers.at(-1)).toHaveProperty("handle");
  expect(await ask(deployed, "background", ["nobody", "x"])).toHaveProperty("handle");
}, 40_000);

test("a hub that was restarted finds its alarm, and nothing to do", async () => {
  const call = () => ask(deployed, "ping", [], { by: "restarted" });
  // The other hub's last alarm is over.
  await expect.poll(() => clients(gearmand.port), { timeout: 5 * INTERVAL }).toHaveLength(0);
  expect(await call()).toBeGreaterThanOrEqual(0);
  await deployed.fetch("/restart", { method: "POST" });
  const before = line.connections;
  await delay(1.5 * INTERVAL);
  expect(line.connections).toBe(before);
  const { rung } = (await (await deployed.fetch("/alarms")).json()) as Answer;
  expect(rung).toEqual(["well"]);
  expect(await call()).toBeGreaterThanOrEqual(0);
});
