import assert from "node:assert/strict";
import { Admin, Client, ConnectionLostError, TimeoutError, Worker } from "edgear";
import { describe, test } from "vitest";
import { packet, read, write } from "../codec/packets.ts";
import { eventually, pause, rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { OwnClock } from "../support/faults/clock.ts";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { FaultProxy } from "../support/faults/proxy.ts";
import { startFaultyServer } from "../support/faults.ts";
import { startWorker } from "../support/worker.ts";
import { CLIENT_OPTIONS, PATIENT, TIMES, WORKER_OPTIONS } from "./actors.ts";
import { type OwnServer, SERVERS } from "./servers.ts";

/* What the library does about each kind of fault, where the table of cases.test.ts alone would not show it. */

watchCodecs();

describe.each(Object.entries(SERVERS))("with %s", (_name, start) => {
  /** Has a test with a server and a line to it, and sees that nothing stays open. */
  async function site(run: (proxy: FaultProxy, server: OwnServer) => Promise<void>): Promise<void> {
    const before = open();
    {
      await using server = await start();
      await using proxy = await FaultProxy.to(server.port);
      await run(proxy, server);
    }
    await nothingMore(before);
  }

  test("merge: the many answers of one read each find their call", () =>
    site(async (proxy, server) => {
      const name = fresh("up");
      await using _worker = startWorker(server.address, { [name]: (job) => job.workload.text() }, { concurrency: 16 });
      await using client = new Client(proxy.address, PATIENT);
      await client.ping();
      proxy.inject({ up: [{ kind: "merge", milliseconds: 100 }], down: [{ kind: "merge", milliseconds: 100 }] });
      const texts = Array.from({ length: 200 }, (_, job) => `${job} ${"x".repeat(job)}`);
      const results = await Promise.all(texts.map((text) => client.run(name, text)));
      assert.deepEqual(results.map(String), texts);
    }));

  test("throttle: what waits behind a large result has its time, as long as that moves", () =>
    site(async (proxy, server) => {
      const name = fresh("large");
      await using _worker = startWorker(server.address, { [name]: () => new Uint8Array(1_500_000) });
      await using client = new Client(proxy.address, { ...CLIENT_OPTIONS, maxPacketSize: 2_000_000 });
      const job = await client.background(fresh("nobody"));
      proxy.inject({ down: [{ kind: "throttle", rate: 750 }] });
      const result = client.run(name);
      await eventually("the result is on its way", async () => proxy.carried.down > 200_000);
      const begin = performance.now();
      assert.equal((await client.status(job)).state, "queued");
      assert.ok(performance.now() - begin > TIMES.requestTimeout, "it had to wait");
      assert.equal((await result).bytes.length, 1_500_000);
      assert.equal(proxy.connections, 1);
    }));

  test("throttle: an admin's answer that still comes in is not late", () =>
    site(async (proxy, server) => {
      await using sender = new Client(server.address);
      const names = Array.from({ length: 40 }, () => fresh("nobody"));
      await Promise.all(names.map((each) => sender.background(each)));
      await using admin = new Admin(proxy.address, TIMES);
      await admin.version();
      proxy.inject({ down: [{ kind: "throttle", rate: 2 }] });
      const begin = performance.now();
      assert.equal((await admin.status()).length, 40);
      assert.ok(performance.now() - begin > 1.5 * TIMES.requestTimeout);
    }));

  test("blackhole: a line that dies while a job is waited for is noticed by the heartbeat", () =>
    site(async (proxy) => {
      await using client = new Client(proxy.address, CLIENT_OPTIONS);
      const task = client.submit(fresh("nobody"));
      const { handle } = await task.handle;
      proxy.part();
      using clock = new OwnClock();
      const error = await rejection(task.result, ConnectionLostError);
      const limit = CLIENT_OPTIONS.heartbeat + TIMES.requestTimeout;
      assert.ok(clock.milliseconds < 1.5 * limit, `noticed after ${clock.milliseconds} ms of its own`);
      assert.equal(error.handle, handle);
      assert.ok(error.cause instanceof TimeoutError);
      proxy.heal();
      await client.ping();
    }));

  test("blackhole: a worker whose slots are all taken notices, and tells its handlers", () =>
    site(async (proxy, server) => {
      const name = fresh("long");
      await using client = new Client(server.address);
      const worker = new Worker(proxy.address, WORKER_OPTIONS);
      const reasons: unknown[] = [];
      worker.add(name, async ({ signal }) => {
        if (reasons.length > 0) return "again";
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
        reasons.push(signal.reason);
        return "too late";
      });
      const running = worker.run();
      const result = client.run(name, "", { timeout: 10_000 });
      await eventually("the job runs", async () => worker.running === 1);
      proxy.part();
      await eventually("the handler is told", async () => reasons.length === 1);
      assert.ok(reasons[0] instanceof ConnectionLostError);
      // The server learns of it only now.
      proxy.heal();
      assert.equal((await result).text(), "again");
      await worker.close();
      await running;
    }));

  test.each(["reset", "half-close"] as const)("%s: whatever a worker had in hand is done again", (kind) =>
    site(async (proxy, server) => {
      const name = fresh("again");
      await using client = new Client(server.address);
      const worker = new Worker(proxy.address, { ...WORKER_OPTIONS, concurrency: 8 });
      let runs = 0;
      worker.add(name, async (job) => {
        // Until the line breaks; the second time it is short.
        if (runs++ < 8) await new Promise((resolve) => job.signal.addEventListener("abort", resolve));
        return job.workload.text();
      });
      const running = worker.run();
      const results = Promise.all(Array.from({ length: 8 }, (_, job) => client.run(name, String(job))));
      await eventually("all run", async () => worker.running === 8);
      proxy.inject({ down: [{ kind, at: 0 }] });
      assert.deepEqual((await results).map(String), ["0", "1", "2", "3", "4", "5", "6", "7"]);
      assert.ok(runs > 8, `${runs} runs`);
      await worker.close();
      await running;
    }),
  );
});

test("delay: an answer that comes when its time is over is nobody else's", async () => {
  let connections = 0;
  await using server = await startFaultyServer((socket) => {
    connections++;
    // Something comes all the time, so that the line is not taken for dead.
    const news = setInterval(() => socket.write(write("server", packet(12, ["H:other:1", "1", "2"]))), 20);
    socket.once("close", () => clearInterval(news));
    let asked = 0;
    socket.on("data", (chunk: Buffer) => {
      for (const { type, args } of read("client", chunk).packets) {
        if (type === 26) socket.write(write("server", packet(27, args)));
        // The first is answered when the second has been asked, and then both are, in order.
        if (type !== 15 || ++asked < 2) continue;
        for (const known of ["1", "0"]) socket.write(write("server", packet(20, ["H:x:1", known, "0", "0", "0"])));
      }
    });
  });
  await using client = new Client(server.address, CLIENT_OPTIONS);
  await rejection(client.status("H:x:1"), TimeoutError);
  assert.equal((await client.status("H:x:1")).state, "unknown");
  assert.equal(connections, 1);
});

test.each([2_000, 60_000, 1_000_000, 60_000_000])(
  "throttle: what waits behind a packet of %d bytes that comes byte by byte, as good as never, has its time all the same",
  async (size) => {
    const before = open();
    {
      await using server = await startFaultyServer((socket) => {
        const large = write("server", packet(28, ["H:x:1"], new Uint8Array(size)));
        const begin = Math.min(70_000, size / 2);
        let sent = begin;
        socket.on("data", (chunk: Buffer) => {
          if (read("client", chunk).packets.length === 0 || sent > begin) return;
          socket.write(large.subarray(0, sent));
          const dribble = setInterval(() => socket.write(large.subarray(sent, ++sent)), 50);
          socket.once("close", () => clearInterval(dribble));
        });
      });
      const client = new Client(server.address, { ...CLIENT_OPTIONS, reconnect: false });
      using clock = new OwnClock();
      await rejection(client.ping(), TimeoutError);
      assert.ok(clock.milliseconds < 5_000, `it took ${clock.milliseconds} ms of its own`);
      client.destroy();
    }
    await nothingMore(before);
  },
);

test("throttle: what waits behind a large packet that comes in bursts is not late because one was just over", async () => {
  const times = { requestTimeout: 2_500, pause: 1_300 };
  const large = write("server", packet(28, ["H:x:1"], new Uint8Array(260_000)));
  await using server = await startFaultyServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      const { packets } = read("client", chunk);
      for (const { type, args } of packets) if (type === 26) socket.write(write("server", packet(27, args)));
      const echo = packets.find(({ type }) => type === 16);
      if (!echo) return;
      let sent = 0;
      const burst = () => {
        socket.write(large.subarray(sent, sent + 70_000));
        sent += 70_000;
        if (sent < large.length) return;
        clearInterval(bursts);
        socket.write(write("server", packet(17, [], echo.data)));
      };
      const bursts = setInterval(burst, times.pause);
      socket.once("close", () => clearInterval(bursts));
      burst();
    });
  });
  await using client = new Client(server.address, { requestTimeout: times.requestTimeout, reconnect: false });
  const begin = performance.now();
  await client.ping();
  assert.ok(performance.now() - begin > times.requestTimeout, "it had to wait");
});

test("silence has its limit for a program that is always busy, too", async () => {
  // Whatever is due comes late, each time: that must not put it off for ever.
  let busy = true;
  const work = async () => {
    while (busy) {
      const begin = performance.now();
      while (performance.now() - begin < 80);
      await pause(0);
    }
  };
  await using server = await startFaultyServer(() => {});
  await using client = new Client(server.address, { requestTimeout: 200, reconnect: false });
  await using admin = new Admin(server.address, { requestTimeout: 200 });
  const asked = Promise.all([rejection(client.ping(), TimeoutError), rejection(admin.version(), TimeoutError)]);
  const working = work();
  try {
    const late = pause(8_000).then(() => assert.fail("no limit was kept in 8 seconds"));
    await Promise.race([asked, late]);
  } finally {
    busy = false;
    await working;
  }
});
