import assert from "node:assert/strict";
import { GearmanError, type GearmanErrorCode } from "edgear";
import { describe, test } from "vitest";
import { again } from "../support/faults/again.ts";
import { OwnClock } from "../support/faults/clock.ts";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { FaultProxy } from "../support/faults/proxy.ts";
import type { Fault, FaultKind, Faults } from "../support/faults/script.ts";
import { ACTORS, type ActorName, PATIENT, RESULT, TIMES } from "./actors.ts";
import { SERVERS } from "./servers.ts";

/*
 * What each kind of fault does to each of those who may be at the near end of the line, to the error's code; that they
 * work again when the line does; and that nothing is left open. Faults begin with the next byte of their direction.
 */

watchCodecs();

type Outcome = "ok" | GearmanErrorCode;

interface FaultCase {
  readonly name: string;
  readonly kind: FaultKind;
  readonly faults: Faults;
  /** What comes of what is asked while the line is so; of whoever is not named: all is well. */
  readonly outcomes: Partial<Record<ActorName, Outcome>>;
  /** The error's cause, for those that are lost. */
  readonly cause?: GearmanErrorCode;
  /** Milliseconds that it takes at least, as the fault does take place. */
  readonly least?: number;
}

const both = (fault: Fault): Faults => ({ up: [fault], down: [fault] });

/** A job that may have been taken isn't submitted again; a question is asked again, and a worker comes back. */
const LOST: FaultCase["outcomes"] = {
  foreground: "CONNECTION_LOST",
  background: "CONNECTION_LOST",
  admin: "CONNECTION_LOST",
};
/** What is no answer at all is no answer for anybody; of a worker its client sees nothing. */
const UNANSWERED: FaultCase["outcomes"] = {
  foreground: "TIMEOUT",
  background: "TIMEOUT",
  status: "TIMEOUT",
  admin: "TIMEOUT",
};
const GARBLED: FaultCase["outcomes"] = { ...LOST, admin: "PROTOCOL" };
/** A server takes what doesn't begin as a packet for a text command, of which the end never comes. */
const MISUNDERSTOOD: FaultCase["outcomes"] = { ...UNANSWERED, admin: "SERVER" };

const CASES: FaultCase[] = [
  { name: "delay", kind: "delay", faults: both({ kind: "delay", milliseconds: 60 }), outcomes: {}, least: 115 },
  { name: "split at every byte", kind: "split", faults: both({ kind: "split", size: 1 }), outcomes: {} },
  { name: "merge", kind: "merge", faults: both({ kind: "merge", milliseconds: 60 }), outcomes: {}, least: 115 },
  { name: "throttle", kind: "throttle", faults: both({ kind: "throttle", rate: 0.4 }), outcomes: {}, least: 40 },
  {
    name: "drop of the answer's first byte",
    kind: "drop",
    faults: { down: [{ kind: "drop", at: 0, count: 1 }] },
    outcomes: GARBLED,
    cause: "PROTOCOL",
  },
  {
    name: "drop of the request's first byte",
    kind: "drop",
    faults: { up: [{ kind: "drop", at: 0, count: 1 }] },
    outcomes: MISUNDERSTOOD,
  },
  {
    name: "corruption of the answer's first byte",
    kind: "corrupt",
    faults: { down: [{ kind: "corrupt", at: 0, bits: 0xff }] },
    outcomes: GARBLED,
    cause: "PROTOCOL",
  },
  {
    name: "corruption of the request's first byte",
    kind: "corrupt",
    faults: { up: [{ kind: "corrupt", at: 0, bits: 0xff }] },
    outcomes: MISUNDERSTOOD,
  },
  { name: "reset within the answer", kind: "reset", faults: { down: [{ kind: "reset", at: 1 }] }, outcomes: LOST },
  { name: "reset within the request", kind: "reset", faults: { up: [{ kind: "reset", at: 5 }] }, outcomes: LOST },
  {
    name: "half-close within the answer",
    kind: "half-close",
    faults: { down: [{ kind: "half-close", at: 1 }] },
    outcomes: LOST,
  },
  {
    name: "half-close within the request",
    kind: "half-close",
    faults: { up: [{ kind: "half-close", at: 5 }] },
    outcomes: LOST,
  },
  { name: "blackhole", kind: "blackhole", faults: both({ kind: "blackhole", at: 0 }), outcomes: UNANSWERED },
  {
    name: "blackhole for the answer",
    kind: "blackhole",
    faults: { down: [{ kind: "blackhole", at: 0 }] },
    outcomes: UNANSWERED,
  },
];

/** What a promise came to: the result, or the error's code. */
async function outcomeOf(promise: Promise<string>): Promise<{ outcome: string; error?: GearmanError }> {
  try {
    return { outcome: await promise };
  } catch (error) {
    assert.ok(error instanceof GearmanError, String(error));
    return { outcome: error.code, error };
  }
}

describe.each(Object.keys(SERVERS))("on a line to %s", (serverName) => {
  describe.each(CASES)("$name", ({ faults, outcomes, cause, least = 0 }) => {
    // Short only where a time limit is what it takes: nothing here is to be late in connecting.
    const short = Object.values(outcomes).includes("TIMEOUT");
    const times = short ? { ...PATIENT, requestTimeout: TIMES.requestTimeout } : PATIENT;
    test.each(Object.keys(ACTORS) as ActorName[])("%s", async (name) => {
      const before = open();
      {
        await using server = (await SERVERS[serverName]?.()) as Awaited<ReturnType<(typeof SERVERS)[string]>>;
        await using proxy = await FaultProxy.to(server.port);
        await using actor = await ACTORS[name](proxy, server, times);
        const expected = outcomes[name] ?? "ok";
        const connections = proxy.connections;
        proxy.inject(faults);
        using clock = new OwnClock();
        const begin = performance.now();
        const { outcome, error } = await outcomeOf(actor.ask());
        const took = performance.now() - begin;
        const own = clock.milliseconds;
        assert.equal(outcome, expected === "ok" ? RESULT[name] : expected, error?.message);
        assert.ok(took >= least, `it took ${took} ms`);
        if (expected === "TIMEOUT") assert.ok(took >= TIMES.requestTimeout - 5, `it was given up after ${took} ms`);
        // What is given up had one limit, not two; whoever comes back had to ask, and to be answered.
        const most = (expected === "TIMEOUT" ? 1.6 : 3) * TIMES.requestTimeout;
        if (short) assert.ok(own < most, `it took ${own} ms of its own`);
        else assert.ok(took < 8_000, `it took ${took} ms`);
        if (cause && outcome === "CONNECTION_LOST")
          assert.equal((error?.cause as GearmanError | undefined)?.code, cause);
        // The line is as good as any again: where something broke, on another connection, which whoever asks next has.
        proxy.inject({ up: [], down: [] });
        const broke = !["delay", "split", "merge", "throttle"].includes(
          (faults.up ?? faults.down)?.[0]?.kind as string,
        );
        const lost = broke && outcomes[name] !== "SERVER";
        const next = () =>
          actor.ask().finally(() => {
            assert.equal(proxy.connections > connections, lost, `${proxy.connections - connections} new connections`);
          });
        assert.equal(await (short ? again(next) : next()), RESULT[name]);
      }
      await nothingMore(before);
    });
  });
});
