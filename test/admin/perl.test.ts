import assert from "node:assert/strict";
import { Admin, Client, ConnectionError, ServerError } from "edgear";
import { afterAll, beforeAll, expect, test } from "vitest";
import { rejection } from "../conformance/case.ts";
import { type PerlGearmand, startPerlGearmand } from "../support/perl-gearmand.ts";

let server: PerlGearmand;

beforeAll(async () => {
  server = await startPerlGearmand();
});

afterAll(() => server?.[Symbol.asyncDispose]());

test("Perl's gearmand says its version, its functions and its connections", async () => {
  await using client = new Client(server.address);
  await using admin = new Admin(server.address);
  assert.match(await admin.version(), /^v\d+\.\d+/);
  await client.background("perl-status", "x");
  assert.deepEqual(await admin.status(), [{ function: "perl-status", queued: 1, running: 0, total: 1, workers: 0 }]);
  const workers = await admin.workers();
  assert.ok(workers.length >= 2);
  for (const { address, functions } of workers) assert.deepEqual([address, functions], ["127.0.0.1", []]);
});

test("what it doesn't know is a ServerError that says so", async () => {
  await using admin = new Admin(server.address);
  const calls: [() => Promise<unknown>, string][] = [
    [() => admin.priorityStatus(), "prioritystatus"],
    [() => admin.jobs(), "show jobs"],
    [() => admin.uniqueJobs(), "show unique jobs"],
    [() => admin.pid(), "getpid"],
    [() => admin.verbosity(), "verbose"],
    [() => admin.cancel("H:x:1"), "cancel job H:x:1"],
    [() => admin.createFunction("f"), "create function f"],
    [() => admin.dropFunction("f"), "drop function f"],
    [() => admin.maxQueue("f", { high: 1 }), "one limit for all priorities"],
  ];
  for (const [call, words] of calls) {
    const error = await rejection(call(), ServerError);
    assert.equal(error.serverCode, "unknown_command");
    assert.ok(error.text.includes(words), error.text);
  }
  assert.ok(await admin.version());
});

test("its queues are limited, and no limit is none", async () => {
  await using client = new Client(server.address);
  await using admin = new Admin(server.address);
  const total = async () => (await admin.status()).find((entry) => entry.function === "perl-limited")?.total;
  await admin.maxQueue("perl-limited", 1);
  // It takes what is too much, and drops it.
  for (let job = 0; job < 3; job++) await client.background("perl-limited");
  assert.equal(await total(), 1);
  await admin.maxQueue("perl-limited", 0);
  for (let job = 0; job < 3; job++) await client.background("perl-limited");
  assert.equal(await total(), 4);
});

test.each([false, true])("it shuts down (graceful: %s)", async (graceful) => {
  await using other = await startPerlGearmand();
  await using admin = new Admin(other.address);
  await admin.shutdown({ graceful });
  await expect.poll(() => admin.version().catch((error) => error.constructor)).toBe(ConnectionError);
});
