import assert from "node:assert/strict";
import { Client, Worker } from "edgear";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { read, TYPES } from "../codec/packets.ts";
import { eventually } from "../conformance/case.ts";
import { FaultProxy } from "../support/faults/proxy.ts";
import { nextEvent } from "../support/worker.ts";

/** The packet that takes `f` back. */
const CANT_DO = Buffer.from("\0REQ\0\0\0\x02\0\0\0\x01f", "latin1");

const NAMES = new Map(TYPES.map(([type, name]) => [type, name]));

/** What a server was told of a worker's functions while a job ran, and afterwards. */
async function told(meanwhile: (worker: Worker) => unknown): Promise<string[]> {
  await using server = await JobServer.listen({ port: 0 });
  await using line = await FaultProxy.to(server.port);
  line.recording = true;
  const words = () =>
    read("client", Buffer.concat(line.record.up))
      .packets.map(({ type, args }) => [NAMES.get(type), ...args.map((arg) => new TextDecoder().decode(arg))].join(" "))
      .filter((text) => /^CAN/.test(text));
  await using worker = new Worker(line.address, { concurrency: 2 });
  let finish = () => {};
  worker.add("f", () => new Promise<void>((resolve) => (finish = resolve)));
  worker.add("other", () => "well");
  const running = worker.run();
  await using client = new Client(server.address);
  const start = nextEvent(worker, "start");
  const result = client.run("f");
  await start;
  await meanwhile(worker);
  finish();
  await result;
  // Its answer comes behind whatever was to be told.
  assert.equal((await client.run("other")).text(), "well");
  await eventually("it works on", async () => server.jobs().length === 0);
  const all = words();
  await worker.close();
  await running;
  return all;
}

const FIRST = ["CAN_DO f", "CAN_DO other"];
const handler = () => {};

test("a function that was added anew while a job of it ran is registered as it was added last", async () => {
  const all = await told((worker) => {
    for (const serverTimeout of [5_000, 6_000, 7_000]) worker.add("f", handler, { serverTimeout });
  });
  assert.deepEqual(all, [...FIRST, "CANT_DO f", "CAN_DO_TIMEOUT f 7000"]);
});

test("one that is as it was again stays", async () => {
  const all = await told((worker) => {
    worker.add("f", handler, { serverTimeout: 5_000 });
    worker.add("f", handler);
  });
  assert.deepEqual(all, FIRST);
});

test("one that was removed after it had been added anew is not registered", async () => {
  let removed: Promise<void> | undefined;
  const all = await told((worker) => {
    worker.add("f", handler, { serverTimeout: 5_000 });
    removed = worker.remove("f");
  });
  assert.deepEqual(all, [...FIRST, "CANT_DO f"]);
  await removed;
});

test("one that is removed twice and added stays at a server that it was removed from meanwhile", async () => {
  await using busy = await JobServer.listen({ port: 0 });
  await using server = await JobServer.listen({ port: 0 });
  // The second connection has an answer to its grab under way while all of that happens.
  await using line = await FaultProxy.to(server.port, (connection) =>
    connection === 1 ? { down: [{ kind: "delay", milliseconds: 1_000 }] } : {},
  );
  line.recording = true;
  await using worker = new Worker([busy.address, line.address], { concurrency: 2, reconnect: { minDelay: 10 } });
  let finish = () => {};
  worker.add("f", () => new Promise<void>((resolve) => (finish = resolve)));
  worker.add("other", () => "well");
  const running = worker.run();
  await using first = new Client(busy.address);
  const start = nextEvent(worker, "start");
  const result = first.run("f");
  await start;
  const removed = [worker.remove("f")];
  await eventually("the idle server knows", async () => Buffer.concat(line.record.up).includes(CANT_DO));
  const connected = nextEvent(worker, "connect", (event) => event.server === line.address);
  line.reset();
  await connected;
  removed.push(worker.remove("f"));
  worker.add("f", () => "again");
  finish();
  await using second = new Client(server.address);
  assert.equal((await second.run("f", "", { timeout: 10_000 })).text(), "again");
  await result;
  await Promise.all(removed);
  await worker.close();
  await running;
});
