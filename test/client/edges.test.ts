import assert from "node:assert/strict";
import { connect as connectTcp, type Socket } from "node:net";
import { Duplex } from "node:stream";
import {
  BulkError,
  Client,
  ClosedError,
  ConnectionError,
  ConnectionLostError,
  GearmanError,
  type StreamSocket,
  TimeoutError,
  Worker,
} from "edgear";
import { JobServer } from "edgear/server";
import { describe, test } from "vitest";
import { packet, read, write } from "../codec/packets.ts";
import { eventually, pause, rejection } from "../conformance/case.ts";
import { startFaultyServer } from "../support/faults.ts";
import { Line } from "../support/line.ts";
import { pair } from "../support/pair.ts";

const WORK_STATUS = 12;

describe("an injected socket", () => {
  const bytes = () => new ReadableStream<Uint8Array>({ start: (controller) => controller.close() });
  const sink = () => new WritableStream<Uint8Array>();

  test.each<[string, () => StreamSocket]>([
    ["whose close() throws", () => ({ readable: bytes(), writable: sink(), close: () => assert.fail("no") })],
    ["whose close() gives no promise", () => ({ readable: bytes(), writable: sink(), close: () => ({}) })],
    ["that has ended", () => ({ readable: bytes(), writable: sink(), close() {} })],
    [
      "that is broken",
      () => ({
        readable: new ReadableStream({ start: (controller) => controller.error(new Error("broken")) }),
        writable: sink(),
        close() {},
      }),
    ],
    [
      "that somebody else reads",
      () => {
        const readable = bytes();
        readable.getReader();
        return { readable, writable: sink(), close() {} };
      },
    ],
    [
      "that somebody else writes to",
      () => {
        const writable = sink();
        writable.getWriter();
        return { readable: bytes(), writable, close() {} };
      },
    ],
    [
      "that gives text",
      () => ({
        readable: new Blob(["x"]).stream().pipeThrough(new TextDecoderStream()) as never,
        writable: sink(),
        close() {},
      }),
    ],
    ["that speaks first", () => ({ readable: new Blob(["HTTP/1.1 200\n"]).stream(), writable: sink(), close() {} })],
  ])("%s ends what used it with an error in words, and nothing hangs", async (_what, make) => {
    const client = new Client("jobs", { connect: make, reconnect: false });
    const calls = [client.ping(), client.background("f"), client.submit("f").result];
    for (const call of calls) {
      const error = await rejection(call, GearmanError);
      assert.ok(error instanceof ConnectionError || error instanceof ConnectionLostError, String(error));
    }
    await client.close();
  });

  test("made of a node:net socket in the obvious way works", async () => {
    await using server = await JobServer.listen({ port: 0 });
    const client = new Client(server.address, {
      connect: ({ hostname, port }) => {
        const socket = connectTcp(port, hostname);
        return { ...(Duplex.toWeb(socket) as StreamSocket), close: () => socket.destroy() };
      },
    });
    assert.equal((await client.background("f")).server, server.address);
    await client.close();
  });
});

describe("calls that are held back", () => {
  test("have their time, though the server keeps talking of other things", async () => {
    await using server = await startFaultyServer((socket) => {
      const timer = setInterval(() => socket.write(write("server", packet(WORK_STATUS, ["H:x:9", "1", "2"]))), 20);
      socket.once("close", () => clearInterval(timer));
    });
    const client = new Client(server.address, { maxInFlight: 1, requestTimeout: 200 });
    const errors = await Promise.all(Array.from({ length: 3 }, () => rejection(client.ping(), TimeoutError)));
    assert.match(errors[2]?.message ?? "", /was not sent/);
    client.destroy();
  });

  test("are sent though the answer before them came before the bytes had gone", async () => {
    // The socket says that a write is done only a while after the server had it, and answered.
    const [near, far] = pair();
    const writable = new WritableStream<Uint8Array>({
      async write(chunk) {
        for (const { type } of read("client", chunk).packets) {
          const answer = type === 26 ? packet(27, ["exceptions"]) : packet(8, [`H:x:${type}`]);
          await writer.write(write("server", answer));
        }
        await pause(100);
      },
    });
    const writer = far.writable.getWriter();
    const client = new Client("jobs", { connect: () => ({ ...near, writable }) });
    const [big, small] = await Promise.all([
      client.background("f", new Uint8Array(5 << 20)),
      client.background("f", "small"),
    ]);
    assert.deepEqual([big.handle, small.handle], ["H:x:18", "H:x:18"]);
    client.destroy();
  });
});

test.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 12])(
  "destroy ends a connection that is just coming up, %d ticks after its socket is there",
  async (ticks) => {
    let closed = 0;
    const { promise: asked, resolve } = withResolvers();
    const connect = () => {
      resolve();
      return { ...pair()[0], close: () => void closed++ };
    };
    const client = new Client("jobs", { connect });
    const ping = rejection(client.ping(), ClosedError);
    await asked;
    for (let tick = 0; tick < ticks; tick++) await Promise.resolve();
    client.destroy();
    await ping;
    await eventually("the socket is closed", async () => closed > 0);
  },
);

test.each(["destroy", "close"] as const)(
  "%s doesn't wait for a server that takes connections again, and says nothing",
  async (way) => {
    const sockets: Socket[] = [];
    await using server = await startFaultyServer((socket) => void sockets.push(socket.resume()));
    const validator = (validate: (value: unknown) => { value: unknown } | Promise<never>) =>
      ({ "~standard": { version: 1, vendor: "test", validate } }) as const;
    const jobs = {
      answered: { result: validator((value) => ({ value })) },
      checked: { workload: validator(() => new Promise<never>(() => {})) },
      plain: {},
    };
    const times = { requestTimeout: 60_000, reconnect: { minDelay: 1, maxDelay: 2 } };
    const client = new Client(server.address, { ...times, jobs });
    // Asked again, it waits for a connection that is known to be good.
    const ping = rejection(client.ping(), GearmanError);
    await eventually("it is connected", async () => sockets.length === 1);
    sockets[0]?.destroy();
    await eventually("it is connected again", async () => sockets.length === 2);
    const calls = {
      background: client.background("plain"),
      run: client.run("plain"),
      "background, its workload being checked": client.background("checked", 7),
      "run, its workload being checked": client.run("checked", 7),
      "run, its result to be checked": client.run("answered"),
    };
    const said = Object.entries(calls).map(async ([what, call]) => [
      what,
      (await rejection(call, ClosedError)).message,
    ]);
    const begin = performance.now();
    if (way === "destroy") client.destroy();
    else await client.close({ timeout: 1 });
    await ping;
    const wrong = (await Promise.all(said)).filter(([, words]) => !words?.startsWith("this was not sent"));
    assert.deepEqual(wrong, []);
    await eventually("nothing is open", async () => sockets.every(({ closed }) => closed));
    assert.ok(performance.now() - begin < 10_000);
  },
);

/** As `Promise.withResolvers`, which Node 20 hasn't. */
function withResolvers(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((resolved) => {
    resolve = resolved;
  });
  return { promise, resolve };
}

test("a server that is down holds up no call that another one can take", async () => {
  await using good = await JobServer.listen({ port: 0 });
  await using bad = await JobServer.listen({ port: 0, handlePrefix: "H:bad" });
  await using line = await Line.to(bad.port);
  const client = new Client([line.address, good.address], { reconnect: { minDelay: 1_000, maxDelay: 5_000 } });
  const job = await client.background("f");
  await line.down();
  let asked = false;
  const status = rejection(client.status(job), GearmanError).finally(() => {
    asked = true;
  });
  await pause(50);
  // It waits for the server that is away to come back; these don't.
  for (let call = 0; call < 20; call++) assert.equal((await client.background("f")).server, good.address);
  assert.equal(asked, false);
  client.destroy();
  await status;
});

test("a proxy that takes connections for a server that is away is tried ever less often, until that is back", async () => {
  await using server = await JobServer.listen({ port: 0 });
  let connections = 0;
  let up = false;
  await using proxy = await startFaultyServer((socket) => {
    connections++;
    if (!up) {
      socket.end();
      return;
    }
    const line = connectTcp(server.port, "127.0.0.1");
    line.on("error", () => {});
    socket.pipe(line).pipe(socket);
    socket.once("close", () => line.destroy());
  });
  const client = new Client(proxy.address, { reconnect: { minDelay: 50, retries: Number.POSITIVE_INFINITY } });
  const call = client.background("f", "", { unique: "mine" });
  await pause(700);
  assert.ok(connections <= 12, `${connections} connections`);
  up = true;
  assert.match((await call).handle, /^H:/);
  await client.close();
});

test("a job that may be at a server is submitted again there, and at no other", async () => {
  await using first = await JobServer.listen({ port: 0 });
  await using second = await JobServer.listen({ port: 0 });
  await using line = await Line.to(second.port);
  const client = new Client([first.address, line.address], { balance: "round-robin" });
  const tasks = [1, 2].map((job) => client.submit("f", "", { unique: `u${job}` }));
  await Promise.all(tasks.map(({ handle }) => handle));
  const uniques = () => [first, second].map((server) => server.jobs().map(({ unique }) => unique));
  const before = uniques();
  assert.deepEqual(before, [["u1"], ["u2"]]);
  const made = line.connections;
  line.cut();
  await eventually("it is connected again", async () => line.connections > made);
  await eventually("the job is there again", async () => second.jobs().length === 1);
  assert.deepEqual(uniques(), before);
  const lost = tasks.map(({ result }) => rejection(result, ClosedError));
  client.destroy();
  await Promise.all(lost);
});

test("connections that took calls while a reader was behind are closed again", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using worker = new Worker(server.address);
  worker.add("f", async function* () {
    for (let part = 0; part < 60; part++) yield new Uint8Array(50_000);
  });
  void worker.run();
  await using client = new Client(server.address);
  let open = 0;
  let made = 0;
  client.on("connect", () => {
    made++;
    open++;
  });
  client.on("disconnect", () => open--);
  for (let round = 0; round < 5; round++) {
    const task = client.submit("f");
    const events = task[Symbol.asyncIterator]();
    await events.next();
    await pause(60);
    await client.ping();
    while (!(await events.next()).done);
  }
  assert.ok(made > 1);
  await eventually("one is left", async () => open === 1);
});

describe("closing", () => {
  test("waits for a question that takes several steps", async () => {
    await using one = await JobServer.listen({ port: 0 });
    await using two = await JobServer.listen({ port: 0 });
    const client = new Client([one.address, two.address]);
    const status = client.status("H:nobody:1");
    const unique = client.statusOf("nobody");
    await client.close();
    assert.equal((await status).known, false);
    assert.equal((await unique).known, false);
  });

  test("waits for a job that several servers are asked for again and again", async () => {
    await using one = await JobServer.listen({ port: 0 });
    await using two = await JobServer.listen({ port: 0 });
    await using submitter = new Client(two.address);
    const job = await submitter.background("rest");
    const client = new Client([one.address, two.address]);
    let looked = 0;
    const completed = client.completed(job.handle, { interval: 10, onStatus: () => looked++ });
    await eventually("it is looked at", async () => looked > 0);
    const closed = client.close();
    const before = looked;
    await Promise.race([completed, eventually("it is still looked at", async () => looked > before + 1)]);
    await using worker = new Worker(two.address);
    worker.add("rest", () => {});
    const running = worker.run({ maxJobs: 1 });
    await completed;
    await closed;
    await running;
  });

  test("doesn't wait for a server to come back", async () => {
    const server = await JobServer.listen({ port: 0 });
    const client = new Client(server.address, { reconnect: { retries: Number.POSITIVE_INFINITY, maxDelay: 50 } });
    await client.ping();
    const gone = new Promise((resolve) => client.once("disconnect", resolve));
    await server.close();
    await gone;
    const call = rejection(client.background("f"), GearmanError);
    await pause(100);
    await client.close();
    await call;
  });
});

test("what was not sent goes to the next server though nothing is tried twice", async () => {
  await using first = await JobServer.listen({ port: 0 });
  await using second = await JobServer.listen({ port: 0 });
  await using line = await Line.to(first.port);
  await using client = new Client([line.address, second.address], { reconnect: { retries: 0 }, maxInFlight: 1 });
  await client.ping();
  line.hold("everything");
  const lost = rejection(client.background("f", "sent"), ConnectionLostError);
  const held = client.background("f", "not sent");
  await pause(20);
  await line.down();
  await lost;
  assert.equal((await held).server, second.address);
});

/** What an object inherits from, so many steps up. */
function ancestor(object: object, steps: number): object {
  return steps === 0 ? object : ancestor(Object.getPrototypeOf(object), steps - 1);
}

describe("backgroundAll", () => {
  test("takes an iterator's promises of any kind", async () => {
    await using server = await JobServer.listen({ port: 0 });
    await using client = new Client(server.address);
    let given = 0;
    const source = {
      [Symbol.asyncIterator]: () => ({
        // biome-ignore lint/suspicious/noThenProperty: that is the point
        next: () => ({ then: (resolve: (step: unknown) => void) => resolve({ done: given === 3, value: given++ }) }),
      }),
    };
    let handles = 0;
    for await (const _job of client.backgroundAll("f", source as unknown as AsyncIterable<number>)) handles++;
    assert.equal(handles, 3);
  });

  test("gives what any asynchronous generator is", async () => {
    await using client = new Client("127.0.0.1:1");
    const handles = client.backgroundAll("f", []);
    const generated = (async function* () {})();
    // A generator's own prototype, that of all of them, that of all asynchronous iterators.
    const iterators = ancestor(generated, 3);
    assert.equal(Object.prototype.toString.call(handles), Object.prototype.toString.call(generated));
    assert.ok(Object.prototype.isPrototypeOf.call(iterators, handles));
    assert.notEqual(iterators, Object.prototype);
    assert.equal(handles[Symbol.asyncIterator](), handles);
  });

  test("leaves a source alone that nobody reads", async () => {
    await using client = new Client("127.0.0.1:1");
    const source = new ReadableStream();
    const handles = client.backgroundAll("f", source);
    assert.equal(source.locked, false);
    assert.deepEqual(await handles.return(), { done: true, value: undefined });
    assert.equal(source.locked, false);
    assert.deepEqual(await handles.next(), { done: true, value: undefined });
  });

  test("gives out nothing any more once it was left, be it there already", async () => {
    await using server = await JobServer.listen({ port: 0 });
    await using client = new Client(server.address);
    const handles = client.backgroundAll("f", ["a", "b", "c"]);
    assert.equal((await handles.next()).done, false);
    // The answers to the others came with the first one's.
    await client.ping();
    await handles.return();
    assert.deepEqual(await handles.next(), { done: true, value: undefined });
  });

  test("submits nothing any more once an item has failed", async () => {
    await using server = await JobServer.listen({ port: 0 });
    // The item after the wrong one is on its way while the late one comes.
    const connect = () => pause(100).then(() => server.connect());
    const validate = async (value: unknown) => {
      await pause(5);
      return value === "wrong" ? { issues: [{ message: "that is wrong" }] } : { value };
    };
    const workload = { "~standard": { version: 1, vendor: "test", validate } } as const;
    await using client = new Client(server.address, { connect, jobs: { f: { workload } } });
    async function* source() {
      yield "wrong";
      yield "on its way";
      await pause(30);
      yield "late";
    }
    const loop = async () => {
      for await (const _job of client.backgroundAll("f", source(), { unique: (item) => String(item) }));
    };
    const error = await rejection(loop(), BulkError);
    assert.equal(error.later.length, 1);
    await pause(60);
    assert.equal((await client.statusOf("late")).known, false);
  });
});

test("events that are asked for at once come in their order", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using worker = new Worker(server.address);
  worker.add("f", async function* () {
    for (let part = 0; part < 50; part++) {
      yield String(part);
      if (part % 7 === 0) await pause(1);
    }
  });
  void worker.run();
  await using client = new Client(server.address);
  const events = client.submit("f")[Symbol.asyncIterator]();
  const parts = await Promise.all(Array.from({ length: 50 }, () => events.next()));
  assert.deepEqual(
    parts.map(({ value }) => value?.type === "data" && value.payload.text()),
    Array.from({ length: 50 }, (_, part) => String(part)),
  );
});
