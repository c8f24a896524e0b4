import assert from "node:assert/strict";
import { Admin, type GearmanError, ProtocolError, TimeoutError } from "edgear";
import { test } from "vitest";
import { bytesOf } from "../codec/packets.ts";
import { eventually, pause, rejection } from "../conformance/case.ts";
import { again } from "../support/faults/again.ts";
import { leaveNothing } from "../support/faults/leaks.ts";
import * as attacks from "./attacks.ts";
import { bounded, flooded, type Hostility, type Turncoat, turncoat } from "./turncoat.ts";

leaveNothing();

const { sent, many } = attacks;

/** Has an admin with a hostile server. Afterwards a good one is behind its port, and is administered by the same admin. */
async function site(hostility: Hostility, run: (admin: Admin, server: Turncoat) => Promise<void>): Promise<void> {
  await using peer = await turncoat(hostility);
  await using admin = new Admin(peer.address, { requestTimeout: 400, maxAnswerSize: 10_000_000 });
  await bounded(() => run(admin, peer));
  peer.reform();
  await eventually("the admin to be well again", () => admin.version().then(Boolean, () => false));
  assert.deepEqual(await again(() => admin.jobs()), []);
}

test("rows without end", () =>
  site(
    (socket) => socket.flood(many(bytesOf("f\t1\t2\t3\n"))),
    async (admin) => {
      const error = await rejection(admin.status(), ProtocolError);
      assert.match(error.message, /maxAnswerSize \(10000000 bytes\)/);
    },
  ));

test("a line without end", () =>
  site(
    (socket) => socket.flood(many(bytesOf("x"))),
    async (admin) => {
      const error = await rejection(admin.workers(), ProtocolError);
      assert.match(error.message, /the answer of .* to "workers" has more than maxAnswerSize \(10000000 bytes\)/);
    },
  ));

test("packets where text belongs", () =>
  site(
    (socket) => socket.flood(many(sent(attacks.NOOP))),
    async (admin) => {
      const error = (await rejection(admin.version(), Error)) as GearmanError;
      assert.equal(error.code, "PROTOCOL", error.message);
      assert.match(error.message, /the answer of .* has more than maxAnswerSize \(10000000 bytes\)/);
    },
  ));

test("a storm of errors answers one command, and ends the connection", () =>
  site(
    (socket) => socket.flood(many(bytesOf("ERR NO go+away\r\n"))),
    async (admin) => {
      const error = (await rejection(admin.version(), Error)) as GearmanError;
      assert.equal(error.code, "SERVER", error.message);
      assert.match(error.message, /NO \(go away\)/);
      const before = flooded;
      await pause(300);
      assert.ok(flooded - before < 20_000_000, `${flooded - before} bytes more were taken`);
    },
  ));

test("answers to other commands", () =>
  site(
    (socket) => socket.send(bytesOf("f\t1\t2\t3\n.\n")),
    async (admin) => {
      await rejection(admin.pid(), ProtocolError);
    },
  ));

test("a line more than was asked for ends the connection, and is no later command's answer", () =>
  site(
    (socket) => socket.send(bytesOf("OK 1.0\r\nOK forged\r\n")),
    async (admin, peer) => {
      for (let victims = 1; victims <= 3; victims++) {
        assert.equal(await admin.version(), "1.0");
        await pause(50);
        assert.equal(peer.victims, victims);
      }
    },
  ));

test("half a line, a byte at a time, and never the rest", () =>
  site(
    (socket) => socket.drip(bytesOf("OK 1.1"), bytesOf("."), 10_000),
    async (admin, peer) => {
      const error = await rejection(admin.version(), TimeoutError);
      assert.equal(error.timeout, "requestTimeout");
      // What would still come of it can't be the next one's answer.
      await rejection(admin.version(), TimeoutError);
      assert.equal(peer.victims, 2);
    },
  ));
