import assert from "node:assert/strict";
import { Client, ConnectionError, ConnectionLostError, type Task, Worker } from "edgear";
import { JobServer } from "edgear/server";
import { describe, test } from "vitest";
import { eventually, rejection } from "../conformance/case.ts";
import { startGearmand } from "../support/gearmand.ts";
import { Line } from "../support/line.ts";
import { textLines } from "../support/text-command.ts";

/*
 * The table of docs/client.md, "When a connection is lost": each call at each moment. The first server is reached over a
 * line that is cut; whether it can be had again, or only the second one can, is the other dimension.
 */

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

/** Two servers with workers, the first one behind a line. */
class Site implements AsyncDisposable {
  readonly line: Line;
  readonly servers: string[];
  readonly #stack: AsyncDisposableStack;

  private constructor(line: Line, servers: string[], stack: AsyncDisposableStack) {
    this.line = line;
    this.servers = servers;
    this.#stack = stack;
  }

  static async open(start: () => Promise<{ port: number; address: string } & AsyncDisposable>): Promise<Site> {
    await using stack = new AsyncDisposableStack();
    const [first, second] = [stack.use(await start()), stack.use(await start())];
    const line = stack.use(await Line.to(first.port));
    for (const { address } of [first, second]) {
      const worker = stack.use(new Worker(address));
      worker.add("up", (job) => job.workload.text().toUpperCase());
      void worker.run();
    }
    return new Site(line, [line.address, second.address], stack.move());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#stack.disposeAsync();
  }
}

describe.each([
  ["gearmand", startGearmand],
  ["JobServer", () => JobServer.listen({ port: 0 })],
] as const)("a connection to %s that is lost", (_name, start) => {
  describe.each(["comes back", "stays away"])("and whose server %s", (after) => {
    /** Loses the connection while a call has got so far. */
    async function lose(site: Site): Promise<void> {
      if (after === "comes back") site.line.cut();
      else await site.line.down();
    }

    test.each(Object.keys(CALLS))("before anything of %s was written: it goes on elsewhere", async (name) => {
      await using site = await Site.open(start);
      // One request at a time: while one has no answer, the call is held back.
      await using client = new Client(site.servers, { maxInFlight: 1 });
      await client.ping();
      const before = site.line.sent;
      site.line.hold("everything");
      const first = client.ping();
      const call = CALLS[name]?.(client) ?? Promise.reject();
      call.catch(() => {});
      await eventually("the line holds the first request", async () => site.line.sent > before);
      await lose(site);
      if (after === "stays away" && ABOUT_JOBS.includes(name)) {
        await rejection(call, ConnectionError);
      } else if (name.startsWith("background") && name !== "backgroundAll") assert.match(String(await call), /^H:/);
      else assert.deepEqual(await call, RESULTS[name]);
      await first;
    });

    test.each(Object.keys(CALLS))("after %s was sent, before the answer", async (name) => {
      await using site = await Site.open(start);
      await using client = new Client(site.servers);
      await client.ping();
      const before = site.line.sent;
      site.line.hold("answers");
      const call = CALLS[name]?.(client) ?? Promise.reject();
      call.catch(() => {});
      await eventually("the request is on the line", async () => site.line.sent > before);
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
      assert.equal(error.server, site.line.address);
    });

    test.each(["run", "submit"])("after the job of %s was acknowledged", async (name) => {
      await using site = await Site.open(start);
      await using client = new Client(site.servers);
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
      await using site = await Site.open(start);
      await using client = new Client(site.servers);
      const name = "held";
      const task = client.submit(name, "a", { unique: "mine" });
      const { handle } = await task.handle;
      await lose(site);
      const worker = new Worker(after === "comes back" ? site.line.address : (site.servers[1] as string));
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
      await using site = await Site.open(start);
      await using client = new Client(site.servers, { reconnect: false });
      await client.ping();
      const before = site.line.sent;
      site.line.hold("answers");
      const call = CALLS[name]?.(client) ?? Promise.reject();
      call.catch(() => {});
      await eventually("the request is on the line", async () => site.line.sent > before);
      await lose(site);
      const error = await rejection(call, Error);
      assert.ok([error, error.cause].some((each) => each instanceof ConnectionLostError));
    });
  });
});

test("a background job with a unique that is submitted again is one job", async () => {
  await using server = await startGearmand();
  await using line = await Line.to(server.port);
  await using client = new Client(line.address);
  await client.ping();
  const before = line.sent;
  line.hold("answers");
  const call = client.background("nobody", "a", { unique: "one" });
  await eventually("the server has it", async () => line.sent > before && (await queued(server.port)) === 1);
  line.cut();
  const { handle } = await call;
  assert.equal(await queued(server.port), 1);
  assert.equal((await client.statusOf("one")).known, true);
  assert.equal((await client.status(handle)).state, "queued");
});

/** How many jobs of `nobody` a server has. */
async function queued(port: number): Promise<number> {
  const row = (await textLines(port, "status")).find((line) => line.startsWith("nobody\t"));
  return Number(row?.split("\t")[1] ?? 0);
}

test("a server that drops each connection is not tried for ever", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using line = await Line.to(server.port);
  await using client = new Client(line.address, { reconnect: { minDelay: 1, maxDelay: 1, retries: 3 } });
  line.hold("everything");
  const cutting = setInterval(() => {
    line.cut();
    line.hold("everything");
  }, 20);
  const error = await rejection(client.background("f", "", { unique: "mine" }), ConnectionLostError);
  clearInterval(cutting);
  assert.equal(error.sent, true);
  assert.ok(line.connections <= 5, String(line.connections));
});

test("what could not be tried again says what is known, and why", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using line = await Line.to(server.port);
  await using client = new Client(line.address, { reconnect: { minDelay: 1, maxDelay: 5, retries: 2 } });
  const task: Task = client.submit("nobody", "", { unique: "mine" });
  const { handle } = await task.handle;
  await line.down();
  const error = await rejection(task.result, ConnectionLostError);
  assert.equal(error.handle, handle);
  assert.match(
    error.message,
    /was acknowledged; .* It could not be tried again: could not connect to .* nothing listens/,
  );
});

test("a gearmand that is back within the patience of `reconnect` is used by the calls that waited", async () => {
  const first = await startGearmand();
  await using client = new Client(first.address, { reconnect: { retries: 20 } });
  await client.ping();
  const told: string[] = [];
  for (const name of ["connect", "disconnect", "reconnect", "error"] as const) client.on(name, () => told.push(name));
  await first.stop();
  const calls = Array.from({ length: 50 }, (_, job) => client.background("f", String(job)));
  const results = Promise.all(calls);
  await using _again = await startGearmand({ port: first.port });
  assert.equal(new Set((await results).map(String)).size, 50);
  assert.deepEqual([told[0], told.at(-2), told.at(-1)], ["disconnect", "connect", "reconnect"]);
});
