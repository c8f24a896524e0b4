import assert from "node:assert/strict";
import { JobServer, type JobServerOptions } from "edgear/server";
import { test } from "vitest";
import { rejection } from "../conformance/case.ts";
import { Wire } from "../support/wire.ts";

/** A server, and two who speak to it. */
async function setup(options: JobServerOptions = {}) {
  const server = await JobServer.listen({ port: 0, ...options });
  const handles = new Map<string, string>();
  const client = await Wire.connect(server.address, handles);
  const worker = await Wire.connect(server.address, handles);
  return {
    ...{ server, client, worker },
    async [Symbol.asyncDispose]() {
      await client[Symbol.asyncDispose]();
      await worker[Symbol.asyncDispose]();
      await server.close();
    },
  };
}

/** Waits for a condition that `change` makes true. It must be seen by itself, and not only when the time is over. */
async function sees(server: JobServer, isSo: () => boolean, change: () => unknown): Promise<void> {
  assert.equal(isSo(), false);
  let over = false;
  const timeout = 10_000;
  const timer = setTimeout(() => {
    over = true;
  }, timeout - 1_000);
  const waiting = server.waitFor(isSo, { timeout });
  await change();
  await waiting;
  clearTimeout(timer);
  assert.equal(over, false);
}

test("a job whose time has come is seen", async () => {
  for (const wakeForDelayed of [true, false]) {
    await using all = await setup({ wakeForDelayed });
    const { server, client } = all;
    await client.send("SUBMIT_JOB_EPOCH", ["f", "", String(Math.floor(Date.now() / 1000) + 1)]).received();
    await sees(
      server,
      () => server.jobs()[0]?.state === "queued",
      () => {},
    );
  }
});

test("the end of a running job that was cancelled is seen", async () => {
  await using all = await setup();
  const { server, client, worker } = all;
  await client.send("SUBMIT_JOB", ["f", ""]).received();
  await worker.send("CAN_DO", ["f"]).send("GRAB_JOB").received();
  const { handle = "" } = server.jobs()[0] ?? {};
  await client.text(`cancel job ${handle}\n`, /OK\r\n$/);
  await sees(
    server,
    () => server.jobs().length === 0,
    () => worker.send("WORK_COMPLETE", ["job1"]),
  );
});

test("pausing and going on are seen", async () => {
  await using server = new JobServer();
  await sees(
    server,
    () => server.paused,
    () => server.pause(),
  );
  await sees(
    server,
    () => !server.paused,
    () => server.resume(),
  );
});

test("what connections say of themselves is seen", async () => {
  await using all = await setup();
  const { server, client, worker } = all;
  await client.send("SUBMIT_JOB_BG", ["f", ""]).received();
  await worker.send("CAN_DO", ["f"]).send("GRAB_JOB").received();
  await sees(
    server,
    () => server.jobs()[0]?.worker?.id === "me",
    () => worker.send("SET_CLIENT_ID", ["me"]),
  );
  await sees(
    server,
    () => server.jobs()[0]?.state === "queued",
    () => worker.send("RESET_ABILITIES"),
  );
});

test("what is so when the time is over is no failure", async () => {
  await using server = new JobServer();
  let looks = 0;
  await server.waitFor(() => ++looks > 1, { timeout: 20 });
  assert.equal(looks, 2);
});

test("a condition that gives a promise is refused in words", async () => {
  await using server = new JobServer();
  const refused = await rejection(
    server.waitFor(async () => false),
    TypeError,
  );
  assert.match(refused.message, /must say at once whether it is so: this one gave a promise/);
  await rejection(
    server.waitFor(() => Promise.reject(new Error("unheard"))),
    TypeError,
  );
});
