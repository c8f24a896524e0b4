import assert from "node:assert/strict";
import { Client } from "edgear";
import { JobServer, type MemorySocket } from "edgear/server";
import { test, vi } from "vitest";
import { bytesOf, concat, packet, read, write } from "../codec/packets.ts";
import { eventually } from "../conformance/case.ts";

const CAN_DO = 1;
const SUBMIT_JOB = 7;
const JOB_CREATED = 8;
const GRAB_JOB = 9;
const JOB_ASSIGN = 11;
const WORK_COMPLETE = 13;
const ECHO_REQ = 16;
const ECHO_RES = 17;

/** One end of a socket, packet by packet. */
class End {
  readonly socket: MemorySocket;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  #bytes = new Uint8Array(0);

  constructor(socket: MemorySocket) {
    this.socket = socket;
    this.#reader = socket.readable.getReader();
    this.#writer = socket.writable.getWriter();
    this.#writer.closed.catch(() => {});
  }

  send(type: number, args: string[] = [], data: string | Uint8Array = ""): Promise<void> {
    return this.#writer.write(write("client", packet(type, args, data)));
  }

  /** The next packet: its type, and its body as text; undefined at the end. */
  async next(): Promise<[type: number, ...parts: string[]] | undefined> {
    for (;;) {
      const [first] = read("server", this.#bytes).packets;
      if (first) {
        this.#bytes = this.#bytes.slice(write("server", first).length);
        const text = new TextDecoder();
        return [
          first.type,
          ...first.args.map((arg) => text.decode(arg)),
          ...(first.data.length > 0 ? [text.decode(first.data)] : []),
        ];
      }
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#bytes = new Uint8Array(concat([this.#bytes, value]));
    }
  }
}

test("a server that doesn't listen is reached in memory", async () => {
  await using server = new JobServer({ handlePrefix: "h" });
  assert.deepEqual([server.port, server.address], [0, "in-memory"]);
  const [client, worker] = [new End(server.connect()), new End(server.connect())];
  await client.socket.opened;
  await client.send(SUBMIT_JOB, ["f", "u"], "load");
  assert.deepEqual(await client.next(), [JOB_CREATED, "h:1"]);
  await worker.send(CAN_DO, ["f"]);
  await worker.send(GRAB_JOB);
  assert.deepEqual(await worker.next(), [JOB_ASSIGN, "h:1", "f", "load"]);
  await worker.send(WORK_COMPLETE, ["h:1"], "result");
  assert.deepEqual(await client.next(), [WORK_COMPLETE, "h:1", "result"]);
});

test("large packets pass, and what was sent stays as it was", async () => {
  await using server = new JobServer();
  const end = new End(server.connect());
  const data = new Uint8Array(3_000_000).fill(97);
  const sent = end.send(ECHO_REQ, [], data);
  const [type, text] = (await end.next()) ?? [];
  await sent;
  assert.deepEqual([type, text?.length], [ECHO_RES, 3_000_000]);
  assert.equal(data.length, 3_000_000);
});

test("a reader that brings its own buffer", async () => {
  await using server = new JobServer();
  const { readable, writable } = server.connect();
  const writer = writable.getWriter();
  await writer.write(write("client", packet(ECHO_REQ, [], "12345678")));
  const reader = readable.getReader({ mode: "byob" });
  const { value } = await reader.read(new Uint8Array(12));
  assert.deepEqual(value?.subarray(0, 4), bytesOf("\0RES"));
  const rest = await reader.read(new Uint8Array(100));
  assert.deepEqual(rest.value, bytesOf("12345678"));
  const waiting = reader.read(new Uint8Array(100));
  await server.close();
  assert.equal((await waiting).done, true);
});

test("either end can close it", async () => {
  await using server = new JobServer();
  let gone = 0;
  server.on("disconnect", () => void gone++);
  const left = server.connect();
  await left.close();
  await left.closed;
  await eventually("the server has noticed", async () => gone === 1);
  const writing = server.connect();
  await writing.writable.getWriter().close();
  await eventually("the server has noticed", async () => gone === 2);
  await writing.closed;
  const reading = server.connect();
  await reading.readable.cancel();
  const end = server.connect();
  await server.close();
  await end.closed;
  assert.equal((await end.readable.getReader().read()).done, true);
  await assert.rejects(end.writable.getWriter().write(bytesOf("late")), /closed/);
});

test("who doesn't read its answers isn't read, and costs no more", async () => {
  await using server = new JobServer();
  const { writable } = server.connect();
  const writer = writable.getWriter();
  writer.closed.catch(() => {});
  const echo = write("client", packet(ECHO_REQ, [], new Uint8Array(100_000)));
  let taken = 0;
  for (let count = 0; count < 100; count++) {
    writer.write(echo).then(
      () => taken++,
      () => {},
    );
  }
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.ok(taken > 0 && taken < 30, `${taken} of 100 were taken`);
});

test("a socket of somebody else's is served as well", async () => {
  await using server = new JobServer({ handlePrefix: "h" });
  const [there, back] = [new TransformStream<Uint8Array>(), new TransformStream<Uint8Array>()];
  server.accept({ readable: there.readable, writable: back.writable, close: () => {} }, "elsewhere");
  const writer = there.writable.getWriter();
  void writer.write(bytesOf("workers\n"));
  const { value } = await back.readable.getReader().read();
  assert.equal(new TextDecoder().decode(value), "1 elsewhere - :\n.\n");
  void writer.close();
});

test("a connection in memory works while a test holds the clock", async () => {
  vi.useFakeTimers();
  try {
    await using server = new JobServer({ handlePrefix: "h" });
    await using client = new Client("test", { connect: () => server.connect() });
    assert.equal((await client.background("f")).handle, "h:1");
  } finally {
    vi.useRealTimers();
  }
});
