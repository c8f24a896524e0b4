import assert from "node:assert/strict";
import { Client, ProtocolError, Worker } from "edgear";
import { describe, test } from "vitest";
import { concat, header } from "../codec/packets.ts";
import { eventually, pause } from "../conformance/case.ts";
import * as attacks from "./attacks.ts";
import { bounded, flooded, type Hostility, type Turncoat, turncoat } from "./turncoat.ts";

const { sent, many } = attacks;

const GRABS: ReadonlySet<number> = new Set([9, 30, 39]);
const PRE_SLEEP = 4;
const NOOPS = many(sent(attacks.NOOP));

const OPTIONS = {
  connectTimeout: 1_000,
  requestTimeout: 400,
  pollInterval: 200,
  reconnect: { minDelay: 10, maxDelay: 50 },
};

/** What a worker that runs has told of, and done. */
interface Life {
  readonly errors: Error[];
  /** How many jobs run now, and how many ran at once at the most. */
  running: number;
  most: number;
}

/** Has a worker with a hostile server. Afterwards a good one is behind its port, and the same worker works for it. */
async function site(
  hostility: Hostility,
  run: (life: Life, server: Turncoat, worker: Worker) => Promise<void>,
): Promise<void> {
  await using peer = await turncoat(hostility);
  const worker = new Worker(peer.address, { ...OPTIONS, concurrency: 2 });
  const life: Life = { errors: [], running: 0, most: 0 };
  worker.on("disconnect", ({ error }) => void (error && life.errors.push(error)));
  worker.on("error", ({ error }) => void life.errors.push(error as Error));
  worker.add("up", async (job) => {
    life.most = Math.max(life.most, ++life.running);
    await pause(20);
    life.running--;
    return job.workload.text().toUpperCase();
  });
  const running = worker.run();
  await bounded(() => run(life, peer, worker));
  peer.reform();
  await using client = new Client(peer.server.address);
  assert.equal((await client.run("up", "abc", { timeout: 8_000 })).text(), "ABC");
  await worker.close({ timeout: 2_000 });
  await running;
}

/** Attacks when the worker grabs a job. */
function onGrab(attack: Hostility): Hostility {
  return (socket, packet) => {
    if (GRABS.has(packet.type)) attack(socket, packet);
  };
}

describe("what breaks the protocol ends the connection, and the worker says so:", () => {
  test.each(Object.entries(attacks.BREACHES))("%s", (_, [attack, words]) =>
    site(
      onGrab((socket) => attack(socket)),
      async ({ errors }, peer) => {
        const breach = () => errors.find((error) => words.test(error.message));
        await eventually("the worker to say so", async () => breach() !== undefined);
        assert.ok(breach() instanceof ProtocolError);
        // It tries again, ever less often.
        const before = peer.victims;
        await pause(500);
        assert.ok(peer.victims - before < 100, `${peer.victims - before} connections in half a second`);
      },
    ),
  );
});

test("jobs without end for one that was asked for: what was not asked for is refused", () =>
  site(
    onGrab((socket) => socket.flood(many(sent(attacks.JOB_ASSIGN_ALL, ["H:x:1", "up", "u", ""], "abc")))),
    async (life) => {
      const words = /sent a JOB_ASSIGN_ALL packet, but no request waits/;
      await eventually("the worker to say so", async () => life.errors.some(({ message }) => words.test(message)));
      assert.ok(life.most <= 2, `${life.most} jobs ran at once`);
    },
  ));

test("jobs with handles of their own, many to one grab", () => {
  let number = 0;
  return site(
    onGrab((socket) => {
      const jobs = Array.from({ length: 5_000 }, () => sent(attacks.JOB_ASSIGN_UNIQ, [`H:x:${number++}`, "up", "u"]));
      socket.send(concat(jobs));
    }),
    async (life) => {
      await eventually("the worker to say so", async () => life.errors.some((error) => error instanceof ProtocolError));
      await pause(300);
      assert.ok(life.most <= 2, `${life.most} jobs ran at once`);
    },
  );
});

test("jobs of functions that it never registered", () =>
  site(
    onGrab((socket) => socket.send(sent(attacks.JOB_ASSIGN_ALL, ["H:x:1", "nothing of mine", "u", ""]))),
    async (life, peer) => {
      await pause(500);
      assert.equal(life.most, 0);
      assert.ok(peer.victims < 50, `${peer.victims} connections`);
    },
  ));

test("a flood of NOOPs to a worker that sleeps: it asks no oftener than it is answered", () => {
  let grabs = 0;
  return site(
    (socket, { type }) => {
      if (GRABS.has(type)) {
        grabs++;
        socket.send(sent(attacks.NO_JOB));
      } else if (type === PRE_SLEEP) socket.flood(NOOPS);
    },
    async () => {
      const begin = flooded;
      await eventually("a flood", async () => flooded - begin > 5_000_000);
      await pause(500);
      assert.ok(grabs < 20_000, `${grabs} grabs`);
    },
  );
});

test("a storm of errors", () =>
  site(
    onGrab((socket) => socket.flood(many(sent(attacks.ERROR, ["NO", "go away"])))),
    async ({ errors }) => {
      // The first one refuses a kind of grab, and the next may refuse the other kind.
      const words = /sent the error NO \(go away\), which answers no request|answered with an error: NO/;
      await eventually("the worker to say so", async () => errors.some(({ message }) => words.test(message)));
    },
  ));

test("a storm of errors that say that a job is not there", () =>
  site(
    onGrab((socket) =>
      socket.flood(many(sent(attacks.ERROR, ["JOB_NOT_FOUND", "Job given in work result not found"]))),
    ),
    async () => {
      const begin = flooded;
      await eventually("a storm", async () => flooded - begin > 2_000_000);
    },
  ));

test("half a job, and never the rest", () =>
  site(
    onGrab((socket) => socket.drip(header("server", attacks.JOB_ASSIGN_UNIQ, 60_000_000), new Uint8Array(3), 20)),
    async (life, peer) => {
      await eventually("the worker to give it up", async () => peer.victims > 1);
      assert.equal(life.most, 0);
    },
  ));
