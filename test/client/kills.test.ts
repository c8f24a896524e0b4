import assert from "node:assert/strict";
import { Client, ClosedError, ConnectionError, ConnectionLostError, GearmanError, Worker } from "edgear";
import { expect, test } from "vitest";
import { eventually, pause } from "../conformance/case.ts";
import { startGearmand } from "../support/gearmand.ts";

const KILLS = 20;

/** A number from 0 to a limit that the seed decides, so that a run can be made again. */
function randoms(seed: number): (limit: number) => number {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return (state / 2 ** 32) * limit;
  };
}

test("gearmand killed at twenty random moments under load: every promise settles, and the client works on", {
  timeout: 120_000,
}, async () => {
  const seed = Date.now() >>> 0;
  const random = randoms(seed);
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown) => void unhandled.push(error);
  process.on("unhandledRejection", onUnhandled);
  let server = await startGearmand();
  const { port, address } = server;
  const client = new Client(address, { reconnect: { minDelay: 20, maxDelay: 200, retries: 50 } });
  const impatient = new Client(address, { reconnect: false });
  const worker = new Worker(address, { concurrency: 16, reconnect: { minDelay: 20, maxDelay: 200 } });
  worker.add("work", async function* (job) {
    yield "part";
    return job.workload.bytes;
  });
  const working = worker.run();
  let submitted = 0;
  let fulfilled = 0;
  const failures: unknown[] = [];
  const count = (promise: Promise<unknown>) => {
    submitted++;
    void promise.then(
      () => fulfilled++,
      (error: unknown) => failures.push(error),
    );
  };
  let loading = true;
  const load = async () => {
    for (let round = 0; loading; round++) {
      for (const each of [client, impatient]) {
        for (let job = 0; job < 20; job++) count(each.background("work", `${round}.${job}`));
        count(each.background("work", "x", { unique: `bg-${round}` }));
        count(each.run("work", "x"));
        count(each.run("work", "x", { unique: `fg-${round}` }));
        const task = each.submit("work", "y".repeat(10_000));
        count(task.result);
        count(task.handle);
        count(
          (async () => {
            for await (const _event of task);
          })(),
        );
        count(each.status("H:nobody:1"));
        count(each.statusOf(`bg-${round}`));
        count(each.ping());
      }
      await pause(random(8));
    }
  };
  const loaded = load();
  for (let kill = 0; kill < KILLS; kill++) {
    await pause(20 + random(150));
    process.kill(server.pid, "SIGKILL");
    await server.stop();
    await pause(random(100));
    server = await startGearmand({ port });
  }
  loading = false;
  await loaded;
  await eventually(`all promises are settled (seed ${seed})`, async () => fulfilled + failures.length === submitted);
  // And the clients work on.
  for (const each of [client, impatient]) assert.equal((await each.run("work", "again")).text(), "again");
  await Promise.all([client.close({ timeout: 5_000 }), impatient.close({ timeout: 5_000 })]);
  await worker.close();
  await working;
  process.off("unhandledRejection", onUnhandled);
  await server.stop();
  assert.deepEqual(unhandled, []);
  for (const error of failures) {
    const known = error instanceof ConnectionLostError || error instanceof ConnectionError;
    assert.ok(known && error instanceof GearmanError && !(error instanceof ClosedError), `${error} (seed ${seed})`);
  }
  expect(submitted).toBe(fulfilled + failures.length);
  // There was something to lose, and something came through.
  expect(failures.length).toBeGreaterThan(0);
  expect(fulfilled).toBeGreaterThan(failures.length / 10);
});
