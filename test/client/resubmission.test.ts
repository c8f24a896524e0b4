import assert from "node:assert/strict";
import { Client, ConnectionLostError, type Task } from "edgear";
import { JobServer } from "edgear/server";
import { test } from "vitest";
import { eventually, rejection } from "../conformance/case.ts";
import { startGearmand } from "../support/gearmand.ts";
import { Line } from "../support/line.ts";
import { textLines } from "../support/text-command.ts";

test("a background job with a unique that is submitted again is one job", async () => {
  await using server = await startGearmand();
  await using line = await Line.to(server.port);
  await using client = new Client(line.address);
  await client.ping();
  const before = line.sent;
  line.hold("answers");
  const call = client.background("nobody", "a", { unique: "one" });
  await eventually("the server has it", async () => line.sent > before && (await queued(server.port)) === 1);
  line.cut();
  const { handle } = await call;
  assert.equal(await queued(server.port), 1);
  assert.equal((await client.statusOf("one")).known, true);
  assert.equal((await client.status(handle)).state, "queued");
});

/** How many jobs of `nobody` a server has. */
async function queued(port: number): Promise<number> {
  const row = (await textLines(port, "status")).find((line) => line.startsWith("nobody\t"));
  return Number(row?.split("\t")[1] ?? 0);
}

test("a server that drops each connection is not tried for ever", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using line = await Line.to(server.port);
  await using client = new Client(line.address, { reconnect: { minDelay: 1, maxDelay: 1, retries: 3 } });
  line.hold("everything");
  const cutting = setInterval(() => {
    line.cut();
    line.hold("everything");
  }, 20);
  const error = await rejection(client.background("f", "", { unique: "mine" }), ConnectionLostError);
  clearInterval(cutting);
  assert.equal(error.sent, true);
  assert.ok(line.connections <= 5, String(line.connections));
});

test("what could not be tried again says what is known, and why", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using line = await Line.to(server.port);
  await using client = new Client(line.address, { reconnect: { minDelay: 1, maxDelay: 5, retries: 2 } });
  const task: Task = client.submit("nobody", "", { unique: "mine" });
  const { handle } = await task.handle;
  await line.down();
  const error = await rejection(task.result, ConnectionLostError);
  assert.equal(error.handle, handle);
  assert.match(
    error.message,
    /was acknowledged; .* It could not be tried again: could not connect to .* nothing listens/,
  );
});

test("a gearmand that is back within the patience of `reconnect` is used by the calls that waited", async () => {
  const first = await startGearmand();
  await using client = new Client(first.address, { reconnect: { retries: 20 } });
  await client.ping();
  const told: string[] = [];
  for (const name of ["connect", "disconnect", "reconnect", "error"] as const) client.on(name, () => told.push(name));
  await first.stop();
  const calls = Array.from({ length: 50 }, (_, job) => client.background("f", String(job)));
  const results = Promise.all(calls);
  await using _again = await startGearmand({ port: first.port });
  assert.equal(new Set((await results).map(String)).size, 50);
  assert.deepEqual([told[0], told.at(-2), told.at(-1)], ["disconnect", "connect", "reconnect"]);
});
