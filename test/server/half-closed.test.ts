import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:net";
import { Client } from "edgear";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { pause } from "../conformance/case.ts";

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
