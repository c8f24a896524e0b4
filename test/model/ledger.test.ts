import assert from "node:assert/strict";
import { beforeEach, describe, test, vi } from "vitest";
import { Ledger, type Place, type Submission } from "./ledger.ts";
import type { Behaviour } from "./operations.ts";

/*
 * The ledger judges what others have done, so it is given histories here that must not be, and has to object to them;
 * and such as may be, to which it must not.
 */

let ledger: Ledger;
let one: Place;
let other: Place;

const place = (kind: Place["kind"] = "gearmand"): Place => ({
  kind,
  persistent: kind === "gearmand-sqlite",
  kills: [],
});

beforeEach(() => {
  vi.useFakeTimers({ toFake: ["performance"] });
  ledger = new Ledger();
  [one, other] = [place(), place()];
  return () => vi.useRealTimers();
});

const later = (milliseconds = 10) => vi.advanceTimersByTime(milliseconds);
const kill = (server: Place) => {
  later();
  (server.kills as number[]).push(performance.now());
  later();
};

function submit(more: Partial<Submission> = {}): Submission {
  later();
  return ledger.add({ background: false, function: "f", unique: "u", mixed: false, behaviour: "quick", ...more });
}

/** A submission that a server has taken. */
function taken(handle: string, server = one, more: Partial<Submission> = {}): Submission {
  const submission = submit(more);
  later();
  ledger.accepted(submission, { handle }, server);
  return submission;
}

function done({ id }: Submission, handle: string, server = one): void {
  later();
  const execution = ledger.began(id, handle, server);
  later();
  ledger.ended(execution);
  later();
}

describe("a result", () => {
  test("may reach the call that submitted its job, and those that joined it", () => {
    const first = taken("H:1");
    const second = taken("H:1");
    done(first, "H:1");
    assert.equal(ledger.wrong(first.id, first), undefined);
    assert.equal(ledger.wrong(first.id, second), undefined);
  });

  test("may reach a call that was made again, under its new handle", () => {
    const first = taken("H:1");
    const second = taken("H:1", other);
    ledger.accepted(second, { handle: "H:1" }, one);
    done(first, "H:1");
    assert.equal(ledger.wrong(first.id, second), undefined);
  });

  test("may reach a call that was made again when its server had been killed, and has the same handle there", () => {
    const again = taken("H:1");
    kill(one);
    const first = taken("H:1");
    ledger.accepted(again, { handle: "H:1" }, one);
    done(first, "H:1");
    assert.equal(ledger.wrong(first.id, again), undefined);
  });

  test("may reach a call that joined its job while a line held back that it was done", () => {
    const first = taken("H:1");
    done(first, "H:1");
    later(600);
    assert.equal(ledger.wrong(first.id, taken("H:1")), undefined);
  });

  test.each<[string, () => [id: number, call: Submission]]>([
    [
      "of a job with no unique, to another call",
      () => {
        const first = taken("H:1", one, { unique: undefined });
        const second = taken("H:2", one, { unique: undefined });
        done(first, "H:1");
        return [first.id, second];
      },
    ],
    [
      "of another function's job with the same unique",
      () => {
        const first = taken("H:1", one, { function: "g" });
        done(first, "H:1");
        return [first.id, taken("H:1")];
      },
    ],
    [
      "of the job with the same unique at another server",
      () => {
        const first = taken("H:1", other);
        const second = taken("H:1");
        done(first, "H:1", other);
        return [first.id, second];
      },
    ],
    [
      "of the job with the same unique that was over before, under another handle",
      () => {
        const first = taken("H:1");
        done(first, "H:1");
        return [first.id, taken("H:2")];
      },
    ],
    [
      "of a job that was over long before",
      () => {
        const first = taken("H:1");
        done(first, "H:1");
        later(6_000);
        return [first.id, taken("H:1")];
      },
    ],
    [
      "of the server's last life, under the same handle",
      () => {
        const first = taken("H:1");
        done(first, "H:1");
        kill(one);
        return [first.id, taken("H:1")];
      },
    ],
    [
      "of the server's next life, under the same handle",
      () => {
        const second = taken("H:1");
        kill(one);
        const first = taken("H:1");
        done(first, "H:1");
        return [first.id, second];
      },
    ],
    ["of a job that nobody has begun", () => [taken("H:1").id, taken("H:1")]],
    [
      "to a call that no server has acknowledged",
      () => {
        const first = taken("H:1");
        done(first, "H:1");
        return [first.id, submit()];
      },
    ],
    ["of a job that there never was", () => [77, taken("H:1")]],
  ])("%s, is objected to", (_what, history) => {
    const [id, call] = history();
    assert.match(ledger.wrong(id, call) ?? "", /^it got what is of the job \d+/);
  });
});

describe("a failure", () => {
  const twins = (behaviour: Behaviour): [Submission, Submission] => [taken("H:1", one, { behaviour }), taken("H:1")];

  test("may be that of the job that a call joined", () => {
    const [first, second] = twins("fail");
    done(first, "H:1");
    assert.equal(ledger.misbehaved("fail", second), undefined);
  });

  test("is objected to when the job that is to fail was another one, or was not done", () => {
    const [first, second] = twins("fail");
    assert.ok(ledger.misbehaved("fail", second));
    done(first, "H:2");
    assert.ok(ledger.misbehaved("fail", second));
    assert.ok(ledger.misbehaved("throw", second));
  });
});

describe("a background job that was acknowledged", () => {
  const background = (handle: string, server = one, more: Partial<Submission> = {}) =>
    taken(handle, server, { background: true, ...more });

  test("is done when it was, or the one that it joined", () => {
    const first = background("H:1");
    const second = background("H:1");
    assert.deepEqual(ledger.missing, [first, second]);
    done(first, "H:1");
    assert.deepEqual(ledger.missing, []);
    assert.deepEqual(ledger.fates, { done: 2 });
  });

  test("is missing when only begun, or when only another job of its unique was done", () => {
    const first = background("H:1");
    done(first, "H:1");
    const second = background("H:2");
    assert.deepEqual(ledger.missing, [second]);
    ledger.began(second.id, "H:2", one);
    assert.deepEqual(ledger.missing, [second]);
    const third = background("H:2", other);
    done(third, "H:2", other);
    assert.deepEqual(ledger.missing, [second]);
  });

  test("is excused when its server was killed, unless that keeps its jobs", () => {
    background("H:1");
    kill(one);
    assert.deepEqual([ledger.missing, ledger.fates], [[], { killed: 1 }]);
    const kept = place("gearmand-sqlite");
    const submission = background("H:1", kept);
    kill(kept);
    assert.deepEqual(ledger.missing, [submission]);
  });

  test("is done when a server that keeps its jobs did one of its unique in its next life, and not another server", () => {
    const kept = place("gearmand-sqlite");
    const first = background("H:1", kept);
    const joined = background("H:1", kept);
    kill(kept);
    const elsewhere = background("H:3", place("gearmand-sqlite"));
    done(elsewhere, "H:3", elsewhere.accepted[0]?.server);
    assert.deepEqual(ledger.missing, [first, joined]);
    done(first, "H:9", kept);
    assert.deepEqual(ledger.missing, []);
  });

  test("is not excused by a kill before it, or of another server", () => {
    kill(one);
    const submission = background("H:1");
    kill(other);
    assert.deepEqual(ledger.missing, [submission]);
  });

  test("is excused when gearmand may have dropped it with a foreground client that it joined, and not when JobServer did", () => {
    taken("H:1", one, { mixed: true });
    background("H:1", one, { mixed: true });
    assert.deepEqual([ledger.missing, ledger.fates], [[], { left: 1 }]);
    const ours = place("JobServer");
    const submission = background("H:1", ours, { mixed: true });
    assert.deepEqual(ledger.missing, [submission]);
  });
});
