import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { Admin, ConnectionLostError, RefusedError } from "edgear";
import { type Message, Queue, UnconfirmedError } from "edgear/queue";
import { afterAll, beforeAll, expect, test } from "vitest";
import { packet, read, write } from "../codec/packets.ts";
import { fresh } from "../conformance/names.ts";
import { FaultProxy } from "../support/faults/proxy.ts";
import { startFaultyServer } from "../support/faults.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";

// Packet types, by the protocol's numbers.
const NO_JOB = 10;
const WORK_COMPLETE = 13;
const ECHO_REQ = 16;
const ECHO_RES = 17;
const ERROR = 19;
const JOB_ASSIGN_UNIQ = 31;
const GRAB_JOB_ALL = 39;

const CONSUMER = fileURLToPath(new URL("consumer.mjs", import.meta.url));

let gearmand: Gearmand;

beforeAll(async () => {
  gearmand = await startGearmand();
});

afterAll(() => gearmand?.stop());

/** A consumer in a process of its own, and the messages that it says it has in hand. */
function consume(name: string, prefetch: number): { child: ChildProcess; held: () => string[] } {
  const child = spawn(process.execPath, [CONSUMER, gearmand.address, name, String(prefetch)], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let output = "";
  child.stdout?.on("data", (chunk) => {
    output += chunk;
  });
  return { child, held: () => output.split("\n").filter(Boolean) };
}

test.for(["SIGKILL", "SIGTERM"] as const)(
  "what a consumer had in hand when it died of %s comes again, once",
  { timeout: 60_000 },
  async (signal) => {
    const name = fresh("crash");
    await using queue = new Queue({ servers: gearmand.address });
    const messages = Array.from({ length: 12 }, (_, index) => `m${index}`);
    for (const message of messages) await queue.put(name, message);
    const { child, held } = consume(name, 5);
    try {
      await expect.poll(() => held().length, { timeout: 20_000 }).toBe(5);
      await using admin = new Admin(gearmand.address);
      expect((await admin.status()).find((each) => each.function === `queue.${name}`)).toMatchObject({ running: 5 });
    } finally {
      child.kill(signal);
      await once(child, "exit");
    }
    const got: string[] = [];
    for (const _ of messages) got.push((await queue.get(name, { timeout: 10_000 })).payload.text());
    expect(got.sort()).toEqual(messages.sort());
    await expect(queue.get(name, { timeout: 100 })).rejects.toMatchObject({ code: "TIMEOUT" });
  },
);

test("whoever acknowledges after the connection was lost is told, and the message comes again", async () => {
  const name = fresh("lost");
  await using line = await FaultProxy.to(gearmand.port);
  await using queue = new Queue({ servers: line.address });
  await using direct = new Queue({ servers: gearmand.address });
  await direct.put(name, "a");
  const message = await queue.get(name, { ack: "manual" });
  line.reset();
  await expect.poll(() => message.signal.aborted, { timeout: 10_000 }).toBe(true);
  const error = await message.ack().catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ConnectionLostError);
  expect(error).toMatchObject({ sent: false, handle: message.handle, server: line.address });
  expect(error.message).toContain("comes again");
  expect((await direct.get(name, { timeout: 10_000 })).handle).toBe(message.handle);
});

test.for([
  { way: "up", comes: "comes again", total: 1 },
  { way: "down", comes: "does not", total: 0 },
] as const)("an acknowledgement that may have been lost is told: $way, the message $comes", async ({ way, total }) => {
  const name = fresh("unsure");
  await using line = await FaultProxy.to(gearmand.port);
  await using queue = new Queue({ servers: line.address, requestTimeout: 500 });
  await using direct = new Queue({ servers: gearmand.address });
  await direct.put(name, "a");
  const message = await queue.get(name, { ack: "manual" });
  // From here on nothing passes that way, and nobody is told: the server hears of it, or only its word is lost.
  line.inject({ [way]: [{ kind: "blackhole", at: 0 }] });
  const error = await message.ack().catch((thrown) => thrown);
  expect(error).toBeInstanceOf(ConnectionLostError);
  expect(error).toMatchObject({ sent: true, handle: message.handle });
  line.reset();
  const again = await direct.get(name, { timeout: total ? 10_000 : 300 }).catch((thrown) => thrown);
  expect(again).toMatchObject(total ? { handle: message.handle } : { code: "TIMEOUT" });
});

test("a loop goes on over a line that breaks again and again, and nothing is lost", { timeout: 60_000 }, async () => {
  const name = fresh("breaks");
  await using line = await FaultProxy.to(gearmand.port);
  await using queue = new Queue({ servers: line.address });
  await using direct = new Queue({ servers: gearmand.address });
  const expected = Array.from({ length: 40 }, (_, index) => String(index));
  for (const message of expected) await direct.put(name, message);
  const done = new Set<string>();
  const unsure = new Set<string>();
  const lost = { before: 0, meanwhile: 0 };
  const controller = new AbortController();
  let count = 0;
  const work = async (message: Message) => {
    const text = message.payload.text();
    // The line breaks before a message is acknowledged, or while that is on its way; and each time for all that are in hand.
    const breaks = ++count % 8;
    try {
      if (breaks === 4) {
        line.reset();
        await expect.poll(() => message.signal.aborted, { timeout: 10_000 }).toBe(true);
      }
      const acked = message.ack();
      if (breaks === 0) line.reset();
      await acked;
      done.add(text);
    } catch (error) {
      if (!(error instanceof ConnectionLostError)) throw error;
      lost[error.sent ? "meanwhile" : "before"]++;
      if (error.sent) unsure.add(text);
    }
    if (new Set([...done, ...unsure]).size === expected.length) controller.abort();
  };
  for await (const message of queue.messages(name, { prefetch: 3, signal: controller.signal })) void work(message);
  expect(lost.before).toBeGreaterThan(0);
  expect(lost.meanwhile).toBeGreaterThan(0);
  await queue.close();
  // What the server's word was had for never comes again; what it wasn't had for may.
  for (;;) {
    const message = await direct.get(name, { timeout: 300 }).catch(() => undefined);
    if (!message) break;
    expect(done).not.toContain(message.payload.text());
    expect(unsure).toContain(message.payload.text());
  }
});

test("a server that had taken the message back says so, and whoever acknowledged is told", async () => {
  // gearmand does it when a job's time is over (CAN_DO_TIMEOUT), or its function was dropped: here, at once.
  let assigned = false;
  await using server = await startFaultyServer((socket) => {
    const answer = (bytes: Uint8Array) => socket.write(bytes);
    socket.on("data", (chunk: Buffer) => {
      for (const { type, data } of read("client", chunk).packets) {
        if (type === GRAB_JOB_ALL && assigned) answer(write("server", packet(NO_JOB)));
        else if (type === GRAB_JOB_ALL)
          answer(write("server", packet(JOB_ASSIGN_UNIQ, ["H:x:1", "queue.q", "u"], "a")));
        if (type === GRAB_JOB_ALL) assigned = true;
        if (type === WORK_COMPLETE)
          answer(write("server", packet(ERROR, ["JOB_NOT_FOUND", "Job given in work result not found"])));
        if (type === ECHO_REQ) answer(write("server", packet(ECHO_RES, [], data)));
      }
    });
  });
  await using queue = new Queue({ servers: server.address });
  const message = await queue.get("q", { ack: "manual", timeout: 10_000 });
  const error = await message.ack().catch((thrown) => thrown);
  expect(error).toBeInstanceOf(RefusedError);
  expect(error.message).toContain("had taken the message H:x:1 back");
});

test("a message that was got, and whose acknowledgement nobody confirmed, is not lost to who asked for it", async () => {
  // It confirms what the reader can do, and nothing after it has given the message out.
  let given = false;
  await using server = await startFaultyServer((socket) => {
    socket.on("data", (chunk: Buffer) => {
      for (const { type, data } of read("client", chunk).packets) {
        const job = packet(JOB_ASSIGN_UNIQ, ["H:x:1", "queue.q", "u"], "what was put");
        if (type === ECHO_REQ && !given) socket.write(write("server", packet(ECHO_RES, [], data)));
        if (type === GRAB_JOB_ALL) given = true;
        if (type === GRAB_JOB_ALL) socket.write(write("server", job));
        if (type === WORK_COMPLETE) socket.destroy();
      }
    });
  });
  await using queue = new Queue({ servers: server.address });
  const error = await queue.get("q", { timeout: 10_000 }).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(UnconfirmedError);
  expect(error).toBeInstanceOf(ConnectionLostError);
  expect(error).toMatchObject({ code: "CONNECTION_LOST", sent: true, handle: "H:x:1" });
  expect(error.received.payload.text()).toBe("what was put");
});
