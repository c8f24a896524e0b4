import assert from "node:assert/strict";
import { Client, ConnectionLostError, Worker } from "edgear";
import { test } from "vitest";
import { packet, read, write } from "../codec/packets.ts";
import { eventually, pause } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { startFaultyServer } from "../support/faults.ts";
import { startGearmand } from "../support/gearmand.ts";
import { freePort } from "../support/ports.ts";
import { nextEvent, startWorker } from "../support/worker.ts";

// Packet types, by the protocol's numbers.
const NO_JOB = 10;
const ECHO_REQ = 16;
const ECHO_RES = 17;
const WORK_COMPLETE = 13;
const JOB_ASSIGN_UNIQ = 31;
const GRAB_JOB_ALL = 39;

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
  const begun = nextEvent(started.worker, "start");
  await client.background(name);
  await begun;
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

test("a server that hangs doesn't take the slots of the others", async () => {
  const name = fresh("hung");
  await using healthy = await startGearmand();
  await using hung = await startGearmand();
  await using client = new Client(healthy.address);
  let done = 0;
  await using started = startWorker(
    `${healthy.address}, ${hung.address}`,
    { [name]: () => void done++ },
    { concurrency: 4, reconnect },
  );
  await eventually("both are connected", async () => (await client.ping()) > 0 && started.worker.running === 0);
  process.kill(hung.pid, "SIGSTOP");
  try {
    // Wakes it for jobs that it can't give out any more, and keeps the other busy meanwhile.
    const until = performance.now() + 2_500;
    let submitted = 0;
    while (performance.now() < until) {
      await Promise.all(Array.from({ length: 10 }, () => client.background(name)));
      submitted += 10;
      await pause(20);
    }
    await eventually("all jobs are done", async () => done === submitted);
  } finally {
    process.kill(hung.pid, "SIGCONT");
  }
});

test("a server that is stuck is connected to, and knows of no function until it says so", async () => {
  const [name, other] = [fresh("stuck"), fresh("stuck")];
  await using server = await startGearmand();
  const told: string[] = [];
  const worker = new Worker(server.address);
  for (const event of ["connect", "register", "noJob"] as const) worker.on(event, () => told.push(event));
  worker.add(name, () => "well");
  process.kill(server.pid, "SIGSTOP");
  try {
    const connected = nextEvent(worker, "connect");
    const running = worker.run();
    await connected;
    worker.add(other, () => "well");
    await pause(500);
    assert.deepEqual(told, ["connect"]);
    const registered = [name, other].map((one) =>
      nextEvent(worker, "register", ({ functions }) => functions.join() === one),
    );
    process.kill(server.pid, "SIGCONT");
    await Promise.all(registered);
    await eventually("it was asked for a job", async () => told.includes("noJob"));
    assert.deepEqual(told.slice(0, 2), ["connect", "register"]);
    await worker.close();
    await running;
  } finally {
    process.kill(server.pid, "SIGCONT");
  }
});

test("a server that takes connections and answers nothing is tried ever less often", async () => {
  let connections = 0;
  await using server = await startFaultyServer((socket) => {
    connections++;
    socket.end();
  });
  const worker = new Worker(server.address, { reconnect: { minDelay: 20, maxDelay: 60_000 } });
  worker.add("f", () => {});
  const running = worker.run();
  await pause(1_000);
  await worker.close();
  await running;
  assert.ok(connections >= 2 && connections < 15, `${connections} connections in a second`);
});

test("a result and the next grab leave in one write", async () => {
  const chunks: number[][] = [];
  let assigned = 0;
  await using server = await startFaultyServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      const { packets } = read("client", chunk);
      chunks.push(packets.map(({ type }) => type));
      for (const { type, data } of packets) {
        if (type === ECHO_REQ) socket.write(write("server", packet(ECHO_RES, [], data)));
        if (type !== GRAB_JOB_ALL) continue;
        const reply = assigned++ < 3 ? packet(JOB_ASSIGN_UNIQ, [`H:x:${assigned}`, "f", "u"], "x") : packet(NO_JOB);
        socket.write(write("server", reply));
      }
    });
  });
  const worker = new Worker(server.address);
  worker.add("f", () => "done");
  const slept = nextEvent(worker, "sleep");
  const running = worker.run();
  await slept;
  await worker.close();
  await running;
  const together = chunks.filter((types) => types.includes(WORK_COMPLETE));
  assert.deepEqual(together, [
    [WORK_COMPLETE, GRAB_JOB_ALL],
    [WORK_COMPLETE, GRAB_JOB_ALL],
    [WORK_COMPLETE, GRAB_JOB_ALL],
  ]);
});

test("a job that is given out twice ends once, and the worker lives on", async () => {
  const ends: number[] = [];
  let grabs = 0;
  await using server = await startFaultyServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      for (const { type, data } of read("client", chunk).packets) {
        if (type === ECHO_REQ) socket.write(write("server", packet(ECHO_RES, [], data)));
        if (type === WORK_COMPLETE) ends.push(type);
        if (type !== GRAB_JOB_ALL) continue;
        const reply = ++grabs <= 2 ? packet(JOB_ASSIGN_UNIQ, ["H:x:1", "f", "u"], "x") : packet(NO_JOB);
        socket.write(write("server", reply));
      }
    });
  });
  let runs = 0;
  let aborted = 0;
  const worker = new Worker(server.address, { concurrency: 2 });
  worker.add("f", async ({ signal }) => {
    runs++;
    signal.addEventListener("abort", () => void aborted++);
    await pause(50);
  });
  const running = worker.run();
  await eventually("both runs are over", async () => runs === 2 && worker.running === 0);
  await worker.close();
  await running;
  assert.deepEqual([ends.length, aborted], [1, 1]);
});

test("a large result is sent to its end before a closing worker leaves", async () => {
  let received = 0;
  await using server = await startFaultyServer((socket) => {
    let assigned = false;
    socket.on("data", (chunk: Buffer) => {
      received += chunk.length;
      if (!assigned) {
        assigned = true;
        socket.write(write("server", packet(ECHO_RES, [], "confirm")));
        socket.write(write("server", packet(JOB_ASSIGN_UNIQ, ["H:x:1", "f", "u"], "x")));
        return;
      }
      // A slow line: some 5 MB a second.
      socket.pause();
      setTimeout(() => socket.resume(), chunk.length / 5_000);
    });
  });
  const size = 12_000_000;
  const worker = new Worker(server.address);
  worker.add("f", () => new Uint8Array(size));
  await worker.run({ maxJobs: 1 });
  // The system still sends what it has taken.
  await eventually("all bytes came", async () => received > size);
});

test("a stream waits for a server that doesn't read, and ends with its time", async () => {
  await using server = await startFaultyServer((socket) => {
    let assigned = false;
    socket.on("data", () => {
      if (!assigned) {
        socket.write(write("server", packet(ECHO_RES, [], "confirm")));
        socket.write(write("server", packet(JOB_ASSIGN_UNIQ, ["H:x:1", "f", "u"], "x")));
      }
      assigned = true;
      // Nothing more is read.
      socket.pause();
    });
  });
  let parts = 0;
  let ended = false;
  const worker = new Worker(server.address, { requestTimeout: 500 });
  worker.add(
    "f",
    async function* () {
      try {
        for (; parts < 500; parts++) yield new Uint8Array(1 << 20);
      } finally {
        ended = true;
      }
    },
    { timeout: 1_000 },
  );
  const failed = nextEvent(worker, "fail");
  const running = worker.run();
  await failed;
  // What the system takes, and one more.
  assert.ok(parts < 50, `${parts} MiB were taken from the stream`);
  await eventually("the stream is told to stop", async () => ended);
  await worker.close({ timeout: 0 });
  await running;
});
