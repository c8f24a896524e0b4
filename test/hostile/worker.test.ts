import assert from "node:assert/strict";
import { Client, ProtocolError, Worker } from "edgear";
import { describe, test } from "vitest";
import { bytesOf, concat, header } from "../codec/packets.ts";
import { eventually, pause } from "../conformance/case.ts";
import { leaveNothing } from "../support/faults/leaks.ts";
import * as attacks from "./attacks.ts";
import { bounded, flooded, type Hostility, type Turncoat, turncoat } from "./turncoat.ts";

leaveNothing();

const { sent, many } = attacks;

const GRABS: ReadonlySet<number> = new Set([9, 30, 39]);
const CANT_DO = 2;
const PRE_SLEEP = 4;
const ECHO_REQ = 16;
const ECHO_RES = 17;
const NOOPS = many(sent(attacks.NOOP));

const CONCURRENCY = 2;

const OPTIONS = {
  connectTimeout: 1_000,
  requestTimeout: 400,
  pollInterval: 200,
  reconnect: { minDelay: 10, maxDelay: 50 },
};

/** What a worker that runs has told of, and done. */
interface Life {
  readonly errors: Error[];
  /** How often it was told that the server no longer had a job. */
  discards: number;
  /** How many jobs run now, and how many ran at once at the most. */
  running: number;
  most: number;
}

/** Has a worker with a hostile server. Afterwards a good one is behind its port, and the same worker works for it. */
async function site(
  hostility: Hostility,
  run: (life: Life, server: Turncoat, worker: Worker) => Promise<void>,
): Promise<void> {
  await using peer = await turncoat((socket, packet) => {
    // It seems to know the worker's functions.
    if (packet.type === ECHO_REQ) socket.send(sent(ECHO_RES, [], packet.data));
    hostility(socket, packet);
  });
  const worker = new Worker(peer.address, { ...OPTIONS, concurrency: CONCURRENCY });
  const life: Life = { errors: [], discards: 0, running: 0, most: 0 };
  worker.on("disconnect", ({ error }) => void (error && life.errors.push(error)));
  worker.on("error", ({ error }) => void life.errors.push(error as Error));
  worker.add("up", async (job) => {
    life.most = Math.max(life.most, ++life.running);
    await pause(20);
    life.running--;
    return job.workload.text().toUpperCase();
  });
  const running = worker.run();
  worker.on("discard", () => void life.discards++);
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
      assert.ok(life.most <= CONCURRENCY, `${life.most} jobs ran at once`);
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
      assert.ok(life.most <= CONCURRENCY, `${life.most} jobs ran at once`);
    },
  );
});

test("jobs of functions that it never registered are given back, one by one, over the same connection", () => {
  let [given, back] = [0, 0];
  return site(
    (socket, { type, args }) => {
      if (type === CANT_DO && new TextDecoder().decode(args[0]) === "nothing of mine") back++;
      if (!GRABS.has(type)) return;
      given++;
      socket.send(sent(attacks.JOB_ASSIGN_ALL, [`H:x:${given}`, "nothing of mine", "u", ""]));
    },
    async (life, peer) => {
      await eventually("jobs to be given", async () => given > 10);
      await pause(300);
      assert.equal(life.most, 0);
      assert.equal(peer.victims, 1);
      // The last ones may be on their way.
      assert.ok(given - back <= CONCURRENCY, `${back} of ${given} jobs were given back`);
    },
  );
});

test("a flood of NOOPs to a worker that sleeps: it asks no oftener than it is answered", () => {
  let [grabs, out, most] = [0, 0, 0];
  return site(
    (socket, { type }) => {
      if (GRABS.has(type)) {
        grabs++;
        most = Math.max(most, ++out);
        setTimeout(() => {
          out--;
          socket.send(sent(attacks.NO_JOB));
        }, 20);
      } else if (type === PRE_SLEEP) socket.flood(NOOPS);
    },
    async (life) => {
      const begin = flooded;
      await eventually("a flood", async () => flooded - begin > 5_000_000);
      const before = grabs;
      await pause(500);
      // It goes on, and has no more questions out than it could do jobs.
      assert.ok(grabs > before, "it has asked no more");
      assert.ok(most <= CONCURRENCY, `${most} grabs were out at once`);
      assert.deepEqual(life.errors, []);
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
    async (life, peer) => {
      // Each says of a job that its result came too late: that is told, and breaks nothing.
      await eventually("the worker to say so", async () => life.discards > 20_000);
      assert.deepEqual(life.errors, []);
      assert.equal(peer.victims, 1);
    },
  ));

test.each([2_000, 60_000, 60_000_000])("half a job of %d bytes, and never the rest", (announced) =>
  site(
    onGrab((socket) => {
      const begin = concat([header("server", attacks.JOB_ASSIGN_UNIQ, announced), bytesOf("H:x:1\0up\0u\0x")]);
      socket.drip(begin, new Uint8Array(3), 20);
    }),
    async (life, peer) => {
      await eventually("the worker to give it up", async () => peer.victims > 1);
      assert.match(String(life.errors[0]), /^TimeoutError: the job server .* fell silent/);
      assert.equal(life.most, 0);
    },
  ),
);
