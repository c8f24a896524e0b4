import { setTimeout as delay } from "node:timers/promises";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { PacketType } from "../../build/assembly/protocol.js";
import { Payload } from "../../build/src/payload.js";
import { Job } from "../../build/src/worker/job.js";
import { Runner } from "../../build/src/worker/runner.js";
import type { Session } from "../../build/src/worker/session.js";

/* Turns, by a clock that goes on when a handler says so: the machine may take the processor away at any time. */

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
});
afterEach(() => {
  vi.useRealTimers();
});

/** What a runner did with the jobs that it was given at once. */
interface Given {
  readonly runner: Runner;
  /** Handles of the jobs whose handlers were called, in order; and those whose results were sent. */
  readonly begun: string[];
  readonly sent: string[];
  /** How many results had been sent, each time when the worker was told that there is a slot. */
  readonly told: number[];
  readonly discarded: string[];
  /** Gives it another job. */
  take(number: number): Job;
}

/** Gives a runner so many jobs, as one read from a server does. Each takes so many milliseconds of the clock. */
function given(jobs: number, milliseconds: number, concurrency = jobs, each = (_given: Given) => {}): Given {
  const record = { begun: [], sent: [], told: [], discarded: [] } as Omit<Given, "runner" | "take">;
  const port = {
    server: "127.0.0.1:4730",
    waiting: 0,
    work(job: Job, type: PacketType) {
      expect(type).toBe(PacketType.WORK_COMPLETE);
      record.sent.push(job.handle);
    },
    confirm: async () => {},
  };
  const handler = (job: Job) => {
    record.begun.push(job.handle);
    vi.advanceTimersByTime(milliseconds);
    each(all);
    return "";
  };
  const runner = new Runner({
    concurrency,
    around: undefined,
    registration: () => ({ handler, options: {}, validators: {}, words: "a result" }),
    emit(name, event) {
      if (name === "discard" && "job" in event) record.discarded.push((event.job as Job).handle);
    },
    changed: () => record.told.push(record.sent.length),
  });
  const take = (number: number) => {
    const about = { function: "f", unique: "", reducer: "", attempt: 1, workload: new Payload(new Uint8Array()) };
    const job = new Job(port, number, { handle: `H:x:${number}`, ...about });
    runner.take(job, {} as Session);
    return job;
  };
  const all: Given = { runner, ...record, take };
  for (let number = 0; number < jobs; number++) take(number);
  return all;
}

const handles = (count: number) => Array.from({ length: count }, (_, number) => `H:x:${number}`);

test("jobs that came together run one after the other, and the worker is told once, behind their results", async () => {
  const { runner, begun, sent, told } = given(50, 0);
  expect(begun).toEqual([]);
  await delay(0);
  expect(begun).toEqual(handles(50));
  expect(sent).toEqual(begun);
  expect(told).toEqual([50]);
  expect(runner.size).toBe(0);
});

test("what a turn leaves is run in the next ones, in order, and each tells the worker once", async () => {
  const { begun, told } = given(9, 1);
  // No timer: what follows comes with microtasks.
  await null;
  await null;
  await null;
  await null;
  await null;
  await null;
  expect(begun).toEqual(handles(9));
  expect(told).toEqual([2, 4, 6, 8, 9]);
});

test("jobs that wait for a slot run in later turns, in order", async () => {
  const { runner, begun, told } = given(7, 0, 2);
  await delay(0);
  expect(begun).toEqual(handles(7));
  expect(told).toEqual([2, 4, 6, 7]);
  expect(runner.size).toBe(0);
});

test("a handler that throws away the whole runner in mid-turn: nothing more is begun or sent, and nothing is left", async () => {
  let aborted: number | undefined;
  const { runner, begun, sent, discarded } = given(10, 1, 5, (all) => {
    if (all.begun.length === 3) aborted = all.runner.abort(new Error("enough"));
  });
  await delay(20);
  expect(aborted).toBe(8);
  expect(begun).toEqual(handles(3));
  expect(sent).toEqual(handles(2));
  expect(discarded).toEqual(["H:x:2"]);
  expect(runner.size).toBe(0);
});

test("a job that comes after all were thrown away is not begun", async () => {
  const { runner, begun, take } = given(0, 0, 2);
  runner.abort(new Error("enough"));
  const job = take(0);
  await delay(0);
  expect(begun).toEqual([]);
  expect(job.lost).toBe(true);
  expect(job.signal.reason).toEqual(new Error("enough"));
  expect(runner.size).toBe(0);
});

test("a job that was lost before its turn came is not begun", async () => {
  const { runner, begun, sent, take } = given(0, 0, 2);
  const [first, second] = [take(0), take(1)];
  first.abandon();
  await delay(0);
  expect(begun).toEqual([second.handle]);
  expect(sent).toEqual([second.handle]);
  expect(runner.size).toBe(0);
});

test("turns leave the event loop its own now and then", async () => {
  let seen: number[] = [];
  const { begun } = given(100, 2);
  while (begun.length < 100) {
    await delay(0);
    seen.push(begun.length);
  }
  seen = seen.filter((count, index) => count !== seen[index - 1]);
  const most = Math.max(...seen.map((count, index) => count - (seen[index - 1] ?? 0)));
  expect(most).toBeLessThanOrEqual(6);
  expect(begun).toEqual(handles(100));
});
