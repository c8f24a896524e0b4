import { type HubNamespace, hub } from "edgear/cloudflare";
import { expect, test } from "vitest";

/** A namespace that stands in for the platform's: what `hub()` makes of it. */
function standIn(answers: Record<string, () => unknown>) {
  const asked: unknown[] = [];
  const namespace = {
    getByName(...args: unknown[]) {
      asked.push(args);
      return answers;
    },
  };
  return { asked, client: (options?: object) => hub(namespace as unknown as HubNamespace, options) };
}

const STATUS = { known: true, running: false, numerator: 1, denominator: 2, progress: 0.5, state: "queued" };

test("what RPC answered is given back to it, and data alone is given out", async () => {
  let disposed = 0;
  const answer = (fields: object) => async () => ({ ...fields, [Symbol.dispose]: () => disposed++ });
  const { client } = standIn({
    status: answer({ ...STATUS, more: 1 }),
    statusOf: answer({ ...STATUS, waiting: 3 }),
    background: answer({ handle: "H:x:1", server: "one:4730", unique: "u" }),
  });
  const status = await client().status("H:x:1");
  expect(status).toEqual(STATUS);
  expect(Object.getOwnPropertySymbols(status)).toEqual([]);
  expect(disposed).toBe(1);
  expect(await client().statusOf("u")).toEqual({ ...STATUS, waiting: 3 });
  expect(disposed).toBe(2);
  expect((await client().background("x")).toJSON()).toEqual({ handle: "H:x:1", server: "one:4730", unique: "u" });
  expect(disposed).toBe(3);
});

test("name and place are handed on", async () => {
  const { asked, client } = standIn({ ping: async () => 1 });
  await client().ping();
  await client({ name: "two", locationHint: "weur" }).ping();
  expect(asked).toEqual([
    ["gearman", undefined],
    ["two", { locationHint: "weur" }],
  ]);
});

test("a run that is given up is abandoned by the name that it was made with, once, and no other one is", async () => {
  const runs: unknown[] = [];
  const abandoned: unknown[] = [];
  let finish = (_result: Uint8Array) => {};
  const { client } = standIn({
    run: ((...args: unknown[]) => {
      runs.push(args[3]);
      return new Promise<Uint8Array>((resolve) => {
        finish = resolve;
      });
    }) as () => unknown,
    abandon: (async (run: unknown) => void abandoned.push(run)) as () => unknown,
  });
  const leaving = new AbortController();
  const given = client().run("x", "", { signal: leaving.signal });
  leaving.abort(new Error("left"));
  await expect(given).rejects.toThrow("left");
  expect(abandoned).toEqual(runs);
  expect(runs[0]).toMatch(/^[\da-f-]{36}$/);

  const done = new AbortController();
  const result = client().run("x", "", { signal: done.signal });
  await new Promise((resolve) => setTimeout(resolve, 0));
  finish(Uint8Array.of(1));
  expect((await result).bytes).toEqual(Uint8Array.of(1));
  done.abort();
  expect(abandoned).toHaveLength(1);
  expect(runs[1]).not.toBe(runs[0]);
});
