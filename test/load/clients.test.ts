import assert from "node:assert/strict";
import { Admin, Client } from "edgear";
import { describe, test } from "vitest";
import { eventually } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { lastingPort } from "../support/ports.ts";
import { startWorker } from "../support/worker.ts";
import { SERVERS } from "./servers.ts";

watchCodecs();

const CLIENTS = 1_000;

/** Each client's own job, waited for and in the background, and the state of the latter. */
async function useAll(clients: readonly Client[], name: string): Promise<void> {
  await Promise.all(
    clients.map(async (client, number) => {
      const [result, job] = await Promise.all([
        client.run(name, `job ${number}`, { timeout: 30_000 }),
        client.background(`${name}-waits`, `job ${number}`),
      ]);
      assert.equal(result.text(), `JOB ${number}`);
      assert.equal((await client.status(job)).state, "queued");
    }),
  );
}

describe.each(Object.entries(SERVERS))("over %s", (_name, start) => {
  test("1,000 clients have a connection each, and get their own results", { timeout: 60_000 }, async () => {
    const before = open();
    {
      await using server = await start();
      const name = fresh("clients");
      await using _worker = startWorker(
        server.address,
        { [name]: (job) => job.workload.text().toUpperCase() },
        { concurrency: 32 },
      );
      await using admin = new Admin(server.address);
      const clients = Array.from({ length: CLIENTS }, () => new Client(server.address, { connectTimeout: 30_000 }));
      await useAll(clients, name);
      const connections = (await admin.workers()).length;
      assert.ok(connections >= CLIENTS, `${connections} connections`);
      const waiting = (await admin.status()).find((each) => each.function === `${name}-waits`);
      assert.equal(waiting?.queued, CLIENTS);
      await Promise.all(clients.map((client) => client.close()));
      await eventually("they are gone", async () => (await admin.workers()).length <= connections - CLIENTS);
    }
    await nothingMore(before);
  });

  test("1,000 clients all come back when their server does", { timeout: 60_000 }, async () => {
    const before = open();
    const port = await lastingPort();
    const name = fresh("return");
    const clients = Array.from({ length: CLIENTS }, () => new Client(`127.0.0.1:${port}`, { connectTimeout: 30_000 }));
    for (let life = 0; life < 2; life++) {
      await using server = await start(port);
      await using _worker = startWorker(
        server.address,
        { [name]: (job) => job.workload.text().toUpperCase() },
        { concurrency: 32 },
      );
      await useAll(clients, name);
    }
    await Promise.all(clients.map((client) => client.close()));
    await nothingMore(before);
  });
});
