import assert from "node:assert/strict";
import { Client, ClosedError, ConnectionError, JobFailedError, TimeoutError, Worker } from "edgear";
import { describe, inject, test } from "vitest";
import { eventually, pause, rejection } from "../conformance/case.ts";
import { AWAY, fresh } from "../conformance/names.ts";
import { nextEvent, startWorker } from "../support/worker.ts";

describe.each(inject("servers"))("a worker's life, over $name", ({ address }) => {
  test("as many jobs run at once as `concurrency` says, and no more", async () => {
    const name = fresh("concurrent");
    let now = 0;
    let most = 0;
    await using _started = startWorker(
      address,
      {
        [name]: async () => {
          most = Math.max(most, ++now);
          await pause(20);
          now--;
        },
      },
      { concurrency: 5 },
    );
    await using client = new Client(address);
    await Promise.all(Array.from({ length: 30 }, () => client.run(name, "", { timeout: 10_000 })));
    assert.equal(most, 5);
  });

  test("slots are released on every path: return, throw, fail, time out", async () => {
    const name = fresh("paths");
    await using worker = new Worker(address, { concurrency: 2 });
    worker.add(
      name,
      ({ workload }) => {
        if (workload.text() === "throw") throw new Error("thrown");
        return workload.text() === "hang" ? new Promise(() => {}) : "ok";
      },
      { timeout: 50 },
    );
    const running = worker.run();
    await using client = new Client(address);
    for (const path of ["throw", "hang", "throw", "hang", "hang", "hang", "throw"]) {
      await rejection(client.run(name, path, { timeout: 10_000 }), Error);
    }
    assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "ok");
    assert.equal(worker.running, 0);
    await worker.close();
    await running;
  });

  test("a time limit aborts the signal and fails the job", async () => {
    const name = fresh("late");
    let reason: unknown;
    await using worker = new Worker(address);
    worker.add(
      name,
      ({ signal }) =>
        new Promise((_, reject) =>
          signal.addEventListener("abort", () => {
            reason = signal.reason;
            reject(reason);
          }),
        ),
      { timeout: 60 },
    );
    const running = worker.run();
    const failed = nextEvent(worker, "fail");
    await using client = new Client(address);
    await rejection(client.run(name, "", { timeout: 10_000 }), JobFailedError);
    assert.ok(reason instanceof TimeoutError);
    assert.match((await failed).error.message, /took too long \(timeout: 60 ms\)/);
    await worker.close();
    await running;
  });

  test("with `serverTimeout`, the server takes a job back that takes too long, and gives it to another worker", async () => {
    await using client = new Client(address);
    // gearmand sets the timer from another thread than the one that waits for it, and now and then it is never seen.
    for (let tries = 5; ; tries--) {
      const name = fresh("taken");
      let release = () => {};
      const forever = new Promise<void>((resolve) => {
        release = resolve;
      });
      const slow = new Worker(address, { pollInterval: 500 });
      slow.add(name, () => forever, { serverTimeout: 1_000 });
      const running = slow.run();
      const started = nextEvent(slow, "start");
      const result = client.run(name, "", { timeout: 3_000 }).catch((error: unknown) => error);
      await started;
      await using _other = startWorker(address, { [name]: () => "by the other" });
      const outcome = await result;
      // What comes late is not an error: the worker is told that nobody wants it, and goes on.
      const taken = !(outcome instanceof TimeoutError);
      const discarded = taken ? nextEvent(slow, "discard") : undefined;
      release();
      if (taken) {
        assert.equal(String(outcome), "by the other");
        assert.equal((await discarded)?.server, address);
      }
      await slow.close();
      await running;
      if (taken) return;
      assert.ok(tries > 1, "the server never took it back");
    }
  });

  test("run ends after `maxJobs`, and leaves the rest to others", async () => {
    const name = fresh("some");
    await using client = new Client(address);
    for (let job = 0; job < 8; job++) await client.background(name, "");
    let done = 0;
    const worker = new Worker(address, { concurrency: 3 });
    worker.add(name, () => void done++);
    await worker.run({ maxJobs: 5 });
    assert.equal(done, 5);
    const rest = new Worker(address, { concurrency: 3 });
    rest.add(name, () => void done++);
    assert.equal(await rest.drain(), 3);
    assert.equal(done, 8);
  });

  test("run ends when idle for long enough, or by its signal", async () => {
    const name = fresh("idle");
    let done = 0;
    const idle = new Worker(address);
    idle.add(name, () => void done++);
    await using client = new Client(address);
    await client.background(name);
    await idle.run({ idleTimeout: 100 });
    assert.equal(done, 1);
    const stopped = new Worker(address);
    stopped.add(name, () => {});
    await stopped.run({ signal: AbortSignal.timeout(50) });
    const never = new Worker(address);
    never.add(name, () => {});
    await never.run({ signal: AbortSignal.abort() });
  });

  test("closing lets running jobs finish, sends their results, and grabs no others", async () => {
    const name = fresh("closing");
    const { worker, running } = startWorker(address, { [name]: () => pause(150).then(() => "finished") });
    await using client = new Client(address);
    const first = client.run(name, "", { timeout: 10_000 });
    await nextEvent(worker, "start");
    const second = await client.background(name, "later");
    assert.deepEqual(await worker.close(), { aborted: 0 });
    await running;
    assert.equal((await first).text(), "finished");
    assert.equal((await client.status(second)).state, "queued");
    const rest = new Worker(address);
    rest.add(name, () => {});
    assert.equal(await rest.drain(), 1);
  });

  test("closing with a time limit aborts the rest, and another worker gets it", async () => {
    const name = fresh("aborted");
    let reason: unknown;
    const { worker, running } = startWorker(address, {
      [name]: (job) =>
        new Promise(() =>
          job.signal.addEventListener("abort", () => {
            reason = job.signal.reason;
          }),
        ),
    });
    await using client = new Client(address);
    const started = nextEvent(worker, "start");
    const job = await client.background(name);
    await started;
    assert.deepEqual(await worker.close({ timeout: 50 }), { aborted: 1 });
    await running;
    assert.ok(reason instanceof ClosedError);
    await eventually("the server gives the job back", async () => (await client.status(job)).state === "queued");
    const other = new Worker(address);
    other.add(name, () => {});
    assert.equal(await other.drain(), 1);
    assert.equal((await client.status(job)).state, "unknown");
  });

  test("a handler may close its worker without time, in the midst of others: all jobs are done, by another", async () => {
    const name = fresh("enough");
    const jobs = Array.from({ length: 10 }, (_, job) => String(job));
    await using client = new Client(address);
    await Promise.all(jobs.map((job) => client.background(name, job)));
    const worker = new Worker(address, { concurrency: 10 });
    const begun: string[] = [];
    const sent: string[] = [];
    let closed: Promise<unknown> | undefined;
    worker.on("complete", ({ job }) => void sent.push(job.workload.text()));
    worker.add(name, ({ workload }) => {
      begun.push(workload.text());
      if (begun.length === 3) closed = worker.close({ timeout: 0 });
    });
    await worker.run();
    await closed;
    assert.ok(begun.length >= 3);
    const done: string[] = [];
    await using _other = startWorker(address, { [name]: ({ workload }) => void done.push(workload.text()) });
    const all = () => new Set([...sent, ...done]);
    await eventually("all are done", async () => all().size === jobs.length);
  });

  test("no handler is called any more once a worker has closed without time", async () => {
    const name = fresh("never");
    await using client = new Client(address);
    await Promise.all(Array.from({ length: 50 }, (_, job) => client.background(name, String(job))));
    const worker = new Worker(address, { concurrency: 50 });
    let begun = 0;
    worker.add(name, () => {
      begun++;
      // Longer than a turn: most jobs wait for theirs when the time is over.
      for (const end = performance.now() + 5; performance.now() < end; );
      if (begun === 3) void worker.close({ timeout: 0 });
    });
    await worker.run();
    const before = begun;
    await pause(100);
    assert.equal(begun, before);
    const other = new Worker(address, { concurrency: 50 });
    other.add(name, () => {});
    await other.drain();
  });

  test("drain works off what waits, sub-jobs included, and leaves", async () => {
    const name = fresh("drained");
    await using client = new Client(address);
    for (let job = 0; job < 20; job++) await client.background(name, "parent");
    const worker = new Worker(address, { concurrency: 4 });
    worker.add(name, async ({ workload }) => {
      if (workload.text() === "parent") await client.background(name, "child");
    });
    assert.equal(await worker.drain(), 40);
    const empty = new Worker(address);
    empty.add(name, () => {});
    assert.equal(await empty.drain(), 0);
  });

  test("drain stops grabbing at its deadline", async () => {
    const name = fresh("deadline");
    await using client = new Client(address);
    for (let job = 0; job < 50; job++) await client.background(name);
    const worker = new Worker(address);
    worker.add(name, () => pause(20));
    const done = await worker.drain({ deadline: new Date(Date.now() + 200) });
    assert.ok(done > 0 && done < 50, `${done} jobs`);
    const rest = new Worker(address, { concurrency: 10 });
    rest.add(name, () => {});
    assert.equal(await rest.drain(), 50 - done);
  });

  test("drain says when no server can be reached, and does with those that can", async () => {
    const name = fresh("away");
    const alone = new Worker(AWAY);
    alone.add(name, () => {});
    await rejection(alone.drain(), ConnectionError);
    await using client = new Client(address);
    await client.background(name);
    const worker = new Worker([AWAY, address]);
    worker.add(name, () => {});
    assert.equal(await worker.drain(), 1);
  });

  test("a paused worker grabs nothing until it is resumed", async () => {
    const name = fresh("paused");
    let done = 0;
    await using started = startWorker(address, { [name]: () => void done++ });
    await nextEvent(started.worker, "sleep");
    started.worker.pause();
    await using client = new Client(address);
    const job = await client.background(name);
    await pause(150);
    assert.equal(done, 0);
    assert.equal((await client.status(job)).state, "queued");
    started.worker.resume();
    await eventually("the job is done", async () => done === 1);
  });

  test("closing a second time, when all is over, leaves no timer that holds up the program", async () => {
    await using started = startWorker(address, { [fresh("closed")]: () => {} });
    await started.worker.close();
    const timers = () => process.getActiveResourcesInfo().filter((name) => name === "Timeout").length;
    const before = timers();
    await started.worker.close({ timeout: 60_000 });
    assert.equal(timers(), before);
  });

  test("a function that is removed twice while its job runs is gone for both who asked", async () => {
    const name = fresh("twice");
    let finish = () => {};
    await using started = startWorker(address, {
      [name]: () =>
        new Promise<void>((resolve) => {
          finish = resolve;
        }),
      [fresh("other")]: () => {},
    });
    await using client = new Client(address);
    const begun = nextEvent(started.worker, "start");
    const result = client.run(name);
    await begun;
    const removed = Promise.all([started.worker.remove(name), started.worker.remove(name)]);
    finish();
    await Promise.all([removed, result]);
  });

  test("a function that is removed is finished first: its running job isn't given to others", async () => {
    const name = fresh("removed");
    let runs = 0;
    await using started = startWorker(
      address,
      {
        [name]: async () => {
          runs++;
          await pause(150);
          return "kept";
        },
        [`${name}-2`]: () => "other",
      },
      { concurrency: 2 },
    );
    await using client = new Client(address);
    const result = client.run(name, "", { timeout: 10_000 });
    await nextEvent(started.worker, "start");
    await started.worker.remove(name);
    assert.equal((await result).text(), "kept");
    assert.equal(runs, 1);
    const job = await client.background(name);
    assert.equal((await client.run(`${name}-2`, "", { timeout: 10_000 })).text(), "other");
    assert.equal((await client.status(job)).state, "queued");
    started.worker.add(name, () => "again");
    await eventually("it is worked off again", async () => !(await client.status(job)).known);
  });

  test("events come in the order of life", async () => {
    const name = fresh("events");
    const order: string[] = [];
    const lines: string[] = [];
    const log = (...words: unknown[]) => void lines.push(words.join(" "));
    const worker = new Worker(address, { logger: { debug: log, info: log, warn: log, error: log } });
    for (const event of [
      "connecting",
      "connect",
      "register",
      "noJob",
      "sleep",
      "start",
      "complete",
      "exception",
      "disconnect",
      "close",
    ] as const) {
      worker.on(event, () => order.push(event));
    }
    worker.add(name, ({ workload }) => {
      if (workload.text() === "throw") throw new Error("out of paper");
    });
    const running = worker.run();
    await nextEvent(worker, "sleep");
    await using client = new Client(address);
    await client.run(name, "", { timeout: 10_000 });
    await rejection(client.run(name, "throw", { timeout: 10_000 }), Error);
    await worker.close();
    await running;
    const once = order.filter((event, index) => order.indexOf(event) === index);
    assert.deepEqual(once, [
      "connecting",
      "connect",
      "register",
      "noJob",
      "sleep",
      "start",
      "complete",
      "exception",
      "disconnect",
      "close",
    ]);
    assert.ok(
      lines.some((line) => /threw after .* ms: out of paper/.test(line)),
      lines.join("\n"),
    );
  });

  test("a drain that is refused doesn't drain", async () => {
    const name = fresh("refused");
    await using started = startWorker(address, { [name]: () => "still here" });
    await nextEvent(started.worker, "sleep");
    await rejection(started.worker.drain(), TypeError);
    await using client = new Client(address);
    assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "still here");
    assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "still here");
  });

  test("deadlines that are no limit, gone by, or none", async () => {
    const name = fresh("deadlines");
    await using client = new Client(address);
    const drain = async (deadline: number | Date) => {
      await client.background(name);
      const worker = new Worker(address);
      worker.add(name, () => {});
      return worker.drain({ deadline });
    };
    assert.equal(await drain(Number.POSITIVE_INFINITY), 1);
    assert.equal(await drain(new Date(Date.now() + 40 * 86_400_000)), 1);
    assert.equal(await drain(-5), 0);
    assert.equal(await drain(new Date(0)), 0);
    await rejection(drain("10 minutes" as never), TypeError);
    assert.equal(await drain(5_000), 4);
  });

  test("a second close may shorten the time that the first one gave", async () => {
    const name = fresh("twice");
    const { worker, running } = startWorker(address, { [name]: () => new Promise(() => {}) });
    const started = nextEvent(worker, "start");
    await using client = new Client(address);
    await client.background(name);
    await started;
    const closed = worker.close();
    await pause(30);
    assert.deepEqual(await worker.close({ timeout: 30 }), { aborted: 1 });
    assert.deepEqual(await closed, { aborted: 1 });
    await running;
    const rest = new Worker(address);
    rest.add(name, () => {});
    await rest.drain();
  });

  test("whatever is thrown, and whoever listens, the worker goes on", async () => {
    const name = fresh("odd");
    const odd = [
      Object.assign(new Error(), { message: { not: "text" } }),
      Object.defineProperty(new Error(), "message", {
        get() {
          throw new Error("not even that");
        },
      }),
      null,
    ];
    let turn = 0;
    await using started = startWorker(address, {
      [name]: () => {
        if (turn < odd.length) throw odd[turn++];
        return "well";
      },
    });
    started.worker.on("exception", async () => {
      throw new Error("an async listener's fault");
    });
    await using client = new Client(address);
    for (const _each of odd) await rejection(client.run(name, "", { timeout: 10_000 }), Error);
    assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "well");
  });

  test("mistakes are refused in words", async () => {
    const worker = new Worker(address);
    await rejection(worker.run(), TypeError);
    assert.throws(() => worker.add("", () => {}), /must not be empty/);
    assert.throws(() => worker.add("a\0b", () => {}), /must not have a NUL/);
    assert.throws(() => worker.add("f", "handler" as never), /must be a function, not "handler"/);
    assert.throws(() => worker.add("f", () => {}, { timeout: -1 }), /timeout must be a number of milliseconds/);
    assert.throws(
      () => worker.add("f", () => {}, { retry: { attempts: 1 } }),
      /retry.attempts must be a whole number from 2/,
    );
    assert.throws(() => new Worker(address, { concurrency: 0 }), /concurrency must be a whole number from 1, not 0/);
    assert.throws(() => new Worker(address, { id: "two words" }), /white space/);
    assert.throws(() => new Worker(address, { concurency: 2 } as never), /has no option "concurency"/);
    worker.add("f", () => {});
    const running = worker.run();
    await rejection(worker.run(), TypeError);
    await worker.close();
    await running;
    await rejection(worker.run(), ClosedError);
  });
});
