import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { type EndHookContext, HookCalls, type Hooks } from "../../build/src/pool/hooks.js";

/** What hooks are told is not what this is about. */
const context = () => ({}) as EndHookContext;

test("hooks of jobs that are over are waited for, and kept no longer than they may take", async () => {
  let ended = 0;
  const hooks: Hooks = {
    idle: () => new Promise(() => {}),
    failure: () => delay(20).then(() => ended++),
    afterFunction: () => new Promise(() => {}),
  };
  const calls = new HookCalls(hooks, () => {}, { forgotten: 100 });
  void calls.call("idle", context);
  expect(calls.late).toBe(0);
  void calls.call("failure", context);
  expect(calls.late).toBe(1);
  await calls.settled();
  expect(ended).toBe(1);
  for (let call = 0; call < 3; call++) void calls.call("afterFunction", context);
  expect(calls.late).toBe(3);
  await expect.poll(() => calls.late).toBe(0);
});
