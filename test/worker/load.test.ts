import assert from "node:assert/strict";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { Client } from "edgear";
import { describe, inject, test } from "vitest";
import { eventually } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { startWorker } from "../support/worker.ts";

describe.each(inject("servers"))("load, over $name", ({ address }) => {
  test("10,000 jobs at concurrency 64 are each done exactly once", { timeout: 60_000 }, async () => {
    const name = fresh("once");
    const jobs = 10_000;
    const done = new Map<string, number>();
    await using client = new Client(address);
    await using _started = startWorker(
      address,
      {
        [name]: async ({ workload }) => {
          const id = workload.text();
          if (Number(id) % 7 === 0) await new Promise(setImmediate);
          done.set(id, (done.get(id) ?? 0) + 1);
        },
      },
      { concurrency: 64 },
    );
    for (let first = 0; first < jobs; first += 500) {
      await Promise.all(Array.from({ length: 500 }, (_, index) => client.background(name, String(first + index))));
    }
    await eventually("all jobs are done", async () => done.size === jobs);
    assert.deepEqual(new Set(done.values()), new Set([1]));
  });

  test("memory stays flat over 200,000 jobs", { timeout: 120_000 }, async () => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const name = fresh("flat");
    await using client = new Client(address);
    await using _started = startWorker(address, { [name]: ({ workload }) => workload.bytes }, { concurrency: 64 });
    const run = async (jobs: number) => {
      for (let first = 0; first < jobs; first += 500) {
        await Promise.all(Array.from({ length: 500 }, () => client.run(name, "0123456789abcdef", { timeout: 60_000 })));
      }
      collect();
      return process.memoryUsage().heapUsed;
    };
    const warm = await run(50_000);
    const end = await run(150_000);
    const grown = (end - warm) / 150_000;
    assert.ok(grown < 10, `the heap grew by ${grown.toFixed(1)} bytes a job`);
  });
});
