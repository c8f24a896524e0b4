import assert from "node:assert/strict";
import { type } from "arktype";
import {
  BulkError,
  Client,
  type ClientOptions,
  ClosedError,
  type Job,
  JobExceptionError,
  TimeoutError,
  type Validator,
  Worker,
  type WorkerOptions,
} from "edgear";
import * as v from "valibot";
import { describe, inject, test } from "vitest";
import { z } from "zod";
import { collect, pause, rejection } from "../conformance/case.ts";
import { AWAY, fresh } from "../conformance/names.ts";
import { startWorker } from "../support/worker.ts";

interface Image {
  readonly library: string;
  readonly workload: Validator<{ id: number; name?: string | undefined }, { id: number; name: string }>;
  readonly result: Validator<{ width: number }, string>;
}

/** The same, as each of them says it: a default, and something else that comes out than what goes in. */
const IMAGES: Image[] = [
  {
    library: "zod",
    workload: z.object({ id: z.number().int(), name: z.string().default("nobody") }),
    result: z.object({ width: z.number() }).transform(({ width }) => `${width} px`),
  },
  {
    library: "valibot",
    workload: v.object({ id: v.pipe(v.number(), v.integer()), name: v.optional(v.string(), "nobody") }),
    result: v.pipe(
      v.object({ width: v.number() }),
      v.transform(({ width }) => `${width} px`),
    ),
  },
  {
    library: "arktype",
    workload: type({ id: "number.integer", name: "string = 'nobody'" }),
    result: type({ width: "number" }).pipe(({ width }) => `${width} px`),
  },
];

const TIMEOUT = { timeout: 10_000 };

describe.each(inject("servers"))("validators, over $name", ({ address }) => {
  describe.each(IMAGES)("of $library", ({ workload, result }) => {
    const name = fresh("image");
    const jobs = { [name]: { workload, result } };
    const invalid = { id: "three" } as unknown as { id: number };

    test("check both ends: what goes is what was given, what is read is what they made of it", async () => {
      const seen: unknown[] = [];
      await using worker = new Worker(address, { jobs });
      worker.add(name, (job) => {
        seen.push(job.workload.text(), job.workload.json());
        return { width: job.workload.json().name.length };
      });
      const running = worker.run();
      await using client = new Client(address, { jobs });
      const ran = await client.run(name, { id: 3 }, TIMEOUT);
      assert.deepEqual(seen.splice(0), ['{"id":3}', { id: 3, name: "nobody" }]);
      assert.equal(ran.text(), '{"width":6}');
      assert.equal(ran.json(), "6 px");
      const task = client.submit(name, { id: 4, name: "Ada" }, TIMEOUT);
      assert.deepEqual(await collect(task), []);
      assert.equal((await task.result).json(), "3 px");
      assert.deepEqual(seen, ['{"id":4,"name":"Ada"}', { id: 4, name: "Ada" }]);
      await worker.close();
      await running;
    });

    test("refuse a workload before anything is sent", async () => {
      await using client = new Client(address, { jobs });
      const unique = fresh("u");
      const task = client.submit(name, invalid, { unique });
      for (const promise of [
        client.run(name, invalid, { unique }),
        task.result,
        task.handle,
        collect(task),
        client.background(name, invalid, { unique }),
      ]) {
        const error = await rejection(promise, TypeError);
        assert.match(error.message, /^the workload of "image-.+" is not valid: id: /);
      }
      assert.equal((await client.statusOf(unique)).known, false);
    });

    test("refuse an item of a bulk by its index; those before it are submitted", async () => {
      await using client = new Client(address, { jobs });
      const prefix = fresh("u").slice(0, 40);
      const handles: string[] = [];
      const submitting = (async () => {
        const items = [{ id: 0 }, { id: 1, name: "Ada" }, invalid, { id: 3 }];
        const unique = (_: unknown, index: number) => `${prefix}-${index}`;
        for await (const { handle } of client.backgroundAll(name, items, { unique })) handles.push(handle);
      })();
      const error = await rejection(submitting, BulkError);
      assert.equal(error.index, 2);
      assert.match(error.message, /^item 2 .*the workload of "image-.+" is not valid: id: /);
      assert.ok(error.cause instanceof TypeError);
      assert.deepEqual(
        error.later.map(({ status }) => status),
        ["fulfilled"],
      );
      const known = [0, 1, 2, 3].map(async (index) => (await client.statusOf(`${prefix}-${index}`)).known);
      assert.deepEqual(await Promise.all(known), [true, true, false, true]);
      assert.equal(handles.length, 2);
      await using worker = new Worker(address, { jobs });
      const names: string[] = [];
      worker.add(name, (job) => {
        names.push(job.workload.json().name);
        return { width: 1 };
      });
      await worker.run({ maxJobs: 3 });
      assert.deepEqual(names, ["nobody", "Ada", "nobody"]);
    });

    test.each([
      ["of another shape", { width: "wide" }, /^the result of "image-.+" is not valid: width: /],
      ["no JSON", "{", /^the result of "image-.+" is not valid: it is no JSON$/],
      ["empty", undefined, /^the result of "image-.+" is not valid: /],
    ])("refuse a result that is %s", async (_what, returned, words) => {
      await using _worker = startWorker(address, { [name]: () => returned });
      await using client = new Client(address, { jobs });
      assert.match((await rejection(client.run(name, { id: 1 }, TIMEOUT), TypeError)).message, words);
      const task = client.submit(name, { id: 1 }, TIMEOUT);
      assert.match((await rejection(collect(task), TypeError)).message, words);
      assert.match((await rejection(task.result, TypeError)).message, words);
      // The job was there all the same.
      assert.match((await task.handle).handle, /:\d+$/);
    });
  });

  test("send a string as JSON, in quotes, and so everything else", async () => {
    const name = fresh("echo");
    const jobs = { [name]: { workload: z.unknown(), result: z.unknown() } };
    const seen: string[] = [];
    await using worker = new Worker(address, { jobs });
    worker.add(name, (job) => {
      seen.push(job.workload.text());
      return job.workload.json();
    });
    const running = worker.run();
    await using client = new Client(address, { jobs });
    const values = ["hello", "", '"', "\u{1f600}\ud83d", "7", 7, true, null, [1, "2"], { a: { b: "c" } }];
    for (const value of values) {
      const result = await client.run(name, value, TIMEOUT);
      assert.deepEqual(result.json(), value);
      assert.equal(result.text(), JSON.stringify(value));
      assert.equal(seen.pop(), JSON.stringify(value));
    }
    await worker.close();
    await running;
  });

  test("take the empty for undefined, both ways", async () => {
    const name = fresh("empty");
    const jobs = { [name]: { workload: z.string().default("nothing"), result: z.undefined() } };
    const seen: unknown[] = [];
    await using worker = new Worker(address, { jobs });
    worker.add(name, (job) => {
      seen.push(job.workload.bytes.length, job.workload.json());
    });
    const running = worker.run();
    await using client = new Client(address, { jobs });
    const result = await client.run(name, undefined, TIMEOUT);
    assert.equal(result.bytes.length, 0);
    assert.equal(result.json(), undefined);
    assert.deepEqual(seen, [0, "nothing"]);
    await worker.close();
    await running;
  });

  test("may take their time", async () => {
    const name = fresh("slow");
    const slow = <Schema extends z.ZodType>(schema: Schema) =>
      schema.refine(async (value) => {
        await pause(20);
        return value !== 13;
      }, "no luck");
    const jobs = { [name]: { workload: slow(z.number()), result: slow(z.number()) } };
    await using worker = new Worker(address, { jobs });
    worker.add(name, (job) => job.workload.json() + 1);
    const running = worker.run();
    await using client = new Client(address, { jobs });
    assert.equal((await client.run(name, 7, TIMEOUT)).json(), 8);
    const unique = fresh("u");
    assert.match((await rejection(client.background(name, 13, { unique }), TypeError)).message, /not valid: no luck$/);
    assert.equal((await client.statusOf(unique)).known, false);
    const error = await rejection(client.run(name, 12, TIMEOUT), JobExceptionError);
    assert.match(error.message, /^the result of "slow-.+" is not valid: no luck$/);
    await worker.close();
    await running;
    await using _plain = startWorker(address, { [name]: () => 13 });
    const refused = await rejection(client.run(name, 7, TIMEOUT), TypeError);
    assert.match(refused.message, /^the result of "slow-.+" is not valid: no luck$/);
  });

  test("can't have bytes, which are no JSON", async () => {
    const name = fresh("bytes");
    const jobs = { [name]: { workload: z.any(), result: z.any() } };
    await using worker = new Worker(address, { jobs });
    worker.add(name, (job: Job) => (job.workload.json() === "bytes" ? job.workload.bytes : job.workload));
    const running = worker.run();
    await using client = new Client(address, { jobs });
    const words = (what: string) => new RegExp(`^the ${what} of "bytes-.+" has a validator, .* can't carry bytes$`);
    for (const bytes of [new Uint8Array(3), new ArrayBuffer(3), new DataView(new ArrayBuffer(3)), Buffer.from("{}")])
      assert.match((await rejection(client.run(name, bytes), TypeError)).message, words("workload"));
    for (const value of ["bytes", "payload"])
      assert.match((await rejection(client.run(name, value, TIMEOUT), JobExceptionError)).message, words("result"));
    await worker.close();
    await running;
  });

  test("leave the other functions alone, whatever these are called", async () => {
    await using client = new Client<object>(address, { jobs: { [fresh("f")]: { workload: z.number() } } });
    const unique = fresh("u");
    await (client as unknown as Client).background("toString", new Uint8Array(3), { unique });
    assert.equal((await client.statusOf(unique)).known, true);
  });

  test("let nothing out that was changed while it was checked", async () => {
    const name = fresh("changed");
    const jobs = { [name]: { workload: z.object({ id: z.number() }) } };
    await using worker = new Worker(address, { jobs });
    worker.add(name, (job) => job.workload.json().id);
    const running = worker.run();
    await using client = new Client(address, { jobs });
    const workload = { id: 1 };
    const result = client.run(name, workload, TIMEOUT);
    workload.id = "two" as unknown as number;
    assert.equal((await result).json(), 1);
    await worker.close();
    await running;
  });

  test("are waited for by a client that is closed", async () => {
    const name = fresh("closing");
    const jobs = { [name]: { workload: slowly(z.number()) } };
    const client = new Client(address, { jobs });
    const handle = client.background(name, 7);
    const task = client.submit(name, 8, { timeout: 300 });
    const closing = client.close();
    await rejection(client.background(name, 9), ClosedError);
    await rejection(client.run(name, 9), ClosedError);
    await using other = new Client(address);
    assert.equal((await other.status(await handle)).known, true);
    assert.equal((await other.status(await task.handle)).known, true);
    await rejection(task.result, TimeoutError);
    await closing;
  });
});

/** A validator that takes a moment. */
function slowly<Input, Output>(validator: Validator<Input, Output>): Validator<Input, Output> {
  const { validate } = validator["~standard"];
  return { "~standard": { version: 1, vendor: "test", validate: (value) => pause(50).then(() => validate(value)) } };
}

/** A validator that never comes to an end. */
const STUCK: Validator = {
  "~standard": { version: 1, vendor: "test", validate: () => new Promise(() => {}) },
};

test("destroy() and time limits don't wait for the validator of a result, either", async () => {
  const name = fresh("stuck");
  const address = inject("servers")[0]?.address ?? "";
  await using _worker = startWorker(address, { [name]: () => 7 });
  const client = new Client(address, { jobs: { [name]: { result: STUCK } } });
  await rejection(client.run(name, 7, { timeout: 100 }), TimeoutError);
  const result = client.run(name, 7);
  await pause(100);
  const closing = client.close({ timeout: 100 });
  await rejection(result, ClosedError);
  await closing;
});

test("neither a signal, nor a time limit, nor destroy() waits for a validator", async () => {
  const client = new Client(AWAY, { jobs: { stuck: { workload: STUCK } } });
  const controller = new AbortController();
  const { signal } = controller;
  const aborted = [client.background("stuck", 7, { signal }), client.run("stuck", 7, { signal })];
  const late = client.run("stuck", 7, { timeout: 20 });
  const destroyed = [client.background("stuck", 7), client.run("stuck", 7)];
  await rejection(late, TimeoutError);
  const reason = new RangeError("enough");
  controller.abort(reason);
  for (const promise of aborted) assert.equal(await rejection(promise, RangeError), reason);
  const closing = client.close();
  client.destroy();
  for (const promise of destroyed) await rejection(promise, ClosedError);
  await closing;
});

test("options are checked before a validator is asked", async () => {
  let asked = 0;
  const workload = {
    "~standard": { version: 1, vendor: "test", validate: (value: unknown) => ({ value, at: asked++ }) },
  };
  const client = new Client(AWAY, { jobs: { f: { workload: workload as Validator } } });
  const wrong = { priority: "urgent" } as unknown as { priority: "high" };
  await rejection(client.background("f", 7, wrong), TypeError);
  await rejection(client.run("f", 7, wrong), TypeError);
  assert.throws(() => client.submit("f", 7, wrong), TypeError);
  await rejection(client.run("f", 7, { signal: AbortSignal.abort(new RangeError()) }), RangeError);
  assert.equal(asked, 0);
});

test("what a validator throws is what the call rejects with", async () => {
  const broken = {
    "~standard": {
      version: 1 as const,
      vendor: "test",
      validate: () => {
        throw new RangeError("broken");
      },
    },
  };
  const client = new Client(AWAY, { jobs: { f: { workload: broken } } });
  await rejection(client.background("f", 7), RangeError);
  await rejection(client.run("f", 7), RangeError);
});

const SCHEMA = z.object({ id: z.number() });

test.each<[string, unknown, RegExp]>([
  ["null", null, /^jobs must be an object of validators by function, not null$/],
  ["a word", "zod", /^jobs must be an object of validators by function, not "zod"$/],
  ["a list", [], /^jobs must be an object of validators by function, not an array$/],
  ["one validator", SCHEMA, /^jobs must be an object of validators by function, not a validator$/],
  [
    "a function without parts",
    { f: undefined },
    /^jobs\["f"\] must be an object with a validator for .*, not undefined$/,
  ],
  ["a function's validator", { f: SCHEMA }, /^jobs\["f"\] must be an object with .*, not a validator$/],
  ["a function's validator that is a function", { f: type("string") }, /^jobs\["f"\] must be .*, not a validator$/],
  ["a misspelt part", { f: { wrokload: SCHEMA } }, /^jobs\["f"\] has no option "wrokload"; it knows workload, result$/],
  [
    "no validator",
    { f: { workload: { id: 7 } } },
    /^the workload of jobs\["f"\] must be a validator .*, not an object$/,
  ],
  ["null for one", { f: { result: null } }, /^the result of jobs\["f"\] must be a validator .*, not null$/],
  ["a class for one", { f: { result: String } }, /^the result of jobs\["f"\] must be a validator .*, not a function$/],
  ["a name that can't be one", { "": { workload: SCHEMA } }, /^a function name must not be empty$/],
])("jobs that can't be such are refused at once: %s", (_what, jobs, message) => {
  assert.throws(() => new Client(AWAY, { jobs } as ClientOptions), { name: "TypeError", message });
  assert.throws(() => new Worker(AWAY, { jobs } as WorkerOptions), { name: "TypeError", message });
});

test("a part may be undefined, as one that is left out", () => {
  new Client(AWAY, { jobs: { f: { workload: undefined, result: SCHEMA }, g: {} } });
  new Worker(AWAY, { jobs: undefined });
});
