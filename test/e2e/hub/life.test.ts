import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Deployed } from "../../support/deployed.ts";
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
  deployed = await deployHub({ GEARMAN_SERVERS: line.address, GEARMAN_HUB_INTERVAL: INTERVAL, CONNECT_TIMEOUT: 1_000 });
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
  await using _worker = startWorker(gearmand.address, {
    long: async () => {
      await delay(3 * INTERVAL);
      return "done";
    },
  });
  await ask(deployed, "ping");
  const result = ask(deployed, "run", ["long", ""]);
  // So that the hub is in use, and its alarms make connections.
  const before = line.connections;
  for (const end = performance.now() + 2.5 * INTERVAL; performance.now() < end; await delay(50))
    await ask(deployed, "ping");
  expect(line.connections).toBeGreaterThan(before);
  expect(await clients(gearmand.port)).toHaveLength(2);
  expect(await result).toBe("done");
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
  expect(await call()).toBeGreaterThanOrEqual(0);
});
