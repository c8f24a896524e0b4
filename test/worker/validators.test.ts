import assert from "node:assert/strict";
import { Client, JobExceptionError, JobFailedError, Worker } from "edgear";
import { describe, inject, test } from "vitest";
import { z } from "zod";
import { pause, rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";

describe.each(inject("servers"))("validators, over $name", ({ address }) => {
  const name = fresh("checked");
  const jobs = {
    [name]: {
      workload: z.object({ id: z.number().int(), name: z.string().default("nobody") }),
      result: z.object({ width: z.number() }),
    },
  };

  test("hand the handler what they made of the workload", async () => {
    await using worker = new Worker(address, { jobs });
    worker.add(name, (job) => ({ width: job.workload.json().name.length + job.workload.json().id }));
    const running = worker.run();
    await using client = new Client(address);
    assert.deepEqual((await client.run(name, { id: 3 }, { timeout: 10_000 })).json(), { width: 9 });
    await worker.close();
    await running;
  });

  test.each([
    ["of another shape", { id: "three" }, /the workload of "checked-.+" is not valid: id: /],
    ["no JSON", "{", /the workload of "checked-.+" is not valid: it is no JSON/],
    ["empty", undefined, /the workload of "checked-.+" is not valid: /],
  ])(
    "answer a workload that is %s with an exception in words, and don't call the handler",
    async (_what, workload, words) => {
      let called = 0;
      await using worker = new Worker(address, { jobs });
      worker.add(name, () => ({ width: called++ }));
      const running = worker.run();
      await using client = new Client(address);
      const error = await rejection(client.run(name, workload, { timeout: 10_000 }), JobExceptionError);
      assert.match(error.message, words);
      assert.equal(called, 0);
      await worker.close();
      await running;
    },
  );

  test("don't call the handler of a job whose time was over before they had an end", async () => {
    let pass = () => {};
    let called = 0;
    const validate = () => new Promise<{ value: object }>((resolve) => (pass = () => resolve({ value: {} })));
    const workload = { "~standard": { version: 1 as const, vendor: "slow", validate } };
    await using worker = new Worker(address, { jobs: { [name]: { workload } } });
    worker.add(name, () => void called++, { timeout: 50 });
    const running = worker.run();
    await using client = new Client(address);
    await rejection(client.run(name, {}, { timeout: 10_000 }), JobFailedError);
    pass();
    await pause(50);
    assert.equal(called, 0);
    await worker.close();
    await running;
  });

  test("let no result of another shape out", async () => {
    await using worker = new Worker(address, { jobs });
    worker.add(name, () => ({ width: "wide" }) as never);
    const running = worker.run();
    await using client = new Client(address);
    const error = await rejection(client.run(name, { id: 1 }, { timeout: 10_000 }), JobExceptionError);
    assert.match(error.message, /the result of "checked-.+" is not valid: width: /);
    await worker.close();
    await running;
  });
});
