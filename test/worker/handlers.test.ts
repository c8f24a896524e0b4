import assert from "node:assert/strict";
import { Client, JobExceptionError, JobFailed, JobFailedError, type TaskEvent } from "edgear";
import { describe, inject, test } from "vitest";
import { rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { nextEvent, startWorker } from "../support/worker.ts";

function thrown(error: unknown): never {
  throw error;
}

describe.each(inject("servers"))("handlers, over $name", ({ address }) => {
  /** Runs one job with a handler. */
  async function run(handler: Parameters<typeof startWorker>[1][string], workload?: string | Uint8Array) {
    const name = fresh("handler");
    await using _started = startWorker(address, { [name]: handler });
    await using client = new Client(address);
    return await client.run(name, workload, { timeout: 10_000 });
  }

  test.each([
    ["a string", () => "häßlich", "häßlich"],
    ["bytes", () => new Uint8Array([104, 105]), "hi"],
    ["an ArrayBuffer", () => new Uint8Array([104, 105]).buffer, "hi"],
    ["a view", () => new DataView(new Uint8Array([0, 104, 105, 0]).buffer, 1, 2), "hi"],
    ["an object", () => ({ a: [1, null] }), '{"a":[1,null]}'],
    ["a number", () => 7, "7"],
    ["null", () => null, "null"],
    ["nothing", () => {}, ""],
    ["a promise", async () => "later", "later"],
    // biome-ignore lint/suspicious/noThenProperty: that is the point
    ["something like a promise", () => ({ then: (resolve: (text: string) => void) => resolve("later") }), "later"],
  ])("may return %s", async (_what, handler, text) => {
    assert.equal((await run(handler)).text(), text);
  });

  test("get bytes as they were sent, and send them as they are", async () => {
    const bytes = Uint8Array.from({ length: 100_000 }, (_, index) => index & 0xff);
    assert.deepEqual((await run((job) => job.workload.bytes, bytes)).bytes, bytes);
  });

  test.each([
    ["an error", () => Promise.reject(new Error("out of paper")), "out of paper"],
    ["an error at once", () => thrown(new Error("out of paper")), "out of paper"],
    ["a string", () => Promise.reject("just words"), "just words"],
    ["undefined", () => Promise.reject(undefined), "the handler threw undefined"],
    ["an object", () => Promise.reject({ code: 7 }), "the handler threw an object"],
    ["an error without a message", () => Promise.reject(new RangeError()), "RangeError"],
    ["a lone surrogate", () => Promise.reject(new Error("a\ud800b")), "a\ufffdb"],
  ])("may throw %s: the client gets its message as an exception", async (_what, handler, message) => {
    const error = await rejection(run(handler), JobExceptionError);
    assert.equal(error.message, message);
  });

  test("that throw synchronously, or return what can't be sent, end in an exception, and the worker goes on", async () => {
    const name = fresh("faulty");
    const faults: (() => unknown)[] = [
      () => {
        throw new Error("at once");
      },
      () => Symbol("nothing that JSON knows"),
      () => {
        const circle: Record<string, unknown> = {};
        circle.circle = circle;
        return circle;
      },
      () => 10n,
    ];
    let turn = 0;
    await using _started = startWorker(address, { [name]: () => (faults[turn++] ?? (() => "well"))() });
    await using client = new Client(address);
    for (const _fault of faults) await rejection(client.run(name, "", { timeout: 10_000 }), JobExceptionError);
    assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "well");
  });

  test("fail a job without a reason by throwing JobFailed", async () => {
    await rejection(
      run(() => {
        throw new JobFailed("kept to ourselves");
      }),
      JobFailedError,
    );
  });

  test("tell on the way: status, data, warnings, in order", async () => {
    const name = fresh("telling");
    await using _started = startWorker(address, {
      [name]: async (job) => {
        job.status(1, 4);
        job.data("first");
        await new Promise((resolve) => setTimeout(resolve, 5));
        job.warn("mind the gap");
        job.data(new Uint8Array(70_000).fill(65));
        job.status(4, 4);
        return "done";
      },
    });
    await using client = new Client(address);
    const task = client.submit(name, "", { timeout: 10_000 });
    const events: unknown[] = [];
    for await (const event of task) events.push(short(event));
    assert.deepEqual(events, [
      ["status", 0.25],
      ["data", "first", 5],
      ["warning", "mind the gap", 12],
      ["data", "AAAAAAAAAAAAAAA", 70_000],
      ["status", 1],
    ]);
    assert.equal((await task.result).text(), "done");
  });

  test("stream what an async iterable yields, and its return value is the result", async () => {
    const name = fresh("stream");
    await using _started = startWorker(address, {
      [name]: async function* () {
        yield "a";
        yield { b: 1 };
        return "end";
      },
    });
    await using client = new Client(address);
    const task = client.submit(name, "", { timeout: 10_000 });
    const parts: string[] = [];
    for await (const event of task) if (event.type === "data") parts.push(event.payload.text());
    assert.deepEqual(parts, ["a", '{"b":1}']);
    assert.equal((await task.result).text(), "end");
  });

  test("that throw while they stream end in an exception", async () => {
    const error = await rejection(
      run(async function* () {
        yield "a";
        throw new Error("dry");
      }),
      JobExceptionError,
    );
    assert.equal(error.message, "dry");
  });

  test("know their job: handle, function, unique, server, attempt, workload", async () => {
    const name = fresh("knowing");
    await using _started = startWorker(address, {
      [name]: ({ handle, function: itself, unique, server, attempt, reducer, workload }) => ({
        ...{ handle, itself, unique, server, attempt },
        reducer: reducer ?? "none",
        workload: workload.text(),
      }),
    });
    await using client = new Client(address);
    const task = client.submit(name, "ä", { unique: name, timeout: 10_000 });
    const { handle } = await task.handle;
    const expected = {
      handle,
      itself: name,
      unique: name,
      server: address,
      attempt: 1,
      reducer: "none",
      workload: "ä",
    };
    assert.deepEqual((await task.result).json(), expected);
    const reduced = await client.run(name, "ä", { reducer: "sum", timeout: 10_000 });
    assert.equal(reduced.json<{ reducer: string }>().reducer, "sum");
  });

  test("are refused a status that can't be sent", async () => {
    for (const wrong of [-1, 0.5, 2 ** 32, Number.NaN]) {
      const error = await rejection(
        run((job) => job.status(wrong, 1)),
        JobExceptionError,
      );
      assert.match(error.message, /whole numbers from 0 to 4294967295/);
    }
  });

  test("can take over from each other while the worker runs", async () => {
    const name = fresh("replaced");
    await using started = startWorker(address, { [name]: () => "old" });
    await using client = new Client(address);
    assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "old");
    started.worker.add(name, () => "new");
    assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "new");
  });

  test("may do anything with the worker and with clients, from within", async () => {
    const name = fresh("nested");
    const inner = fresh("inner");
    await using started = startWorker(
      address,
      {
        [name]: async (job) => {
          await using client = new Client(address);
          started.worker.add(inner, ({ workload }) => `<${workload.text()}>`);
          return await client.run(inner, job.workload.bytes, { timeout: 10_000 });
        },
      },
      { concurrency: 2 },
    );
    await using client = new Client(address);
    assert.equal((await client.run(name, "x", { timeout: 10_000 })).text(), "<x>");
  });

  test("that listen to events may throw: nothing is harmed", async () => {
    const name = fresh("listened");
    await using started = startWorker(address, { [name]: () => "unharmed" });
    for (const event of ["start", "complete", "sleep", "noJob"] as const) {
      started.worker.on(event, () => {
        throw new Error("a listener's fault");
      });
    }
    await using client = new Client(address);
    const completed = nextEvent(started.worker, "complete");
    assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "unharmed");
    assert.equal((await completed).job.function, name);
  });
});

function short(event: TaskEvent): unknown {
  if (event.type === "status") return ["status", event.progress];
  return [event.type, event.payload.text().slice(0, 15), event.payload.bytes.length];
}
