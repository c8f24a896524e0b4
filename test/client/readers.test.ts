import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { Client, TimeoutError, Worker } from "edgear";
import { describe, inject, test } from "vitest";
import { packet, read, write } from "../codec/packets.ts";
import { eventually, pause, rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { startFaultyServer } from "../support/faults.ts";

const JOB_CREATED = 8;
const WORK_DATA = 28;
const WORK_COMPLETE = 13;
const SUBMIT_JOB = 7;
const OPTION_REQ = 26;
const OPTION_RES = 27;
const ECHO_REQ = 16;
const ECHO_RES = 17;
const PART = 50_000;

interface Torrent {
  readonly address: string;
  readonly parts: number;
  readonly echoes: number;
  /** Whether it ends connections as soon as they are made. */
  away: boolean;
  stop(): void;
}

/** A server that sends each job's data as fast as its client takes it, and counts the parts. */
async function startTorrent(): Promise<Torrent & AsyncDisposable> {
  const state = { parts: 0, echoes: 0, stopped: false, away: false };
  const pour = (socket: Socket, handle: string): void => {
    while (!state.stopped) {
      state.parts++;
      const more = socket.write(write("server", packet(WORK_DATA, [handle], new Uint8Array(PART))));
      if (!more) {
        socket.once("drain", () => pour(socket, handle));
        return;
      }
    }
    socket.write(write("server", packet(WORK_COMPLETE, [handle], "done")));
  };
  let jobs = 0;
  const server = await startFaultyServer((socket) => {
    if (state.away) socket.destroy();
    socket.on("data", (chunk: Buffer) => {
      for (const { type, args, data } of read("client", chunk).packets) {
        if (type === OPTION_REQ) socket.write(write("server", packet(OPTION_RES, args)));
        if (type === ECHO_REQ) state.echoes++;
        if (type === ECHO_REQ) socket.write(write("server", packet(ECHO_RES, [], data)));
        if (type !== SUBMIT_JOB) continue;
        const handle = `H:torrent:${++jobs}`;
        socket.write(write("server", packet(JOB_CREATED, [handle])));
        pour(socket, handle);
      }
    });
  });
  return {
    address: server.address,
    get parts() {
      return state.parts;
    },
    get echoes() {
      return state.echoes;
    },
    set away(away: boolean) {
      state.away = away;
    },
    stop: () => {
      state.stopped = true;
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

test("a server that was away and is back keeps its calls, though a reader holds up its first connection", async () => {
  await using first = await startTorrent();
  await using second = await startTorrent();
  first.away = true;
  await using client = new Client([first.address, second.address]);
  const connected: string[] = [];
  client.on("connect", ({ server }) => connected.push(server));
  await eventually("the first has failed", async () => {
    await client.ping();
    return connected.at(-1) === second.address;
  });
  first.away = false;
  await eventually("the first is used again", async () => {
    await client.ping();
    return connected.at(-1) === first.address;
  });
  const task = client.submit("f");
  const events = task[Symbol.asyncIterator]();
  await events.next();
  const before = connected.length;
  const elsewhere = second.echoes;
  await eventually("new calls get a connection of their own", async () => {
    await client.ping();
    return connected.length > before;
  });
  assert.equal(connected.at(-1), first.address);
  assert.equal(second.echoes, elsewhere);
  client.destroy();
  await rejection(task.result, Error);
});

test("a reader who is behind stops what comes, and misses nothing", async () => {
  await using server = await startTorrent();
  const client = new Client(server.address, { requestTimeout: 300, heartbeat: 100 });
  const task = client.submit("f");
  const events = task[Symbol.asyncIterator]();
  let taken = 0;
  const take = async () => {
    const { done } = await events.next();
    if (!done) taken++;
    return !done;
  };
  await take();
  // What the systems hold on both sides fills up, and then nothing moves any more.
  let before = -1;
  await eventually("the server waits", async () => {
    const still = before === server.parts;
    before = server.parts;
    await pause(100);
    return still && before === server.parts;
  });
  // The systems' buffers hold some megabytes, and the client one.
  assert.ok(server.parts * PART < 40_000_000, `${server.parts} parts`);
  // Longer than heartbeats and requests take: silence that the client asked for kills nothing.
  await pause(700);
  server.stop();
  while (await take());
  assert.equal(taken, server.parts);
  assert.equal(task.dropped, 0);
  assert.equal((await task.result).text(), "done");
  await client.close();
});

test("a task that nobody reads keeps the latest events, counts the others, and stops nothing", async () => {
  await using server = await startTorrent();
  const client = new Client(server.address);
  const task = client.submit("f");
  await eventually("much has come", async () => task.dropped > 1_000);
  server.stop();
  assert.equal((await task.result).text(), "done");
  let read = 0;
  for await (const _event of task) read++;
  assert.equal(read + task.dropped, server.parts);
  assert.ok(read * PART <= 1 << 20 && read > 10, String(read));
  await client.close();
});

test("a reader who leaves lets the rest come", async () => {
  await using server = await startTorrent();
  const client = new Client(server.address);
  const task = client.submit("f");
  for await (const _event of task) {
    await pause(300);
    break;
  }
  server.stop();
  assert.equal((await task.result).text(), "done");
  await client.close();
});

describe.each(inject("servers"))("over $name", ({ address }) => {
  /** A worker that streams so many parts, and answers to `up`. */
  async function working(use: (name: string, client: Client, worker: Worker) => Promise<void>): Promise<void> {
    const name = fresh("stream");
    await using worker = new Worker(address, { concurrency: 4 });
    worker.add(name, async function* (job) {
      for (let part = 0; part < Number(job.workload.text()); part++) yield new Uint8Array(PART).fill(part);
      return "done";
    });
    worker.add(`${name}-up`, (job) => job.workload.text().toUpperCase());
    const running = worker.run();
    const client = new Client(address, { requestTimeout: 2_000 });
    await use(name, client, worker);
    await client.close();
    await worker.close();
    await running;
  }

  test("whoever makes other calls while reading is answered: they go over another connection", async () => {
    await working(async (name, client) => {
      let connections = 0;
      client.on("connect", () => connections++);
      const task = client.submit(name, "400");
      let part = 0;
      for await (const event of task) {
        assert.ok(event.type === "data" && event.payload.bytes[0] === (part & 0xff));
        if (part++ % 40 === 0) assert.equal((await client.run(`${name}-up`, "a")).text(), "A");
      }
      assert.equal(part, 400);
      assert.ok(connections <= 3, String(connections));
    });
  });

  test("a reader who takes nothing any more loses its task, once others wait behind it", async () => {
    let onStreamed = () => {};
    const streamed = new Promise<void>((resolve) => {
      onStreamed = resolve;
    });
    let open = () => {};
    const gate = new Promise<void>((resolve) => {
      open = resolve;
    });
    await working(async (name, client, worker) => {
      worker.add(`${name}-gate`, () => gate.then(() => "done"));
      worker.once("complete", () => onStreamed());
      const slow = client.submit(name, "1600");
      const other = client.submit(`${name}-gate`);
      await Promise.all([slow.handle, other.handle]);
      const events = slow[Symbol.asyncIterator]();
      await events.next();
      await streamed;
      open();
      // It waits for a job that is behind it on the same line.
      assert.equal((await other.result).text(), "done");
      const error = await rejection(slow.result, TimeoutError);
      assert.match(
        error.message,
        /^nobody read the events of the ".+" job any further, while others waited behind them/,
      );
    });
  });
});
