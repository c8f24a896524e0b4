import assert from "node:assert/strict";
import { Client, ConnectionLostError, Worker } from "edgear";
import { test } from "vitest";
import { eventually, pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { startGearmand } from "../support/gearmand.ts";
import { freePort } from "../support/ports.ts";
import { nextEvent, startWorker } from "../support/worker.ts";

const reconnect = { minDelay: 20, maxDelay: 100 };

test("a worker starts with the servers that are up, and takes the others in when they come", async () => {
  const name = fresh("partly");
  await using up = await startGearmand();
  const port = await freePort();
  const errors: string[] = [];
  const worker = new Worker([up.address, `127.0.0.1:${port}`], { reconnect });
  worker.on("error", ({ server }) => void errors.push(server));
  worker.add(name, ({ server }) => server);
  const running = worker.run();
  await using client = new Client(up.address);
  assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), up.address);
  await eventually("an error tells of the other", async () => errors.includes(`127.0.0.1:${port}`));
  const connected = nextEvent(worker, "connect", ({ server }) => server === `127.0.0.1:${port}`);
  await using late = await startGearmand({ port });
  await connected;
  await using another = new Client(late.address);
  assert.equal((await another.run(name, "", { timeout: 10_000 })).text(), late.address);
  await worker.close();
  await running;
});

test("after its server was restarted, a worker is registered again under its id, and works on", async () => {
  const name = fresh("restarted");
  const first = await startGearmand();
  await using started = startWorker(first.address, { [name]: () => "well" }, { reconnect, id: "phoenix" });
  await nextEvent(started.worker, "sleep");
  const reconnected = nextEvent(started.worker, "register");
  process.kill(first.pid, "SIGKILL");
  await first.stop();
  await using second = await startGearmand({ port: first.port });
  assert.deepEqual((await reconnected).functions, [name]);
  await using client = new Client(second.address);
  assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "well");
});

test("a job's signal aborts when its server is lost, and its result is discarded with an event", async () => {
  const name = fresh("orphan");
  const server = await startGearmand();
  let reason: unknown;
  await using started = startWorker(
    server.address,
    {
      [name]: (job) =>
        new Promise((resolve) =>
          job.signal.addEventListener("abort", () => {
            reason = job.signal.reason;
            resolve("too late");
          }),
        ),
    },
    { reconnect },
  );
  await using client = new Client(server.address);
  await client.background(name);
  await nextEvent(started.worker, "start");
  const discarded = nextEvent(started.worker, "discard");
  await server.stop();
  assert.equal((await discarded).job?.function, name);
  assert.ok(reason instanceof ConnectionLostError);
  assert.match(reason.message, /The job H:.+ was acknowledged/);
  assert.equal(started.worker.running, 0);
});

test("two servers with work are served in turn: none starves", async () => {
  const name = fresh("fair");
  await using one = await startGearmand();
  await using two = await startGearmand();
  for (const { address } of [one, two]) {
    await using client = new Client(address);
    for (let job = 0; job < 50; job++) await client.background(name);
  }
  const order: string[] = [];
  const worker = new Worker([one.address, two.address], { concurrency: 2 });
  worker.add(name, async ({ server }) => {
    order.push(server);
    await pause(1);
  });
  assert.equal(await worker.drain(), 100);
  const early = order.slice(0, 60).filter((server) => server === one.address).length;
  assert.ok(early >= 20 && early <= 40, `${early} of the first 60 jobs came from the first server`);
});

test("a delayed job is worked off though gearmand 1.x wakes nobody for it", async () => {
  const name = fresh("delayed");
  await using server = await startGearmand();
  const done: number[] = [];
  await using started = startWorker(
    server.address,
    { [name]: () => void done.push(Date.now()) },
    { pollInterval: 100 },
  );
  await nextEvent(started.worker, "sleep");
  await using client = new Client(server.address);
  const due = Date.now() + 1_000;
  await client.background(name, "", { at: due });
  await eventually("the job is done", async () => done.length === 1);
  assert.ok((done[0] ?? 0) >= due - 1, `${due - (done[0] ?? 0)} ms early`);
});

test("a server that wakes again and again for a job it doesn't give out is asked ever less often", async () => {
  // gearmand 1.1: a normal job whose time is to come hides the low ones, which keep waking the worker.
  const name = fresh("hidden");
  await using server = await startGearmand();
  await using client = new Client(server.address);
  await client.background(name, "", { delay: 60_000 });
  await client.background(name, "", { priority: "low" });
  let asked = 0;
  const worker = new Worker(server.address);
  worker.on("noJob", () => void asked++);
  worker.add(name, () => {});
  const running = worker.run();
  await pause(1_000);
  await worker.close();
  await running;
  assert.ok(asked >= 1 && asked < 30, `asked ${asked} times in a second`);
});
