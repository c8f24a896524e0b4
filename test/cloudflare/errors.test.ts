import { describe, expect, test } from "vitest";
import { fromRemote, ResultTooLargeError, toRemote } from "../../build/src/cloudflare/errors.js";
import {
  BulkError,
  ClosedError,
  ConfigError,
  ConnectionError,
  ConnectionLostError,
  type GearmanError,
  type GearmanErrorCode,
  JobExceptionError,
  JobFailedError,
  ProtocolError,
  RefusedError,
  RequestScopeError,
  ServerError,
  TimeoutError,
} from "../../build/src/errors.js";
import { Payload } from "../../build/src/payload.js";

const cause = new Error("the cause");
const payload = new Payload(Uint8Array.of(0xff, 0, 1));
const later = [
  { status: "fulfilled" as const, value: { handle: "H:x:3", server: "one:4730" } },
  { status: "rejected" as const, reason: new JobFailedError("H:x:4") },
];

/** Each kind of error, with whatever it may have. */
const errors: Record<GearmanErrorCode, GearmanError> = {
  BULK: new BulkError(7, cause, later),
  CLOSED: new ClosedError("was closed"),
  CONFIG: new ConfigError("wrong", "/a/edgear.config.ts", [{ path: "groups", message: "wrong" }], { cause }),
  CONNECTION_FAILED: new ConnectionError("one:4730", "could not connect", { cause }),
  CONNECTION_LOST: new ConnectionLostError("one:4730", "lost", { handle: "H:x:1", sent: false, cause }),
  JOB_EXCEPTION: new JobExceptionError("H:x:1", payload),
  JOB_FAILED: new JobFailedError("H:x:1"),
  PROTOCOL: new ProtocolError("what is this", { cause }),
  REFUSED: new RefusedError("would do harm"),
  REQUEST_SCOPE: new RequestScopeError({ cause }),
  RESULT_TOO_LARGE: new ResultTooLargeError("H:x:1", 33_554_433),
  SERVER: new ServerError("QUEUE_ERROR", "full"),
  TIMEOUT: new TimeoutError("requestTimeout", 500, "no answer", { cause }),
};

/** What RPC makes of an error: no class, all that it has of its own, and the platform's words. */
function carried(error: unknown, words: object = { remote: true }): Error {
  const { name, message, cause, ...fields } = error as Error;
  const copy = structuredClone({ ...fields, cause });
  return Object.assign(new Error(message), copy, { name }, words);
}

describe.each(Object.entries(errors))("%s", (code, error) => {
  test("comes out of RPC as the class that it was, with all that it had", () => {
    const back = fromRemote(carried(toRemote(error)), "gearman") as GearmanError;
    expect(back.code).toBe(code);
    expect(back.constructor).toBe(error.constructor);
    expect(back.name).toBe(error.name);
    expect(back.message).toBe(error.message);
    expect((back.cause as Error | undefined)?.message).toBe((error.cause as Error | undefined)?.message);
    if (back instanceof BulkError) {
      expect(back.later[0]).toEqual(later[0]);
      expect(back.later[1]).toMatchObject({ reason: { message: later[1]?.reason?.message } });
      expect(back.index).toBe(7);
      return;
    }
    expect(withoutCause(back)).toEqual(withoutCause(error));
  });

  test("of somebody else's, it stays what it is", () => {
    const foreign = carried(toRemote(error), {});
    expect(fromRemote(foreign, "gearman")).toBe(foreign);
  });
});

function withoutCause(error: Error): object {
  const { cause: _cause, ...fields } = error;
  return "payload" in fields ? { ...fields, payload: [...(fields.payload as Payload).bytes] } : fields;
}

test("an error whose code is none of ours is left alone", () => {
  for (const code of ["ENOENT", "constructor", "toString", 7]) {
    const error = Object.assign(new Error("no such file"), { code, remote: true });
    expect(fromRemote(error, "gearman")).toBe(error);
  }
  const wrong = new TypeError("a wrong argument");
  expect(toRemote(wrong)).toBe(wrong);
  expect(fromRemote(wrong, "gearman")).toBe(wrong);
  expect(fromRemote("no error", "gearman")).toBe("no error");
});

test.each([
  [{ overloaded: true, retryable: true }, false, /has too much to do, and has not taken the call/],
  [{ durableObjectReset: true, retryable: true }, true, /was restarted before it answered/],
  [{ durableObjectReset: true }, true, /was restarted/],
  [{ retryable: true }, true, /was restarted/],
])("what the platform says by %j is a hub that was lost", (words, sent, message) => {
  const error = Object.assign(new Error("the platform's words"), words);
  const lost = fromRemote(error, "gearman-3") as ConnectionLostError;
  expect(lost).toBeInstanceOf(ConnectionLostError);
  expect(lost).toMatchObject({ sent, server: "gearman-3", cause: error, handle: undefined });
  expect(lost.message).toMatch(message);
  expect(lost.message).toMatch("the platform's words");
});
