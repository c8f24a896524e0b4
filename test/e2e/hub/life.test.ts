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
const INTERVAL = 600;

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

/** Uses the hub until something is so: its alarms make connections as long as it is used. */
async function useUntil(what: string, isSo: () => boolean | Promise<boolean>, use = "ping", args: unknown[] = []) {
  const answers: Answer[] = [];
  const begin = performance.now();
  while (!(await isSo())) {
    if (performance.now() - begin > 20_000) throw new Error(`not so in 20 seconds: ${what}`);
    answers.push((await ask(deployed, use, args)) as Answer);
    await delay(10);
  }
  return answers;
}

/** Uses the hub until its alarms have made so many connections. */
async function redialled(count = 1): Promise<void> {
  const before = line.connections;
  await useUntil(`${count} new connections`, () => line.connections >= before + count);
}

test("an alarm makes the connection anew, without a call that fails", async () => {
  await ask(deployed, "ping");
  const before = line.connections;
  const begin = performance.now();
  const made = () => line.connections - before;
  const answers = await useUntil("three new connections", () => made() >= 3, "background", ["nobody", "x"]);
  expect(answers.filter((answer) => !answer.handle)).toEqual([]);
  // Once an alarm, and not oftener; the first may have been set a while before.
  expect(made()).toBeLessThanOrEqual((performance.now() - begin) / INTERVAL + 2);
  await useUntil("one connection", async () => (await clients(gearmand.port)).length === 1);
});

test("a hub that nobody calls any more closes its connection, and the next call makes one", async () => {
  await ask(deployed, "ping");
  await expect.poll(() => clients(gearmand.port)).toHaveLength(0);
  const before = line.connections;
  await delay(2 * INTERVAL);
  expect(line.connections).toBe(before);
  expect(await ask(deployed, "background", ["nobody", "x"])).toHaveProperty("handle");
  expect(line.connections).toBe(before + 1);
});

test("the old connection is kept as long as a job is waited for over it", async () => {
  let finish = (_result: string) => {};
  const done = new Promise<string>((resolve) => {
    finish = resolve;
  });
  await using _worker = startWorker(gearmand.address, { long: () => done });
  await ask(deployed, "ping");
  const result = ask(deployed, "run", ["long", ""]);
  await redialled(2);
  await useUntil("two connections", async () => (await clients(gearmand.port)).length === 2);
  // From here on nobody calls: what is waited for is use enough. A client that were closed at the first such alarm
  // would wait for 5 seconds, on workerd, and then give the job up.
  await delay(2 * INTERVAL + 5_500);
  finish("done");
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
    await redialled();
  }
  await useUntil("one connection", async () => (await clients(gearmand.port)).length === 1);
  expect(await taken("given-up")).toBe(0);
  // Nothing is left that would keep it from closing.
  await expect.poll(() => clients(gearmand.port)).toHaveLength(0);
});

test("so do the runs of those whose own callers have left, when they hand on the request's signal", async () => {
  const body = JSON.stringify({ method: "run", args: ["left", "x"], leaving: true });
  const sockets = await Promise.all(
    Array.from({ length: 5 }, () => request(deployed, "POST /", [`Content-Length: ${body.length}`], body)),
  );
  await expect.poll(() => queued(gearmand.port, "left")).toBe(5);
  // As Cloudflare's edge tells of it.
  for (const socket of sockets) socket.resetAndDestroy();
  await expect.poll(() => clients(gearmand.port)).toHaveLength(0);
  expect(await taken("left")).toBe(0);
});

test("a job whose connection was made anew meanwhile goes again as any client's, when its server comes back", async () => {
  const result = ask(deployed, "run", ["again", "x", { unique: "own" }]);
  await expect.poll(() => queued(gearmand.port, "again")).toBe(1);
  await redialled();
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
  const before = line.connections;
  const answers = await useUntil("the alarm rings", () => line.connections > before);
  // The old one is used, and no call has waited for the new one.
  answers.push((await ask(deployed, "ping")) as Answer);
  await delay(700);
  answers.push((await ask(deployed, "ping")) as Answer);
  expect(answers.filter((answer) => typeof answer !== "number")).toEqual([]);
  line.release();
  await redialled();
  await useUntil("one connection", async () => (await clients(gearmand.port)).length === 1);
});

test("gearmand is killed and started again under load: every call is answered, and then all goes on", async () => {
  let ended = false;
  const answers: Answer[] = [];
  const callers = Array.from({ length: 20 }, async () => {
    while (!ended) answers.push((await ask(deployed, "background", ["nobody", "x"])) as Answer);
  });
  const served = () => answers.filter(({ handle }) => handle).length;
  await expect.poll(served).toBeGreaterThan(100);
  process.kill(gearmand.pid, "SIGKILL");
  await delay(1_000);
  await gearmand.stop();
  gearmand = await startGearmand({ port: gearmand.port });
  const before = served();
  await expect.poll(served).toBeGreaterThan(before + 100);
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
  await expect.poll(() => clients(gearmand.port)).toHaveLength(0);
  expect(await call()).toBeGreaterThanOrEqual(0);
  await deployed.fetch("/restart", { method: "POST" });
  const before = line.connections;
  const rung = async () => ((await (await deployed.fetch("/alarms")).json()) as Answer).rung;
  await expect.poll(rung).toEqual(["well"]);
  expect(line.connections).toBe(before);
  expect(await call()).toBeGreaterThanOrEqual(0);
});
