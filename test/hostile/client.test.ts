import assert from "node:assert/strict";
import { Client, ConnectionLostError, type GearmanError, ProtocolError, ServerError, TimeoutError } from "edgear";
import { describe, test } from "vitest";
import { bytesOf, concat, header } from "../codec/packets.ts";
import { eventually, pause, rejection } from "../conformance/case.ts";
import { again } from "../support/faults/again.ts";
import { leaveNothing } from "../support/faults/leaks.ts";
import { startWorker } from "../support/worker.ts";
import * as attacks from "./attacks.ts";
import { bounded, flooded, type Hostility, type Turncoat, turncoat } from "./turncoat.ts";

leaveNothing();

const { sent, many, onceGreeted } = attacks;

const OPTIONS = { connectTimeout: 1_000, requestTimeout: 400, reconnect: { minDelay: 10, maxDelay: 50, retries: 2 } };

/** Has a client with a hostile server. Afterwards a good one is behind its port, and the same client works with it. */
async function site(
  hostility: Hostility,
  run: (client: Client, server: Turncoat) => Promise<void>,
  options: ConstructorParameters<typeof Client>[1] = {},
): Promise<void> {
  await using peer = await turncoat(hostility);
  await using client = new Client(peer.address, { ...OPTIONS, ...options });
  await bounded(() => run(client, peer));
  peer.reform();
  await using _worker = startWorker(peer.server.address, { up: (job) => job.workload.text().toUpperCase() });
  await eventually("the client to be well again", () => client.ping().then(Boolean, () => false));
  assert.equal((await again(() => client.run("up", "abc"))).text(), "ABC");
}

/** The errors that a client tells of. */
function told(client: Client): Error[] {
  const errors: Error[] = [];
  client.on("disconnect", ({ error }) => void (error && errors.push(error)));
  return errors;
}

describe("what breaks the protocol ends the connection, and each call says so or why it can't be known:", () => {
  test.each(Object.entries(attacks.BREACHES))("%s", (_, [attack, words]) =>
    site(
      onceGreeted((socket) => attack(socket)),
      async (client, peer) => {
        const errors = told(client);
        const error = (await rejection(client.ping(), Error)) as GearmanError;
        assert.ok(["PROTOCOL", "CONNECTION_LOST", "CONNECTION_FAILED"].includes(error.code), error.message);
        const all = [...errors, error, error.cause].map((each) => (each as Error | undefined)?.message ?? "");
        assert.match(all.join("\n"), words);
        assert.ok(
          errors.some((each) => each instanceof ProtocolError),
          "the client tells of a ProtocolError",
        );
        // It gives up after a few.
        assert.ok(peer.victims <= 5, `${peer.victims} connections`);
      },
    ),
  );
});

test("answers in the wrong order are nobody's", () =>
  site(
    onceGreeted((socket) => {
      socket.send(concat([sent(attacks.ECHO_RES, [], "x"), sent(attacks.JOB_CREATED, ["H:x:1"])]));
    }),
    async (client) => {
      const errors = told(client);
      const error = (await rejection(client.background("f", "x"), Error)) as GearmanError;
      assert.equal(error.code, "CONNECTION_LOST");
      assert.match(
        errors[0]?.message ?? "",
        /sent an? ECHO_RES packet, but the first request that waits wants JOB_CREATED/,
      );
    },
  ));

test("a status of another job is not this one's", () =>
  site(
    onceGreeted((socket) => socket.send(sent(attacks.STATUS_RES, ["H:other:1", "1", "1", "7", "9"]))),
    async (client) => {
      const error = await rejection(client.status("H:x:1"), ProtocolError);
      assert.match(error.message, /sent a STATUS_RES packet about "H:other:1", and was asked about "H:x:1"$/);
    },
  ));

test("a storm of errors is an answer to one request, and the end of the connection", () =>
  site(
    onceGreeted((socket) => socket.flood(many(sent(attacks.ERROR, ["NO", "go away"])))),
    async (client) => {
      const errors = told(client);
      const error = await rejection(client.ping(), ServerError);
      assert.equal(error.serverCode, "NO");
      const words = /sent the error NO \(go away\), which answers no request/;
      await eventually("the client to say so", async () => words.test(errors[0]?.message ?? ""));
    },
  ));

test("a flood of NOOPs is no answer", () =>
  site(
    onceGreeted((socket) => socket.flood(many(sent(attacks.NOOP)))),
    async (client) => {
      const error = (await rejection(client.ping(), Error)) as GearmanError;
      assert.equal(error.code, "CONNECTION_LOST", error.message);
      assert.match(error.message, /sent a NOOP packet, which has no meaning here/);
    },
  ));

test("a flood of results of jobs that nobody submitted is no answer", () =>
  site(
    onceGreeted((socket) => socket.flood(many(sent(attacks.WORK_COMPLETE, ["H:x:1"], "x".repeat(100))))),
    async (client) => {
      const error = await rejection(client.ping(), TimeoutError);
      assert.equal(error.timeout, "requestTimeout");
    },
  ));

/** Bytes that are announced, and never all come: of packets that fit the codec's window, and of one that doesn't. */
const ANNOUNCED = [2_000, 60_000, 60_000_000];

test.each(ANNOUNCED)("half a packet of %d bytes, and never the rest, is given up", (announced) =>
  site(
    onceGreeted((socket) => socket.drip(header("server", attacks.ECHO_RES, announced), new Uint8Array(3), 20)),
    async (client, peer) => {
      await rejection(client.ping(), TimeoutError);
      // Nothing else would get through behind it.
      await eventually(
        "the connection to be given up",
        () => client.ping().catch(() => peer.victims > 1) as Promise<boolean>,
      );
    },
  ),
);

test.each(ANNOUNCED)("half a result of %d bytes, and never the rest: who waits for it is told", (announced) =>
  site(
    onceGreeted((socket, { type }) => {
      if (type !== attacks.SUBMIT_JOB) return;
      socket.send(sent(attacks.JOB_CREATED, ["H:x:1"]));
      const begin = concat([header("server", attacks.WORK_COMPLETE, announced), bytesOf("H:x:1\0")]);
      socket.drip(begin, new Uint8Array(1), 50);
    }),
    async (client) => {
      const error = await rejection(client.run("f", "x"), ConnectionLostError);
      assert.equal(error.handle, "H:x:1");
      assert.match(String(error.cause), /^TimeoutError: the job server .* fell silent/);
    },
    { heartbeat: 200 },
  ),
);

test("a packet as large as may be announced costs what came of it", () =>
  site(
    onceGreeted((socket) =>
      socket.send(concat([header("server", attacks.ECHO_RES, 60_000_000), new Uint8Array(20_000)])),
    ),
    async (client) => {
      const before = process.memoryUsage().arrayBuffers;
      const pings = Array.from({ length: 5 }, () => rejection(client.ping(), Error));
      await pause(200);
      const grown = process.memoryUsage().arrayBuffers - before;
      assert.ok(grown < 20_000_000, `${grown} bytes`);
      await Promise.all(pings);
    },
  ));

test("data without end waits for a reader that is slow", () =>
  site(
    onceGreeted((socket, { type }) => {
      if (type !== attacks.SUBMIT_JOB) return;
      socket.send(sent(attacks.JOB_CREATED, ["H:x:1"]));
      socket.flood(many(sent(attacks.WORK_DATA, ["H:x:1"], "x".repeat(10_000))));
    }),
    async (client) => {
      const task = client.submit("f");
      task.result.catch(() => {});
      const begin = flooded;
      let read = 0;
      for await (const event of task) {
        assert.equal(event.type, "data");
        if (++read === 10) break;
        await pause(100);
      }
      const taken = flooded - begin;
      assert.ok(taken < 250_000_000, `${taken} bytes were taken for a reader of ten events`);
    },
  ));

test("a job that is acknowledged twice is one job, and the connection ends", () =>
  site(
    onceGreeted((socket, { type }) => {
      if (type === attacks.SUBMIT_JOB) socket.flood(many(sent(attacks.JOB_CREATED, ["H:x:1"])));
    }),
    async (client) => {
      const errors = told(client);
      const error = (await rejection(client.run("f", "x"), Error)) as GearmanError;
      assert.ok(["PROTOCOL", "CONNECTION_LOST"].includes(error.code), error.message);
      assert.match(errors[0]?.message ?? "", /sent a JOB_CREATED packet, but no request waits/);
    },
  ));
