import { Admin, Client, type Job, Worker } from "edgear";
import { Scheduler, type When } from "edgear/scheduler";
import { SqliteStore } from "edgear/scheduler/sqlite";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { touchyLine } from "../support/slow-line.ts";
import { startWorker } from "../support/worker.ts";
import { watchMachine } from "./machine.ts";
import { Running } from "./running.ts";

let gearmand: Gearmand;
const MINUTE = 60_000;

beforeAll(async () => {
  gearmand = await startGearmand();
});

afterAll(() => gearmand?.stop());

const memory = () => new SqliteStore(":memory:");

/** Works off what is queued of a function. */
async function drain(name: string): Promise<Job[]> {
  const jobs: Job[] = [];
  const worker = new Worker(gearmand.address);
  worker.add(name, (job) => void jobs.push(job));
  await worker.drain({ deadline: 10_000 });
  return jobs;
}

describe("jobs are planned", () => {
  test("once, at a time and after a delay, and are there to be seen until they are submitted", async () => {
    const store = memory();
    // What is between the two times does not depend on how long planning takes.
    const now = Date.now();
    const planner = new Scheduler({ store, now: () => now });
    const at = new Date(now + 400);
    const job = await planner.at("one", at, "plan", { id: 1 }, { priority: "high" });
    expect(job).toMatchObject({ name: "one", function: "plan", priority: "high", next: at, repetition: undefined });
    expect(job.workload.json()).toEqual({ id: 1 });
    await planner.delay("two", 200, "plan", "text");
    expect(await planner.get("one")).toEqual(job);
    const names: string[] = [];
    for await (const { name } of planner.list()) names.push(name);
    expect(names).toEqual(["one", "two"]);
    await using running = new Running(gearmand.address, { store });
    await running.until(({ submit }) => submit.length === 2);
    expect(running.names).toEqual(["two", "one"]);
    const [, one] = running.told.submit;
    expect(one).toMatchObject({ function: "plan", unique: `one:${at.getTime()}`, slot: at, next: undefined });
    expect(one?.server).toBe(gearmand.address);
    await expect.poll(() => planner.get("one")).toBeUndefined();
    const jobs = await drain("plan");
    // The one of high priority first.
    expect(jobs.map(({ unique, workload }) => [unique, workload.text()])).toEqual([
      [one?.unique, '{"id":1}'],
      [running.told.submit[0]?.unique, "text"],
    ]);
    expect(jobs[0]?.handle).toBe(one?.handle);
  });

  test("every so often, by the same process and at once", async () => {
    await using running = new Running(gearmand.address, { store: memory(), interval: 10_000 });
    await running.until(({ waiting }) => waiting.length === 1);
    const { next } = await running.scheduler.every("beat", 100, "every", "x");
    await running.until(({ submit }) => submit.length >= 5);
    const slots = running.told.submit.map(({ slot }) => slot.getTime() - next.getTime());
    expect(slots[0]).toBe(0);
    for (const slot of slots) expect(slot % 100).toBe(0);
    expect(new Set(slots).size).toBe(slots.length);
    expect(await running.scheduler.cancel("beat")).toBe(true);
    expect(await running.scheduler.cancel("beat")).toBe(false);
    await drain("every");
  });

  test("at another time, when they are rescheduled", async () => {
    const scheduler = new Scheduler({ store: memory(), now: () => Date.UTC(2027, 0, 1) });
    await scheduler.delay("job", 5_000, "f", Uint8Array.of(0, 255), { priority: "low", missed: "skip" });
    const moved = await scheduler.reschedule("job", { cron: "30 12 * * *", timeZone: "Asia/Kolkata" });
    expect(moved).toMatchObject({ function: "f", priority: "low", missed: "skip" });
    expect(moved?.next.toISOString()).toBe("2027-01-01T07:00:00.000Z");
    expect(moved?.repetition).toEqual({ cron: "30 12 * * *", timeZone: "Asia/Kolkata" });
    expect([...((await scheduler.get("job"))?.workload.bytes ?? [])]).toEqual([0, 255]);
    const again = await scheduler.reschedule("job", { every: 1_000, from: Date.UTC(2026, 11, 31, 0, 0, 0, 250) });
    expect(again?.next.toISOString()).toBe("2027-01-01T00:00:00.250Z");
    expect((await scheduler.reschedule("job", { at: 5 }))?.next.getTime()).toBe(Date.UTC(2027, 0, 1));
    expect(await scheduler.reschedule("nobody", { at: 5 })).toBeUndefined();
  });

  test("again at each start of a program, without a change of their slots", async () => {
    const store = memory();
    let now = Date.UTC(2027, 0, 1, 2, 59);
    const scheduler = new Scheduler({ store, now: () => now });
    const first = await scheduler.cron("nightly", "0 3 * * *", "f");
    now += 5 * MINUTE;
    // It was down at three: the slot is not lost.
    expect((await scheduler.cron("nightly", "0 3 * * *", "g")).next).toEqual(first.next);
    expect((await scheduler.get("nightly"))?.function).toBe("g");
    expect((await scheduler.cron("nightly", "0 4 * * *", "g")).next.toISOString()).toBe("2027-01-01T04:00:00.000Z");
    const beat = await scheduler.every("beat", 1_000, "f");
    now += 300;
    expect((await scheduler.every("beat", 1_000, "f")).next).toEqual(beat.next);
  });

  test("in time zones, over the days when clocks change", async () => {
    let now = Date.parse("2026-03-28T12:00:00Z");
    const scheduler = new Scheduler({ store: memory(), now: () => now });
    const next = async (expression: string) => {
      const { next } = await scheduler.cron("berlin", expression, "f", undefined, { timeZone: "Europe/Berlin" });
      await scheduler.cancel("berlin");
      return next.toISOString();
    };
    // There is no half past two that night: it is three then.
    expect(await next("30 2 * * *")).toBe("2026-03-29T01:00:00.000Z");
    now = Date.parse("2026-10-25T00:00:00Z");
    // It is half past two twice: the first is it.
    expect(await next("30 2 * * *")).toBe("2026-10-25T00:30:00.000Z");
    now = Date.parse("2026-10-25T00:30:00Z");
    expect(await next("30 2 * * *")).toBe("2026-10-26T01:30:00.000Z");
    expect(await next("@daily")).toBe("2026-10-25T23:00:00.000Z");
    // Of several times a day, those of both hours are slots.
    expect(await next("0,30 2 * * *")).toBe("2026-10-25T01:00:00.000Z");
    expect(await next("*/20 * * * *")).toBe("2026-10-25T00:40:00.000Z");
    now = Date.parse("2026-03-29T00:59:00Z");
    expect(await next("0,30 2 * * *")).toBe("2026-03-30T00:00:00.000Z");
    now = Date.parse("2026-10-25T00:30:00Z");
    expect(await next("*/10 * * * * *")).toBe("2026-10-25T00:30:10.000Z");
  });
});

test("a job that replaces one of the same time, which was submitted and is gone by, is submitted, too", async () => {
  const store = memory();
  await using running = new Running(gearmand.address, { store });
  const time = Date.now();
  await running.scheduler.at("same", time, "same", "first");
  await running.until(({ submit }) => submit.length === 1);
  await running.scheduler.at("same", time, "same", "second");
  await running.until(({ submit }) => submit.length === 2);
  const texts = (await drain("same")).map(({ workload }) => workload.text());
  expect(texts.sort()).toEqual(["first", "second"]);
});

test("workloads arrive as they were given, whatever they are", async () => {
  await using running = new Running(gearmand.address, { store: memory() });
  const given = [
    undefined,
    "",
    "text ✓",
    { a: [1, null] },
    7,
    null,
    false,
    Uint8Array.from({ length: 256 }, (_, i) => i),
    "\ufeffbom",
  ];
  for (const [index, workload] of given.entries()) await running.scheduler.delay(`w${index}`, 0, "given", workload);
  await running.until(({ submit }) => submit.length === given.length);
  const jobs = new Map((await drain("given")).map((job) => [job.unique.split(":")[0], job.workload.bytes]));
  const direct = new Client(gearmand.address);
  for (const [index, workload] of given.entries()) await direct.background("direct", workload, { unique: `w${index}` });
  await direct.close();
  const expected = new Map((await drain("direct")).map((job) => [job.unique, job.workload.bytes]));
  expect(jobs).toEqual(expected);
});

test("a client's validators see the values", async () => {
  const client = new Client(gearmand.address, { jobs: { checked: { workload: z.object({ id: z.number() }) } } });
  await using running = new Running(gearmand.address, { store: memory(), client });
  await running.scheduler.delay("good", 0, "checked", { id: 1 });
  await running.scheduler.delay("bad", 0, "checked", { id: "x" });
  await running.until(({ submit, refuse }) => submit.length > 0 && refuse.length > 0);
  expect(running.names).toEqual(["good"]);
  expect(running.told.refuse[0]).toMatchObject({ name: "bad", delay: 60_000, error: expect.any(TypeError) });
  expect(await running.scheduler.get("bad")).toBeDefined();
  await drain("checked");
  client.destroy();
});

test("a job that its server refuses is kept and tried again, and holds nobody up", async () => {
  await using server = await startGearmand();
  await using admin = new Admin(server.address);
  await admin.maxQueue("full", 1);
  await using running = new Running(server.address, { store: memory() });
  await running.scheduler.at("a", 0, "full");
  await running.until(({ submit }) => submit.length === 1);
  await running.scheduler.at("b", 0, "full");
  await running.scheduler.at("c", 1, "free");
  await running.until(({ submit, refuse }) => submit.length === 2 && refuse.length > 0);
  expect(running.names).toEqual(["a", "c"]);
  expect(running.told.refuse[0]).toMatchObject({ name: "b", slot: expect.any(Date), delay: 2_000 });
  expect(running.told.error).toEqual([]);
  await using _worker = startWorker(server.address, { full: () => "", free: () => "" });
  await running.until(({ submit }) => submit.length === 3);
});

test("a job that breaks each connection it goes over is put off, and holds nobody up for long", async () => {
  const client = new Client(gearmand.address);
  const breaking = {
    background(name: string, ...args: [unknown?, object?]) {
      if (name === "breaks") return Promise.reject(new Error("the connection was lost"));
      return client.background(name, ...(args as []));
    },
  };
  await using running = new Running(gearmand.address, { store: memory(), client: breaking as never }, false);
  const { scheduler } = running;
  await scheduler.at("first", 0, "breaks");
  for (let index = 0; index < 20; index++) await scheduler.delay(`after ${index}`, index * 10, "fine");
  running.start();
  await running.until(({ submit, refuse }) => submit.length === 20 && refuse.length > 0);
  expect(running.told.refuse[0]).toMatchObject({ name: "first", delay: 2_000 });
  await using machine = watchMachine(() => client.ping());
  await scheduler.delay("later", 0, "fine");
  await running.until(({ submit }) => submit.length === 21);
  const last = running.told.submit.at(-1);
  expect(last?.name).toBe("later");
  // When the other one is tried again, after 2 s, on a healthy machine: where this one made everybody wait, for longer.
  expect(last?.late).toBeLessThan(3_500 + 10 * machine.held);
  expect(await scheduler.get("first")).toBeDefined();
  await machine[Symbol.asyncDispose]();
  await client.close();
  await drain("fine");
});

describe("runDue, with jobs first that break each connection they go over", () => {
  /** Two such, and thirty that others would never see. */
  async function planned(): Promise<SqliteStore> {
    const store = memory();
    const planner = new Scheduler({ store, now: () => Date.now() - MINUTE });
    for (const name of ["bad 1", "bad 2"]) await planner.delay(name, 0, "due", "poison");
    for (let index = 0; index < 30; index++) await planner.delay(`good ${index}`, 1 + index, "due", "fine");
    return store;
  }

  test.each(["a scheduler that is kept", "a new one each time"])("%s submits all others", async (which) => {
    const store = await planned();
    await using line = await touchyLine(gearmand.port, "poison");
    const client = new Client(line.address, { requestTimeout: 2_000, reconnect: { retries: 1 } });
    const same = new Scheduler({ store, client });
    const submitted: string[] = [];
    const refused: string[] = [];
    const kept = which === "a scheduler that is kept";
    const done = () => new Set(submitted).size === 30 && (!kept || refused.length > 0);
    for (let calls = 0; !done(); calls++) {
      expect(calls).toBeLessThan(30);
      const scheduler = kept ? same : new Scheduler({ store, client });
      scheduler.on("submit", ({ name }) => submitted.push(name));
      scheduler.on("refuse", ({ name }) => refused.push(name));
      expect(await scheduler.runDue()).toBeGreaterThan(0);
      // The bad ones are due again.
      await new Promise((resolve) => setTimeout(resolve, 300));
    }
    expect(submitted.every((name) => name.startsWith("good"))).toBe(true);
    expect(refused.every((name) => name.startsWith("bad"))).toBe(true);
    expect((await store.list("", 100)).map(({ name }) => name)).toEqual(["bad 1", "bad 2"]);
    client.destroy();
    await drain("due");
  });

  test("gives up soon when it is the job server that is away, and keeps all jobs", async () => {
    const store = await planned();
    const client = new Client("127.0.0.1:1", { reconnect: { retries: 0 } });
    const scheduler = new Scheduler({ store, client });
    const errors: unknown[] = [];
    scheduler.on("error", ({ from }) => errors.push(from));
    expect(await scheduler.runDue()).toBeGreaterThan(0);
    expect(errors).toHaveLength(6);
    expect(await store.list("", 100)).toHaveLength(32);
    client.destroy();
  });
});

test("runDue pulls wrong slots back, all of them, and looks for them once", async () => {
  let listed = 0;
  const store = new (class extends SqliteStore {
    override async list(...args: Parameters<SqliteStore["list"]>) {
      listed++;
      // Others have their turn meanwhile, as with any store that is elsewhere.
      await new Promise((resolve) => setTimeout(resolve, 2));
      return super.list(...args);
    }
  })(":memory:");
  const year = 365 * 24 * 60 * MINUTE;
  const ahead = new Scheduler({ store, now: () => Date.now() + year });
  for (let index = 0; index < 450; index++) await ahead.every(`often ${index}`, MINUTE, "pulled");
  const client = new Client(gearmand.address);
  const scheduler = new Scheduler({ store, client });
  expect(await scheduler.runDue()).toBeLessThanOrEqual(MINUTE);
  const jobs = await store.list("", 1_000);
  expect(Math.max(...jobs.map(({ due }) => due))).toBeLessThanOrEqual(Date.now() + MINUTE);
  listed = 0;
  await scheduler.runDue();
  expect(listed).toBe(0);
  await client.close();
});

test("jobs that a store hands out too late are given back, and not left to their lease", async () => {
  let late = true;
  const store = new (class extends SqliteStore {
    override async claim(...args: Parameters<SqliteStore["claim"]>) {
      const jobs = await super.claim(...args);
      if (late) await new Promise((resolve) => setTimeout(resolve, 400));
      late = false;
      return jobs;
    }
  })(":memory:");
  await new Scheduler({ store }).at("job", 0, "handed");
  await using running = new Running(gearmand.address, { store, storeTimeout: 100 });
  await running.until(({ submit }) => submit.length === 1);
  expect(running.told.error[0]).toMatchObject({ from: "store", error: { timeout: "storeTimeout" } });
  await drain("handed");
});

test("close ends runDue, too", async () => {
  const store = memory();
  const client = new Client(gearmand.address);
  const scheduler = new Scheduler({ store, client, batch: 1 });
  for (let index = 0; index < 200; index++) await scheduler.at(`j${index}`, index, "closes");
  const running = scheduler.runDue();
  await scheduler.close();
  expect(await running).toBe(0);
  expect(await store.next()).toBeGreaterThan(0);
  expect(await scheduler.runDue()).toBeUndefined();
  expect(await drain("closes")).toHaveLength(200);
  await client.close();
});

describe("missed slots", () => {
  const policies = { once: ["10:00"], all: ["10:00", "10:10", "10:20", "10:30"], skip: [] } as const;
  test.each(Object.keys(policies) as (keyof typeof policies)[])("%s", async (missed) => {
    const store = memory();
    let now = Date.UTC(2027, 0, 1, 9, 55);
    const clock = { store, now: () => now };
    const planner = new Scheduler(clock);
    await planner.every("ten", 10 * MINUTE, "missed", "x", { missed, from: Date.UTC(2027, 0, 1) });
    await planner.at("once", now + MINUTE, "missed", "x", { missed });
    now = Date.UTC(2027, 0, 1, 10, 35);
    await using running = new Running(gearmand.address, clock);
    const expected = policies[missed];
    await running.until(({ submit, skip }) => submit.length + skip.length >= Math.max(2, expected.length + 1));
    const slots = running.told.submit
      .filter(({ name }) => name === "ten")
      .map(({ slot }) => slot.toISOString().slice(11, 16));
    expect(slots).toEqual(expected);
    expect(running.told.skip.map(({ name }) => name).sort()).toEqual(missed === "skip" ? ["once", "ten"] : []);
    expect((await planner.get("ten"))?.next.toISOString()).toBe("2027-01-01T10:40:00.000Z");
    expect(await planner.get("once")).toBeUndefined();
    await drain("missed");
  });
});

describe("a clock that is set", () => {
  test("forward makes due what was not, and slots don't come twice when it goes back", async () => {
    let offset = 0;
    const now = () => Date.now() + offset;
    await using running = new Running(gearmand.address, { store: memory(), now, interval: 50 });
    await running.scheduler.delay("later", 10 * MINUTE, "clock");
    await running.scheduler.every("often", MINUTE, "clock");
    await running.until(({ waiting }) => waiting.length === 1);
    offset = 20 * MINUTE;
    await running.until(({ submit }) => submit.length === 2);
    expect(running.told.clock).toEqual([{ jump: expect.any(Number) }]);
    expect(running.told.clock[0]?.jump).toBeGreaterThan(19 * MINUTE);
    offset = 0;
    await running.until(({ clock }) => clock.length === 2);
    expect(running.told.clock[1]?.jump).toBeLessThan(-19 * MINUTE);
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(running.names.sort()).toEqual(["later", "often"]);
    // It waits until the clock is where it was.
    const next = (await running.scheduler.get("often"))?.next.getTime() ?? 0;
    expect(next - Date.now()).toBeGreaterThan(19 * MINUTE);
    await drain("clock");
  });

  test.each(["while it runs", "before it is started again"])(
    "far ahead by mistake, and back %s, leaves no job waiting for that time",
    async (when) => {
      let offset = 0;
      const now = () => Date.now() + offset;
      const store = memory();
      await new Scheduler({ store, now }).every("often", MINUTE, "clock");
      const year = 365 * 24 * 60 * MINUTE;
      const wrong = new Running(gearmand.address, { store, now, interval: 50 });
      offset = year;
      await wrong.until(({ submit }) => submit.length === 1);
      await expect
        .poll(async () => (await wrong.scheduler.get("often"))?.next.getTime())
        .toBeGreaterThan(Date.now() + year);
      if (when !== "while it runs") await wrong[Symbol.asyncDispose]();
      offset = 0;
      await using right = new Running(gearmand.address, { store, now, interval: 50 });
      await expect
        .poll(async () => (await right.scheduler.get("often"))?.next.getTime())
        .toBeLessThanOrEqual(Date.now() + MINUTE);
      await wrong[Symbol.asyncDispose]();
      await drain("clock");
    },
  );

  test("far back while a scheduler holds jobs does not keep others from them", async () => {
    const store = memory();
    await new Scheduler({ store }).at("held", 0, "clock");
    const ahead = Date.now() + 4 * 60 * MINUTE;
    const most = { jobs: 1, bytes: 1, latest: ahead + 60 * MINUTE };
    expect(await store.claim(ahead, ahead + 30_000, most)).toHaveLength(1);
    await using running = new Running(gearmand.address, { store });
    await running.until(({ submit }) => submit.length === 1);
    await drain("clock");
  });
});

describe("what is wrong is said at once", () => {
  const scheduler = new Scheduler({ store: memory() });
  const when = (value: unknown) => scheduler.reschedule("x", value as When);
  test.each<[string, () => unknown, RegExp]>([
    ["an empty name", () => scheduler.at("", 0, "f"), /scheduled job's name must not be empty/],
    ["a long name", () => scheduler.at("n".repeat(47), 0, "f"), /46 bytes at most/],
    ["a name with a NUL", () => scheduler.cancel("a\0b"), /must not have a NUL/],
    ["no function", () => scheduler.at("x", 0, undefined as never), /a function name must be a string/],
    ["an empty function", () => scheduler.at("x", 0, ""), /a function name must not be empty/],
    ["no time", () => scheduler.at("x", new Date("x"), "f"), /at must be a valid Date.* not an invalid Date/],
    ["a delay below 0", () => scheduler.delay("x", -1, "f"), /delay must be a number of milliseconds from 0, not -1/],
    ["every 0 ms", () => scheduler.every("x", 0, "f"), /every must be a whole number of milliseconds from 1, not 0/],
    ["no expression", () => scheduler.cron("x", "now and then, or so", "f"), /no cron expression/],
    ["four parts", () => scheduler.cron("x", "* * * *", "f"), /has five parts/],
    ["a date", () => scheduler.cron("x", "2030-01-01T00:00:00", "f"), /has five parts/],
    [
      "every so long that time ends first",
      () => scheduler.every("x", 8.64e15, "f"),
      /^every 8640000000000000 never comes to pass/,
    ],
    [
      "a day that never comes",
      () => scheduler.cron("x", "0 0 30 2 *", "f"),
      /^the cron expression "0 0 30 2 \*" never comes to pass/,
    ],
    [
      "no zone",
      () => scheduler.cron("x", "* * * * *", "f", "", { timeZone: "Mars/Base" }),
      /timeZone must be .*"Mars\/Base"/,
    ],
    ["a wrong option", () => scheduler.at("x", 0, "f", "", { unique: "u" } as never), /has no option "unique"/],
    [
      "a wrong priority",
      () => scheduler.at("x", 0, "f", "", { priority: "urgent" as never }),
      /priority must be one of/,
    ],
    ["a wrong policy", () => scheduler.at("x", 0, "f", "", { missed: "never" as never }), /missed must be one of/],
    ["a function for a workload", () => scheduler.at("x", 0, "f", () => 1), /can't be sent/],
    ["when: nothing", () => when(undefined), /when must be \{ at \}/],
    ["when: none of them", () => when({}), /one of at, delay, every and cron/],
    ["when: two of them", () => when({ at: 1, every: 2 }), /when has no option "every"/],
    ["no client", () => scheduler.run(), /can only plan/],
    ["a wrong option of run", () => scheduler.run({ sginal: 1 } as never), /run has no option/],
  ])("%s", async (_, call, words) => {
    const error = await Promise.resolve(call()).then(
      () => undefined,
      (error: unknown) => error,
    );
    expect(error).toBeInstanceOf(TypeError);
    expect((error as Error).message).toMatch(words);
  });

  test.each<[string, object | undefined, RegExp]>([
    ["no options", undefined, /options of Scheduler must be an object/],
    ["no store", {}, /undefined has no put\(\)/],
    ["half a store", { store: { put() {} } }, /has no get\(\)/],
    ["no client", { store: memory(), client: {} }, /has no background\(\)/],
    ["a short lease", { store: memory(), lease: 999 }, /lease must be .* from 1000/],
    ["a lease of days", { store: memory(), lease: 86_400_000 }, /lease must be .* to 3600000, not 86400000/],
    ["a batch of nothing", { store: memory(), batch: 0 }, /batch must be a whole number from 1/],
    ["an unknown one", { store: memory(), intervall: 5 }, /no option "intervall"/],
  ])("%s", (_, options, words) => {
    expect(() => new Scheduler(options as never)).toThrow(words);
  });
});

test("runs once at a time, ends by its signal, and can run again", async () => {
  const store = memory();
  const client = new Client(gearmand.address);
  const scheduler = new Scheduler({ store, client });
  for (let turn = 0; turn < 2; turn++) {
    const controller = new AbortController();
    const running = scheduler.run({ signal: controller.signal });
    await expect(scheduler.run()).rejects.toThrow("this scheduler runs already");
    controller.abort();
    await running;
  }
  await scheduler.run({ signal: AbortSignal.abort() });
  await scheduler.at("due", 0, "ended");
  expect(await scheduler.runDue()).toBeUndefined();
  await scheduler.delay("soon", MINUTE, "ended");
  expect(await scheduler.runDue()).toBeGreaterThan(MINUTE / 2);
  expect((await drain("ended")).map(({ unique }) => unique)).toEqual([expect.stringMatching(/^due:\d{13}$/)]);
  await client.close();
});
