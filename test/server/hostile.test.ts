import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { bytesOf, concat, header, packet, write, writeAll } from "../codec/packets.ts";
import { eventually } from "../conformance/case.ts";
import { Wire } from "../support/wire.ts";

const CAN_DO = 1;
const CANT_DO = 2;
const PRE_SLEEP = 4;
const SUBMIT_JOB = 7;
const GRAB_JOB = 9;
const ECHO_REQ = 16;

/** A connection that doesn't read what it is sent. */
async function deaf(server: JobServer): Promise<Socket> {
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  socket.on("error", () => {});
  return socket.pause();
}

/** What the server is held up by, if it is: it answers within the patience of `received`. */
async function alive(server: JobServer): Promise<void> {
  await using wire = await Wire.connect(server.address, new Map());
  await wire.received();
}

test("a thousand connections that stop in the middle of a packet cost their own bytes", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const sockets: Socket[] = [];
  const before = process.memoryUsage().arrayBuffers;
  // Each announces 64 MiB, and sends a kilobyte of it.
  const half = concat([header("client", SUBMIT_JOB, 64 * 1024 * 1024), bytesOf("f\0u\0"), new Uint8Array(1_000)]);
  while (sockets.length < 1_000) {
    const socket = await deaf(server);
    socket.write(half);
    sockets.push(socket);
  }
  await using wire = await Wire.connect(server.address, new Map());
  await eventually("all are there", async () => (await wire.text("workers\n", /^\.\n$/m)).split("\n").length === 1_003);
  const grown = process.memoryUsage().arrayBuffers - before;
  // Some of it is this end. Of announced sizes that were believed, it would be 64 GB.
  assert.ok(grown < 150_000_000, `${Math.round(grown / 1e6)} MB`);
  for (const socket of sockets) socket.destroy();
  await eventually("all are gone", async () => (await wire.text("workers\n", /^\.\n$/m)).split("\n").length === 3);
});

test("who leaves its answers unread isn't read itself", async () => {
  await using server = await JobServer.listen({ port: 0, maxPending: 4_000_000 });
  const gone: (Error | undefined)[] = [];
  server.on("disconnect", ({ error }) => void gone.push(error));
  const socket = await deaf(server);
  const echo = write("client", packet(ECHO_REQ, [], new Uint8Array(500_000)));
  for (let count = 0; count < 100; count++) socket.write(echo);
  await new Promise((resolve) => setTimeout(resolve, 300));
  // The most of it lies with its sender.
  assert.ok(socket.writableLength > 25_000_000, `${socket.writableLength} bytes`);
  assert.deepEqual(gone, []);
  await alive(server);
  socket.destroy();
});

test("who leaves others' results unread is cut off", async () => {
  await using server = await JobServer.listen({ port: 0, maxPending: 4_000_000 });
  const gone: (string | undefined)[] = [];
  server.on("disconnect", ({ error }) => void gone.push(error?.message));
  const socket = await deaf(server);
  socket.write(write("client", packet(SUBMIT_JOB, ["f", "u"])));
  const { handle } = await server.waitFor("f");
  await using worker = await Wire.connect(server.address, new Map());
  await worker.send("CAN_DO", ["f"]).send("GRAB_JOB").received();
  const part = new Uint8Array(500_000);
  for (let count = 0; count < 60; count++) await worker.send("WORK_DATA", [handle], part).received();
  assert.deepEqual(gone, ["it left more than 4000000 bytes unread (maxPending)"]);
  assert.deepEqual(await worker.send("WORK_COMPLETE", [handle], "done").received(), []);
  assert.equal(server.jobs().length, 0);
  socket.destroy();
});

test("long answers to short questions are bounded as well", async () => {
  await using server = await JobServer.listen({ port: 0, maxPending: 1_000_000 });
  await using client = await Wire.connect(server.address, new Map());
  for (let count = 0; count < 2_000; count++) client.send("SUBMIT_JOB_BG", ["f", ""]);
  await client.received();
  let lost = false;
  server.on("disconnect", ({ error }) => {
    lost ||= /unread/.test(error?.message ?? "");
  });
  const socket = await deaf(server);
  socket.write("show jobs\n".repeat(6_000));
  await eventually("it was cut off", async () => lost);
  await alive(server);
  socket.destroy();
});

test("who breaks the protocol is told why, and what it still sends is dropped", async () => {
  await using server = await JobServer.listen({ port: 0, maxPacketSize: 10_000 });
  const socket = connect(server.port, "127.0.0.1");
  await once(socket, "connect");
  let told = "";
  socket.on("data", (chunk: Buffer) => {
    told += chunk.toString("latin1");
  });
  socket.on("error", () => {});
  socket.write(concat([header("client", ECHO_REQ, 20_000_000), new Uint8Array(20_000_000)]));
  await once(socket, "close");
  assert.match(told, /^\0RES.{8}ARGUMENT_TOO_LARGE\0A packet's body may have 10000 bytes at most$/s);
  await alive(server);
});

test("who is told to go, and doesn't, is cut off", async () => {
  await using server = await JobServer.listen({ port: 0 });
  let gone = false;
  server.on("disconnect", () => {
    gone = true;
  });
  const socket = connect({ port: server.port, host: "127.0.0.1", allowHalfOpen: true });
  socket.on("error", () => {});
  socket.resume();
  socket.write("a b c d e f g\n");
  await once(socket, "end");
  await eventually("it is gone", async () => gone);
  socket.destroy();
});

test("a flood of submits, grabs and nonsense from many at once", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const flood = concat([
    writeAll("client", [packet(1, ["f"]), packet(7, ["f", "-"], "x"), packet(9), packet(13, ["h"], "x"), packet(4)]),
    new TextEncoder().encode("status\r\nnonsense\r\n"),
    writeAll("client", [packet(2, ["f"]), packet(36, ["f", "", "99999999999"], "x"), packet(15, ["h"]), packet(3)]),
  ]);
  const sockets: Socket[] = [];
  for (let count = 0; count < 50; count++) {
    const socket = connect(server.port, "127.0.0.1").resume();
    socket.on("error", () => {});
    for (let times = 0; times < 100; times++) socket.write(flood);
    sockets.push(socket);
  }
  await alive(server);
  for (const socket of sockets) socket.destroy();
  await eventually("what was foreground is gone", async () => server.jobs().every(({ background }) => background));
  assert.ok(server.jobs().every(({ state }) => state === "delayed"));
});

test("a worker of very many functions grabs and sleeps as fast as any", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using worker = await Wire.connect(server.address, new Map());
  const functions = Array.from({ length: 40_000 }, (_, index) => `f${index}`);
  worker.bytes(
    writeAll(
      "client",
      functions.map((name) => packet(CAN_DO, [name])),
    ),
  );
  await worker.received();
  // Were each of them to look at each function, it would take longer than `received` waits.
  const idle = Array.from({ length: 20_000 }, () => [packet(GRAB_JOB), packet(PRE_SLEEP)]).flat();
  worker.bytes(writeAll("client", idle));
  assert.equal((await worker.received()).length, 20_000);
  await using client = await Wire.connect(server.address, new Map());
  await client.send("SUBMIT_JOB_BG", ["f0", ""]).send("SUBMIT_JOB_BG", ["f39999", ""]).received();
  assert.deepEqual(await worker.received(), ["NOOP"]);
  const grabbed = await worker.send("GRAB_JOB").send("GRAB_JOB").send("GRAB_JOB").received();
  assert.deepEqual(
    grabbed.map((line) => line.split(" ")[2]),
    ["f39999", "f0", undefined],
  );
  worker.bytes(
    writeAll(
      "client",
      functions.map((name) => packet(CANT_DO, [name])),
    ),
  );
  await worker.received();
  assert.ok(server.jobs().every(({ state, retries }) => state === "queued" && retries === 1));
});

test("limits of functions that nobody names are kept of the last thousand only", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using wire = await Wire.connect(server.address, new Map());
  const lines = Array.from({ length: 1_001 }, (_, index) => `maxqueue f${index} 1\n`).join("");
  let answers = await wire.text(lines);
  while (answers.length < "OK\r\n".length * 1_001) answers += await wire.text("");
  const taken = async (name: string) =>
    (await wire.send("SUBMIT_JOB_BG", [name, ""]).send("SUBMIT_JOB_BG", [name, ""]).received()).filter((line) =>
      line.startsWith("JOB_CREATED"),
    ).length;
  assert.deepEqual([await taken("f0"), await taken("f1"), await taken("f1000")], [2, 1, 1]);
});
