import assert from "node:assert/strict";
import { BulkError } from "edgear";
import { type Case, Client, collect, pause, rejection } from "./case.ts";
import { AWAY, fresh, NOBODY } from "./names.ts";

/** Bulk submits. */
export const bulk: readonly Case[] = [
  {
    name: "backgroundAll gives a handle for each item, in order, of a list and of what comes one by one",
    async run({ server }) {
      await using client = new Client(server);
      const prefix = fresh("bulk");
      const unique = (_item: unknown, index: number) => `${prefix}-${index}`.slice(-60);
      async function* slowly() {
        for (let item = 0; item < 40; item++) {
          if (item % 10 === 0) await pause(5);
          yield { item };
        }
      }
      for (const source of [Array.from({ length: 2_500 }, (_, item) => ({ item })), slowly(), []]) {
        const jobs = await collect(client.backgroundAll(NOBODY, source, { unique, priority: "low" }));
        assert.deepEqual(
          jobs.map((job) => job.unique),
          jobs.map((_, index) => unique(undefined, index)),
        );
        const last = jobs.at(-1);
        if (last) assert.equal((await client.statusOf(last.unique)).state, "queued");
      }
    },
  },
  {
    name: "backgroundAll reads its source no faster than maxInFlight and its reader allow",
    async run({ server }) {
      await using client = new Client(server);
      let read = 0;
      function* source() {
        while (read < 100) yield String(read++);
      }
      let given = 0;
      for await (const _job of client.backgroundAll(NOBODY, source(), { maxInFlight: 7 })) {
        given++;
        assert.ok(read <= given + 7, `${read} were read when ${given} were given out`);
        if (given % 25 === 0) await pause(20);
      }
      assert.deepEqual([read, given], [100, 100]);
    },
  },
  {
    name: "leaving backgroundAll's loop closes the source, and what is on its way is submitted",
    async run({ server }) {
      await using client = new Client(server);
      let closed = false;
      let read = 0;
      async function* source() {
        try {
          for (;;) yield String(read++);
        } finally {
          closed = true;
        }
      }
      for await (const _job of client.backgroundAll(NOBODY, source(), { maxInFlight: 3 })) break;
      await pause(0);
      assert.ok(closed);
      assert.ok(read <= 5, String(read));
    },
  },
  {
    name: "an item that can't be submitted is named by its index, with what became of the others",
    async run({ server }) {
      await using client = new Client(server);
      const items = ["a", "b", Symbol("c") as never, "d"];
      const given: string[] = [];
      const loop = async () => {
        for await (const { handle } of client.backgroundAll(NOBODY, items)) given.push(handle);
      };
      const error = await rejection(loop(), BulkError);
      assert.equal(error.code, "BULK");
      assert.equal(error.index, 2);
      assert.equal(given.length, 2);
      assert.ok(error.cause instanceof TypeError);
      assert.match(error.message, /^item 2 \(counted from 0\) was not submitted: the workload is a symbol/);
      const [later] = error.later;
      assert.ok(error.later.length === 1 && later?.status === "fulfilled");
      assert.equal((await client.status(later.value)).state, "queued");
    },
  },
  {
    name: "what the source throws comes after the handles of the items before it",
    async run({ server }) {
      await using client = new Client(server);
      const reason = new Error("the source is dry");
      async function* source() {
        yield "a";
        yield "b";
        throw reason;
      }
      const given: unknown[] = [];
      const loop = async () => {
        for await (const job of client.backgroundAll(NOBODY, source())) given.push(job);
      };
      assert.equal(await rejection(loop(), Error), reason);
      assert.equal(given.length, 2);
    },
  },
  {
    name: "a signal ends backgroundAll with its reason, though its source is stuck",
    async run({ server }) {
      await using client = new Client(server);
      const controller = new AbortController();
      async function* source() {
        yield "a";
        await new Promise(() => {});
      }
      const reason = new Error("enough");
      const loop = async () => {
        for await (const _job of client.backgroundAll(NOBODY, source(), { signal: controller.signal }))
          setTimeout(() => controller.abort(reason), 20);
      };
      assert.equal(await rejection(loop(), Error), reason);
      const never = collect(client.backgroundAll(NOBODY, ["a"], { signal: AbortSignal.abort(reason) }));
      assert.equal(await rejection(never, Error), reason);
    },
  },
  {
    name: "what backgroundAll can't be given is refused in words at once",
    async run() {
      await using client = new Client(AWAY);
      const wrong: [() => unknown, RegExp][] = [
        [() => client.backgroundAll("", []), /^a function name must not be empty$/],
        [() => client.backgroundAll("f", "abc" as never), /^the source must be an Iterable .* not "abc"$/],
        [() => client.backgroundAll("f", 7 as never), /^the source must be an Iterable .* not 7$/],
        [() => client.backgroundAll("f", [], { unique: "same" as never }), /^unique must be a function .* one job$/],
        [() => client.backgroundAll("f", [], { maxInFlight: 0 }), /^maxInFlight must be a whole number from 1, not 0$/],
        [() => client.backgroundAll("f", [], { timeout: 1 } as never), /no option "timeout"; it knows/],
      ];
      for (const [call, message] of wrong) assert.throws(call, { name: "TypeError", message });
    },
  },
  {
    name: "requests beyond maxInFlight wait, and all are answered",
    async run({ server }) {
      await using client = new Client(server, { maxInFlight: 3 });
      const jobs = await Promise.all(Array.from({ length: 200 }, (_, job) => client.background(NOBODY, String(job))));
      assert.equal(new Set(jobs.map(String)).size, 200);
      const answers = await Promise.all([client.ping(), ...jobs.slice(0, 20).map((job) => client.status(job))]);
      assert.equal(answers.length, 21);
    },
  },
  {
    name: "a request that is given up while it waits for others is never sent",
    async run({ server }) {
      await using client = new Client(server, { maxInFlight: 1 });
      await client.ping();
      const unique = fresh("never").slice(0, 60);
      const controller = new AbortController();
      const ping = client.ping();
      const call = rejection(client.background(NOBODY, "", { unique, signal: controller.signal }), Error);
      const reason = new Error("enough");
      controller.abort(reason);
      assert.equal(await call, reason);
      await ping;
      assert.equal((await client.statusOf(unique)).known, false);
    },
  },
];
