import type { Store } from "edgear/scheduler";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { storeContract } from "../../scheduler/contract.ts";
import { type Deployed, deploy } from "../../support/deployed.ts";
import type { FaultyServer } from "../../support/faults.ts";
import { type Gearmand, startGearmand } from "../../support/gearmand.ts";
import { lastingPort } from "../../support/ports.ts";
import { touchyLine } from "../../support/slow-line.ts";
import { startWorker } from "../../support/worker.ts";

/** A Durable Object that schedules, in workerd, with its own SQLite and its own alarms. */

let gearmand: Gearmand;
let touchy: FaultyServer;
let deployed: Deployed;
let made = 0;

beforeAll(async () => {
  const port = await lastingPort();
  gearmand = await startGearmand({ port });
  touchy = await touchyLine(port, "poison");
  deployed = await deploy(
    { GEARMAN_SERVERS: gearmand.address, TOUCHY_SERVERS: touchy.address },
    {
      script: "test/e2e/scheduler/worker.ts",
      objects: {
        ...{ SCHEDULER: "GearmanScheduler", WATCHED: "WatchedScheduler" },
        ...{ SILENT: "SilentScheduler", TOUCHY: "TouchyScheduler" },
      },
    },
  );
}, 90_000);

afterAll(async () => {
  await deployed?.[Symbol.asyncDispose]();
  await touchy?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

type Bytes = { base64?: string };
const portable = (_: string, value: unknown) =>
  value instanceof Uint8Array ? { base64: Buffer.from(value).toString("base64") } : value;
const revive = (_: string, value: Bytes | null) =>
  typeof value?.base64 === "string" ? Uint8Array.from(Buffer.from(value.base64, "base64")) : value;

async function ask(path: string, ...args: unknown[]): Promise<unknown> {
  const response = await deployed.fetch(path, { method: "POST", body: JSON.stringify(args, portable) });
  const text = await response.text();
  const answer = JSON.parse(text, revive as never) as unknown;
  if (!response.ok) throw Object.assign(new Error((answer as Error).message), { name: (answer as Error).name });
  return answer;
}

describe("a Durable Object's SQLite", () => {
  storeContract(async () => {
    const name = `contract-${made++}`;
    const method =
      (called: keyof Store) =>
      async (...args: unknown[]) => {
        const given = args.filter((arg) => arg !== undefined);
        return (await ask(`/store/${name}`, called, ...given)) ?? undefined;
      };
    const methods: (keyof Store)[] = ["put", "get", "remove", "list", "claim", "settle", "next"];
    const store = Object.fromEntries(methods.map((called) => [called, method(called)])) as unknown as Store;
    return { store, other: store };
  }, 200);
});

test("jobs are submitted by the alarm, with no process at all, and never before their time", {
  timeout: 60_000,
}, async () => {
  const seen: { unique: string; text: string; slot: number; late: number }[] = [];
  await using _worker = startWorker(gearmand.address, {
    edge: ({ unique, workload }) => {
      const slot = Number(unique.split(":")[1]);
      seen.push({ unique, text: workload.text(), slot, late: Date.now() - slot });
    },
  });
  const far = Date.now() + 3_600_000;
  await ask("/at/edge", "one", far, "edge", "first");
  expect(await ask("/alarm/edge")).toBe(far);
  const at = Date.now() + 300;
  await ask("/at/edge", "one", at, "edge", "first");
  await ask("/delay/edge", "two", 300, "edge", "second", { priority: "high" });
  await ask("/every/edge", "beat", 400, "edge", "beat");
  await ask("/cron/edge", "nightly", "0 3 * * *", "edge", "", { timeZone: "Europe/Berlin" });
  expect(await ask("/list/edge")).toEqual(["beat", "nightly", "one", "two"]);
  await expect.poll(() => seen.filter(({ text }) => text === "beat").length, { timeout: 30_000 }).toBeGreaterThan(2);
  await expect
    .poll(() => seen.flatMap(({ text }) => (text === "beat" ? [] : [text])).sort(), { timeout: 30_000 })
    .toEqual(["first", "second"]);
  // One gone by is now.
  expect(seen.find(({ text }) => text === "first")?.slot).toBeGreaterThanOrEqual(at);
  expect(new Set(seen.map(({ unique }) => unique)).size).toBe(seen.length);
  for (const { late } of seen) expect(late).toBeGreaterThanOrEqual(0);
  expect(await ask("/cancel/edge", "beat")).toBe(true);
  expect(await ask("/cancel/edge", "beat")).toBe(false);
  await expect.poll(() => ask("/list/edge")).toEqual(["nightly"]);
  const moved = (await ask("/reschedule/edge", "nightly", { at: 5_000_000_000_000 })) as { next: string };
  expect(moved.next).toBe(new Date(5_000_000_000_000).toISOString());
  await expect.poll(() => ask("/alarm/edge")).toBe(5_000_000_000_000);
  expect(await ask("/get/edge", "nobody")).toBeNull();
});

test("a job server that is away, and an object that is restarted, lose no job", { timeout: 60_000 }, async () => {
  const seen = new Map<string, number>();
  const { port } = gearmand;
  await gearmand.stop();
  await ask("/at/away", "away", 0, "away", "x");
  await expect
    .poll(async () => Number(await ask("/alarm/away")) - Date.now(), { timeout: 10_000 })
    .toBeGreaterThan(400);
  await ask("/restart/away").catch(() => {});
  await ask("/delay/away", "later", 50, "away", "y");
  gearmand = await startGearmand({ port });
  await using _worker = startWorker(gearmand.address, {
    away: ({ workload }) => void seen.set(workload.text(), (seen.get(workload.text()) ?? 0) + 1),
  });
  await expect.poll(() => seen.size, { timeout: 40_000 }).toBe(2);
  await expect.poll(() => ask("/list/away")).toEqual([]);
});

test("thousands that are due at once, each once", { timeout: 60_000 }, async () => {
  const COUNT = 4_000;
  await ask("/fill/lots", COUNT, "lots", Date.now() + 3_000);
  const seen: string[] = [];
  await using _worker = startWorker(gearmand.address, { lots: ({ workload }) => void seen.push(workload.text()) });
  await expect.poll(() => seen.length, { timeout: 30_000 }).toBe(COUNT);
  expect(new Set(seen).size).toBe(COUNT);
  await expect.poll(() => ask("/list/lots")).toEqual([]);
});

test("jobs that break each connection they go over keep no others waiting", { timeout: 60_000 }, async () => {
  const seen: string[] = [];
  await using _worker = startWorker(gearmand.address, { touchy: ({ workload }) => void seen.push(workload.text()) });
  await ask("/delay/touchy", "bad 1", 500, "touchy", "poison");
  await ask("/delay/touchy", "bad 2", 500, "touchy", "poison");
  for (let index = 0; index < 20; index++) await ask("/delay/touchy", `good ${index}`, 600, "touchy", `${index}`);
  await expect.poll(() => new Set(seen).size, { timeout: 30_000 }).toBe(20);
  await ask("/delay/touchy", "later", 0, "touchy", "later");
  await expect.poll(() => seen.includes("later"), { timeout: 30_000 }).toBe(true);
  expect(await ask("/list/touchy")).toEqual(["bad 1", "bad 2"]);
  for (const name of ["bad 1", "bad 2"]) expect(await ask("/cancel/touchy", name)).toBe(true);
});

test("a job that a scheduler elsewhere gives back has the alarm set", async () => {
  await ask("/at/back", "far", 4_000_000_000_000, "back", "x");
  expect(await ask("/alarm/back")).toBe(4_000_000_000_000);
  await ask("/back/back", 3_000_000_000_000);
  expect(await ask("/alarm/back")).toBe(3_000_000_000_000);
});

test("jobs of more bytes than a page has are listed", { timeout: 60_000 }, async () => {
  const names = Array.from({ length: 9 }, (_, index) => `large ${index}`);
  for (const name of names) await ask("/large/lots", name, 4_000_000_000_000, "large", 1_990_000);
  expect(await ask("/list/lots")).toEqual(names);
});

test.each<[string, unknown[], RegExp]>([
  ["/at/wrong", ["n".repeat(47), 0, "f"], /46 bytes at most/],
  ["/cron/wrong", ["x", "* * *", "f"], /five parts/],
  ["/large/wrong", ["x", 0, "f", 2_000_000], /has 2000000 bytes, and a Durable Object keeps 1990000/],
])("%s %j is refused in words", async (path, args, words) => {
  await expect(ask(path, ...args)).rejects.toThrow(words);
});
