import assert from "node:assert/strict";
import { createServer } from "node:net";
import {
  Client,
  ClosedError,
  ConnectionError,
  ConnectionLostError,
  type JobHandle,
  TimeoutError,
  Worker,
} from "edgear";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { packet, read, write } from "../codec/packets.ts";
import { collect, eventually, pause, rejection } from "../conformance/case.ts";
import { AWAY, fresh } from "../conformance/names.ts";
import { startFaultyServer } from "../support/faults.ts";
import { startGearmand } from "../support/gearmand.ts";
import { freePort } from "../support/ports.ts";
import { slowLine } from "../support/slow-line.ts";

// Packet types, by the protocol's numbers.
const WORK_STATUS = 12;
const ECHO_REQ = 16;
const ECHO_RES = 17;
const OPTION_REQ = 26;
const OPTION_RES = 27;

test("gearmand killed with thousands of submits in flight: each of them settles, and says what is known", async () => {
  const server = await startGearmand();
  const client = new Client(server.address, { reconnect: { minDelay: 10, maxDelay: 50 } });
  await client.ping();
  const results = Array.from({ length: 5_000 }, (_, job) => client.background("f", String(job)));
  const tasks = Array.from({ length: 200 }, () => client.submit("g", "x"));
  await results[0];
  process.kill(server.pid, "SIGKILL");
  const settled = await Promise.allSettled([...results, ...tasks.map((task) => task.result)]);
  await server.stop();
  const failures = settled.flatMap((each) => (each.status === "rejected" ? [each.reason] : []));
  assert.ok(failures.length >= tasks.length);
  // What had not been sent when the server died was brought to no other, as there is none.
  for (const failure of failures)
    assert.ok(failure instanceof ConnectionLostError || failure instanceof ConnectionError, String(failure));
  // The client works on when a server is there again.
  await using _again = await startGearmand({ port: server.port });
  await eventually("the server is used again", async () => client.ping().then(Boolean, () => false));
  await client.close();
});

test("a connection that goes half-dead is given up, though something came meanwhile", async () => {
  let connections = 0;
  await using server = await startFaultyServer((socket) => {
    const frozen = connections++ === 0;
    socket.on("data", (chunk: Buffer) => {
      for (const { type, args, data } of read("client", chunk).packets) {
        if (type === OPTION_REQ) socket.write(write("server", packet(OPTION_RES, args)));
        else if (type === ECHO_REQ && frozen) socket.write(write("server", packet(WORK_STATUS, ["H:x:9", "1", "2"])));
        else if (type === ECHO_REQ) socket.write(write("server", packet(ECHO_RES, [], data)));
      }
    });
  });
  const client = new Client(server.address, { requestTimeout: 200 });
  await rejection(client.ping(), TimeoutError);
  await eventually("another connection is made", async () => client.ping().then(Boolean, () => false));
  assert.equal(connections, 2);
  await client.close();
});

test("a large workload on a slow line is not given up while it moves", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using line = await slowLine(server.port, 8_000);
  const client = new Client(line.address, { requestTimeout: 2_000 });
  // Five seconds at 8 MB a second, more than twice as long as a request may take. What the system holds at the end is not
  // seen to move, and takes less than one of them; on a busy machine, two.
  const job = await client.background("f", new Uint8Array(40_000_000));
  assert.equal((await client.status(job)).state, "queued");
  await client.close();
});

test("a server that takes connections and is of no use is left out: the next in the list is used", async () => {
  await using good = await JobServer.listen({ port: 0 });
  await using closing = await startFaultyServer((socket) => socket.end());
  const client = new Client([closing.address, good.address]);
  const answers: string[] = [];
  for (let call = 0; call < 6; call++) {
    answers.push(
      await client.background("f").then(
        ({ server }) => server,
        () => "lost",
      ),
    );
  }
  assert.deepEqual(answers.slice(1), Array(5).fill(good.address));
  await client.close();
});

test("a better server that is tried again holds up no call", async () => {
  await using good = await JobServer.listen({ port: 0 });
  const client = new Client([AWAY, good.address], { connectTimeout: 3_000 });
  await client.ping();
  await pause(1_100);
  // Its rest is over: it is tried behind the call's back.
  assert.equal((await client.background("f")).server, good.address);
  await client.close();
});

test("a better server that is being tried when the client closes is left alone", async () => {
  await using good = await JobServer.listen({ port: 0 });
  const port = await freePort();
  // By TLS, to a port that takes connections and says nothing, it is tried for longer than this test may take.
  const client = new Client([`gearmans://127.0.0.1:${port}`, good.address], { connectTimeout: 60_000 });
  await client.ping();
  await pause(1_100);
  let connections = 0;
  const mute = createServer((socket) => {
    connections++;
    socket.on("error", () => {});
    socket.on("close", () => connections--);
    socket.resume();
  }).listen(port, "127.0.0.1");
  try {
    await client.background("f");
    await eventually("it is being tried", async () => connections === 1);
    await client.close();
    await eventually("its connection is gone", async () => connections === 0);
  } finally {
    mute.close();
  }
});

test("destroy ends calls of the same tick with ClosedError, too", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const client = new Client(server.address);
  await client.ping();
  const status = client.status("H:x:1");
  client.destroy();
  await rejection(status, ClosedError);
});

test("close has a limit when it is given one", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const client = new Client(server.address);
  const task = client.submit("nobody");
  await task.handle;
  await client.close({ timeout: 50 });
  await rejection(task.result, ClosedError);
});

test("completed keeps to its own time limit, and outlives a lost connection", async () => {
  const server = await startGearmand();
  const client = new Client(server.address);
  const job = await client.background("nobody");
  const waiting = client.completed(job, { interval: 20, timeout: 5_000 });
  await pause(50);
  await server.stop();
  // Another server, which knows nothing of the job: it is over.
  await using _again = await startGearmand({ port: server.port });
  await waiting;
  await client.close();
});

test("two iterators share a task's events, and each ends with it", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const name = fresh("shared");
  const worker = new Worker(server.address);
  worker.add(name, async (job) => {
    for (let part = 0; part < 10; part++) {
      job.data(String(part));
      await pause(2);
    }
  });
  const running = worker.run();
  const client = new Client(server.address);
  const task = client.submit(name);
  const [one, two] = await Promise.all([collect(task), collect(task)]);
  assert.equal(one.length + two.length, 10);
  const left = client.submit(name)[Symbol.asyncIterator]();
  await left.next();
  const pending = left.next();
  await left.return?.();
  assert.equal((await pending).done, true);
  await client.close();
  await worker.close();
  await running;
});

test("a handle that was stored as JSON is good for asking", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const client = new Client(server.address);
  const stored = JSON.parse(JSON.stringify(await client.background("nobody"))) as JobHandle;
  assert.equal((await client.status(stored)).state, "queued");
  await client.close();
});

test("IPv6 addresses work", async () => {
  await using server = await JobServer.listen({ host: "::1", port: 0 });
  assert.equal(server.address, `[::1]:${server.port}`);
  const client = new Client(server.address);
  assert.equal((await client.background("f")).server, server.address);
  await client.close();
});
