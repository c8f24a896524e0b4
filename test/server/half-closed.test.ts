import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { Client } from "edgear";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { whenStuck } from "../../build/src/server/stuck.js";
import { packet, write, writeAll } from "../codec/packets.ts";
import { pause } from "../conformance/case.ts";
import { Wire } from "../support/wire.ts";

const CAN_DO = 1;
const SUBMIT_JOB = 7;
const GRAB_JOB = 9;

/** With names of this size, their status is 20 MB: more than the system holds for a peer that doesn't read. */
const FUNCTIONS = 2_800;
const NAME_SIZE = 7_000;

test("a peer that has ended its side gets a long answer whole, as from echo status | nc", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const client = new Client(server.address);
  const name = (job: number) => `${job}-`.padEnd(NAME_SIZE, "f");
  await Promise.all(Array.from({ length: FUNCTIONS }, (_, job) => client.background(name(job))));
  await client.close();
  const socket = connect({ host: "127.0.0.1", port: server.port, allowHalfOpen: true });
  let answer = "";
  socket.setEncoding("latin1").on("data", (text: string) => {
    answer += text;
  });
  socket.end("status\n");
  socket.pause();
  await pause(200);
  socket.resume();
  await once(socket, "close");
  const lines = answer.trimEnd().split("\n");
  assert.equal(lines.length, FUNCTIONS + 1);
  assert.equal(lines.at(-1), ".");
});

/** More than the system holds for a peer that doesn't read. */
const LARGE = new Uint8Array(20_000_000);

test("a worker that has ended its side has no jobs any more, whether it reads or doesn't", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using client = new Client(server.address);
  await client.background("f", LARGE);
  const worker = connect({ host: "127.0.0.1", port: server.port, allowHalfOpen: true }).pause();
  worker.on("error", () => {});
  worker.write(writeAll("client", [packet(CAN_DO, ["f"]), packet(GRAB_JOB)]));
  await server.waitFor(() => server.jobs()[0]?.state === "running");
  // What it says while it doesn't read is kept, and its end is behind it.
  worker.end(write("client", packet(CAN_DO, ["g"])));
  await server.waitFor(() => server.jobs()[0]?.state === "queued");
  await using wire = await Wire.connect(server.address, new Map());
  assert.equal(await wire.text("status\n", /^\.\n$/m), "f\t1\t0\t0\ng\t0\t0\t0\n.\n");
  worker.destroy();
});

test("a worker in memory that has ended its side has no jobs any more, though it doesn't read", async () => {
  await using server = new JobServer();
  await using client = new Client("test", { connect: () => server.connect() });
  await client.background("f", LARGE);
  const worker = server.connect().writable.getWriter();
  await worker.write(writeAll("client", [packet(CAN_DO, ["f"]), packet(GRAB_JOB)]));
  await server.waitFor(() => server.jobs()[0]?.state === "running");
  await worker.close();
  await server.waitFor(() => server.jobs()[0]?.state === "queued");
});

test("a foreground job whose client has ended its side is dropped", async () => {
  await using server = await JobServer.listen({ port: 0 });
  const client = connect({ host: "127.0.0.1", port: server.port });
  let abandoned = 0;
  server.on("abandon", () => void abandoned++);
  client.end(write("client", packet(SUBMIT_JOB, ["f", ""])));
  await once(client.resume(), "close");
  await server.waitFor(() => abandoned === 1);
  assert.deepEqual(server.jobs(), []);
});

test("who makes headway is waited for, and who makes none is not", async () => {
  let taken = 0;
  let looks = 0;
  await new Promise<void>((resolve) => {
    whenStuck(() => (looks++ < 5 ? ++taken : taken), 5, resolve);
  });
  assert.deepEqual([taken, looks], [5, 6]);
  const stop = whenStuck(
    () => 0,
    5,
    () => assert.fail("it was stopped"),
  );
  stop();
  await pause(30);
});
