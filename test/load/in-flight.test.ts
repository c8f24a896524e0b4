import assert from "node:assert/strict";
import { Admin, Client } from "edgear";
import { describe, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { startWorker } from "../support/worker.ts";
import { SERVERS } from "./servers.ts";

watchCodecs();

const JOBS = 100_000;

describe.each(Object.entries(SERVERS))("over %s", (_name, start) => {
  test("100,000 jobs are followed at once on one connection, each to its own result", {
    timeout: 120_000,
  }, async () => {
    const before = open();
    {
      await using server = await start();
      const name = fresh("followed");
      await using client = new Client(server.address, { connectTimeout: 60_000, requestTimeout: 60_000 });
      await using admin = new Admin(server.address, { connectTimeout: 60_000, requestTimeout: 60_000 });
      const tasks = Array.from({ length: JOBS }, (_, number) => client.submit(name, String(number)));
      const handles = await Promise.all(tasks.map(({ handle }) => handle));
      assert.equal(new Set(handles.map(({ handle }) => handle)).size, JOBS);
      assert.equal((await admin.status()).find((each) => each.function === name)?.queued, JOBS);
      // This connection, and the admin's.
      assert.equal((await admin.workers()).length, 2);
      await using _worker = startWorker(
        server.address,
        { [name]: (job) => `done ${job.workload.text()}` },
        { concurrency: 64, connectTimeout: 60_000 },
      );
      const results = await Promise.all(tasks.map(({ result }) => result));
      for (const [number, result] of results.entries()) assert.equal(result.text(), `done ${number}`);
    }
    await nothingMore(before);
  });

  test("100,000 requests that are all unanswered at once", { timeout: 120_000 }, async () => {
    await using server = await start();
    const name = fresh("unanswered");
    await using client = new Client(server.address, {
      maxInFlight: JOBS,
      connectTimeout: 60_000,
      requestTimeout: 60_000,
    });
    await using admin = new Admin(server.address, { connectTimeout: 60_000, requestTimeout: 60_000 });
    const jobs = await Promise.all(Array.from({ length: JOBS }, (_, number) => client.background(name, `${number}`)));
    assert.equal(new Set(jobs.map(({ handle }) => handle)).size, JOBS);
    assert.equal((await admin.status()).find((each) => each.function === name)?.queued, JOBS);
  });
});
