import assert from "node:assert/strict";
import { Client, ConnectionError, ConnectionLostError, Worker } from "edgear";
import { describe, inject, test } from "vitest";
import { eventually, rejection } from "../conformance/case.ts";
import { Site } from "../conformance/site.ts";

/*
 * The table of docs/client.md, "When a connection is lost": each call at each moment. The first server is reached over a
 * line that is cut; whether it can be had again, or only the second one can, is the other dimension.
 */

/** A server that stays away is waited for, but not for long. */
const SOON = { reconnect: { minDelay: 10, maxDelay: 50 } };

/** What is called. The job's function is worked off by both servers' workers. */
const CALLS: Record<string, (client: Client) => Promise<unknown>> = {
  background: (client) => client.background("up", "a"),
  "background, with a unique": (client) => client.background("up", "a", { unique: "mine" }),
  run: async (client) => (await client.run("up", "a")).text(),
  "run, with a unique": async (client) => (await client.run("up", "a", { unique: "mine" })).text(),
  submit: async (client) => (await client.submit("up", "a").result).text(),
  "submit, with a unique": async (client) => (await client.submit("up", "a", { unique: "mine" }).result).text(),
  status: async (client) => (await client.status("H:nobody:9")).state,
  statusOf: async (client) => (await client.statusOf("nobody")).state,
  completed: async (client) => client.completed("H:nobody:9"),
  ping: async (client) => (await client.ping()) >= 0,
  backgroundAll: async (client) => {
    const handles: string[] = [];
    for await (const { handle } of client.backgroundAll("up", ["a", "b"])) handles.push(handle);
    return handles.length;
  },
};

/** What each gives when all goes well. */
const RESULTS: Record<string, unknown> = {
  run: "A",
  "run, with a unique": "A",
  submit: "A",
  "submit, with a unique": "A",
  status: "unknown",
  statusOf: "unknown",
  completed: undefined,
  ping: true,
  backgroundAll: 2,
};

const REPEATED = ["background, with a unique", "run, with a unique", "submit, with a unique"];
const QUESTIONS = ["status", "statusOf", "completed", "ping"];
/** Questions that only the server that is away might have answered otherwise. */
const ABOUT_JOBS = ["status", "statusOf", "completed"];

describe.each(["gearmand", "JobServer"])("a connection to %s that is lost", (server) => {
  const board = inject("switchboard");

  describe.each(["comes back", "stays away"])("and whose server %s", (after) => {
    /** Loses the connection while a call has got so far. */
    async function lose(site: Site): Promise<void> {
      if (after === "comes back") await site.cut();
      else await site.down();
    }

    test.each(Object.keys(CALLS))("before anything of %s was written: it goes on elsewhere", async (name) => {
      await using site = await Site.open(board, server);
      // One request at a time: while one has no answer, the call is held back.
      await using client = new Client([...site.servers], { maxInFlight: 1, ...SOON });
      await client.ping();
      const before = await site.sent();
      await site.hold("everything");
      const first = client.ping();
      const call = CALLS[name]?.(client) ?? Promise.reject();
      call.catch(() => {});
      await eventually("the line holds the first request", async () => (await site.sent()) > before);
      await lose(site);
      if (after === "stays away" && ABOUT_JOBS.includes(name)) {
        await rejection(call, ConnectionError);
      } else if (name.startsWith("background") && name !== "backgroundAll") assert.match(String(await call), /^H:/);
      else assert.deepEqual(await call, RESULTS[name]);
      await first;
    });

    test.each(Object.keys(CALLS))("after %s was sent, before the answer", async (name) => {
      await using site = await Site.open(board, server);
      await using client = new Client([...site.servers], SOON);
      await client.ping();
      const before = await site.sent();
      await site.hold("answers");
      const call = CALLS[name]?.(client) ?? Promise.reject();
      call.catch(() => {});
      await eventually("the request is on the line", async () => (await site.sent()) > before);
      await lose(site);
      if (after === "stays away" && ABOUT_JOBS.includes(name)) {
        await rejection(call, ConnectionLostError);
        return;
      }
      if (REPEATED.includes(name) || QUESTIONS.includes(name)) {
        if (name.startsWith("background")) assert.match(String(await call), /^H:/);
        else assert.deepEqual(await call, RESULTS[name]);
        return;
      }
      let error = await rejection(call, Error);
      if (name === "backgroundAll") error = error.cause as Error;
      assert.ok(error instanceof ConnectionLostError, String(error));
      assert.equal(error.sent, true);
      assert.equal(error.handle, undefined);
      assert.match(error.message, /was sent, but not answered; whether the server took it is not known/);
      assert.equal(error.server, site.servers[0]);
    });

    test.each(["run", "submit"])("after the job of %s was acknowledged", async (name) => {
      await using site = await Site.open(board, server);
      await using client = new Client([...site.servers], SOON);
      const task = client.submit("nobody", "a");
      const { handle } = await task.handle;
      await lose(site);
      const error = await rejection(task.result, ConnectionLostError);
      assert.equal(error.sent, true);
      assert.equal(error.handle, handle);
      assert.match(error.message, new RegExp(`The job ${handle} was acknowledged; what became of it is not known`));
      // The client is none the worse for it.
      assert.equal(await CALLS[name]?.(client), "A");
    });

    test("after a job with a unique was acknowledged: it is submitted again, and followed on", async () => {
      await using site = await Site.open(board, server);
      await using client = new Client([...site.servers], SOON);
      const name = "held";
      const task = client.submit(name, "a", { unique: "mine" });
      const { handle } = await task.handle;
      await lose(site);
      const worker = new Worker(after === "comes back" ? site.servers[0] : site.servers[1]);
      worker.add(name, async function* (job) {
        yield "part";
        return job.workload.text().toUpperCase();
      });
      const running = worker.run();
      const events: string[] = [];
      for await (const event of task) if (event.type === "data") events.push(event.payload.text());
      assert.equal((await task.result).text(), "A");
      assert.deepEqual(events, ["part"]);
      assert.equal((await task.handle).handle, handle);
      await worker.close();
      await running;
    });

    test.each(Object.keys(CALLS))("with reconnect: false, after %s was sent: it rejects at once", async (name) => {
      await using site = await Site.open(board, server);
      await using client = new Client([...site.servers], { reconnect: false });
      await client.ping();
      const before = await site.sent();
      await site.hold("answers");
      const call = CALLS[name]?.(client) ?? Promise.reject();
      call.catch(() => {});
      await eventually("the request is on the line", async () => (await site.sent()) > before);
      await lose(site);
      const error = await rejection(call, Error);
      assert.ok([error, error.cause].some((each) => each instanceof ConnectionLostError));
    });
  });
});
