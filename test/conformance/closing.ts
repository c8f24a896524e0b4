import assert from "node:assert/strict";
import { ClosedError } from "edgear";
import { type Case, Client, collect, rejection } from "./case.ts";
import { AWAY, NOBODY } from "./names.ts";

/** The end of a client, and of waiting for it. */
export const closing: readonly Case[] = [
  {
    name: "close waits for what is in flight, results included",
    async run({ server }) {
      const client = new Client(server);
      const task = client.submit("slow", "still there");
      await task.handle;
      const background = client.background(NOBODY);
      const ping = client.ping();
      let closed = false;
      const closing = client.close().then(() => {
        closed = true;
      });
      assert.ok((await background).handle);
      assert.ok((await ping) >= 0);
      assert.equal(closed, false);
      assert.equal((await task.result).text(), "still there");
      await closing;
    },
  },
  {
    name: "close waits for calls that have yet to get a connection",
    async run({ server }) {
      const client = new Client(server);
      const done: string[] = [];
      const calls = [
        client.background(NOBODY).then((job) => done.push(job.unique)),
        client.run("reverse", "abc").then((result) => done.push(result.text())),
      ];
      await client.close();
      assert.equal(done.length, 2);
      // Their answers may come in one read, and who hears first is up to the runtime.
      assert.ok(done.includes("cba"), done.join(", "));
      await Promise.all(calls);
    },
  },
  {
    name: "close may be called again, and before anything was done",
    async run({ server }) {
      const client = new Client(server);
      const first = client.close();
      assert.equal(client.close(), first);
      await first;
      await client.close();
      client.destroy();
    },
  },
  {
    name: "a call after close rejects with ClosedError",
    async run({ server }) {
      const client = new Client(server);
      await client.ping();
      await client.close();
      const calls = [
        client.background(NOBODY),
        client.run(NOBODY),
        client.submit(NOBODY).handle,
        client.status("H:x:1"),
        client.statusOf("x"),
        client.completed("H:x:1"),
        client.ping(),
      ];
      for (const call of calls) assert.equal((await rejection(call, ClosedError)).code, "CLOSED");
    },
  },
  {
    name: "await using closes",
    async run({ server }) {
      let outer: Client;
      {
        await using client = new Client(server);
        outer = client;
        await client.ping();
      }
      await rejection(outer.ping(), ClosedError);
    },
  },
  {
    name: "destroy ends what is in flight with ClosedError",
    async run({ server }) {
      const client = new Client(server);
      const task = client.submit(NOBODY);
      await task.handle;
      const ping = client.ping();
      client.destroy();
      await rejection(task.result, ClosedError);
      await rejection(ping, ClosedError);
      await rejection(collect(task), ClosedError);
      await rejection(client.background(NOBODY), ClosedError);
    },
  },
  {
    name: "destroy ends what waits for a connection with ClosedError",
    async run({ server }) {
      const client = new Client(server);
      const submitted = client.background(NOBODY);
      const task = client.submit(NOBODY);
      client.destroy();
      await rejection(submitted, ClosedError);
      await rejection(task.result, ClosedError);
      await rejection(task.handle, ClosedError);
    },
  },
  {
    name: "a signal that has aborted ends a call before it begins, with its reason",
    async run() {
      // There is no server: whoever asks for one gets another error.
      await using client = new Client(AWAY);
      const reason = new Error("changed my mind");
      const signal = AbortSignal.abort(reason);
      const calls = [
        client.background(NOBODY, "x", { signal }),
        client.run(NOBODY, "x", { signal }),
        client.submit(NOBODY, "x", { signal }).handle,
        client.status("H:x:1", { signal }),
        client.statusOf("x", { signal }),
        client.completed("H:x:1", { signal }),
        client.ping({ signal }),
      ];
      for (const call of calls) assert.equal(await rejection(call, Error), reason);
    },
  },
  {
    name: "a signal that aborts ends what waits, with its reason, and nothing else",
    async run({ server }) {
      await using client = new Client(server);
      const reason = new Error("changed my mind");
      const controller = new AbortController();
      const { signal } = controller;
      const task = client.submit(NOBODY, "x", { signal });
      const job = await task.handle;
      const completed = client.completed(job, { interval: 60_000, signal });
      const other = client.run("slow", "unharmed");
      setTimeout(() => controller.abort(reason), 50);
      assert.equal(await rejection(task.result, Error), reason);
      assert.equal(await rejection(completed, Error), reason);
      assert.equal((await other).text(), "unharmed");
    },
  },
  {
    name: "a signal ends the wait for a server that does not answer",
    async run({ silent }) {
      const client = new Client(silent);
      const calls = [
        client.background(NOBODY, "x", { signal: AbortSignal.timeout(50) }),
        client.ping({ signal: AbortSignal.timeout(50) }),
        client.status("H:x:1", { signal: AbortSignal.timeout(50) }),
      ];
      for (const call of calls) {
        const error = await rejection(call, Error);
        assert.equal(error.name, "TimeoutError");
      }
      client.destroy();
    },
  },
];
