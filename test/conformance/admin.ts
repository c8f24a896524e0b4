import assert from "node:assert/strict";
import { ClosedError, ConnectionError, JobFailedError, RefusedError, ServerError } from "edgear";
import { Admin, type Case, Client, eventually, rejection, Worker } from "./case.ts";
import { AWAY, fresh } from "./names.ts";

/** What `status` says of a function. */
async function statusOf(admin: Admin, name: string) {
  return (await admin.status()).find((entry) => entry.function === name);
}

/** Administering a server. */
export const admin: readonly Case[] = [
  {
    name: "status has a function's jobs and workers, and a function stays until it is dropped",
    async run({ server }) {
      const name = fresh("admin");
      await using client = new Client(server);
      await using admin = new Admin(server);
      assert.equal(await statusOf(admin, name), undefined);
      await client.background(name, "x");
      assert.deepEqual(await statusOf(admin, name), { function: name, queued: 1, running: 0, total: 1, workers: 0 });
      const worker = new Worker(server);
      let go = () => {};
      const held = new Promise<void>((resolve) => (go = resolve));
      worker.add(name, () => held);
      const running = worker.run();
      await eventually("the job", async () => (await statusOf(admin, name))?.running === 1);
      assert.deepEqual(await statusOf(admin, name), { function: name, queued: 0, running: 1, total: 1, workers: 1 });
      go();
      await worker.close();
      await running;
      await eventually("the worker's leaving", async () => (await statusOf(admin, name))?.workers === 0);
      assert.deepEqual(await statusOf(admin, name), { function: name, queued: 0, running: 0, total: 0, workers: 0 });
      await admin.dropFunction(name);
      assert.equal(await statusOf(admin, name), undefined);
    },
  },
  {
    name: "priorityStatus counts what waits by priority",
    async run({ server }) {
      const name = fresh("admin");
      await using client = new Client(server);
      await using admin = new Admin(server);
      for (const priority of ["high", "normal", "normal", "low", "low", "low"] as const)
        await client.background(name, "x", { priority });
      const found = (await admin.priorityStatus()).find((entry) => entry.function === name);
      assert.deepEqual(found, { function: name, high: 1, normal: 2, low: 3, workers: 0 });
    },
  },
  {
    name: "workers has every connection, with its id and functions",
    async run({ server }) {
      const [one, two] = [fresh("admin"), fresh("admin")];
      const id = fresh("id");
      await using admin = new Admin(server);
      await using worker = new Worker(server, { id });
      worker.add(one, () => {}).add(two, () => {});
      const running = worker.run();
      const find = async () => (await admin.workers()).find((entry) => entry.id === id);
      await eventually("the worker", async () => (await find())?.functions.length === 2);
      const entry = await find();
      assert.deepEqual([...(entry?.functions ?? [])].sort(), [one, two].sort());
      // The second one is of a connection without a network.
      assert.ok(["127.0.0.1", "in-memory"].includes(entry?.address ?? ""), entry?.address);
      assert.ok(Number.isInteger(entry?.fd));
      // The asker has neither an id nor functions.
      assert.ok((await admin.workers()).some(({ id, functions }) => id === "" && functions.length === 0));
      await worker.close();
      await running;
    },
  },
  {
    name: "version, pid and verbosity",
    async run({ server }) {
      await using admin = new Admin(server);
      assert.match(await admin.version(), /^\d+\.\d+/);
      assert.ok((await admin.pid()) > 0);
      assert.match(await admin.verbosity(), /^[A-Z]+$/);
    },
  },
  {
    name: "jobs and uniqueJobs have what is queued",
    async run({ server }) {
      const name = fresh("admin");
      const unique = fresh("unique");
      await using client = new Client(server);
      await using admin = new Admin(server);
      const background = await client.background(name, "x", { unique });
      const task = client.submit(name, "x", { timeout: 10_000 });
      const { handle } = await task.handle;
      const jobs = await admin.jobs();
      const find = (handle: string) => jobs.find((job) => job.handle === handle);
      const expected = { retries: 0, ignored: false };
      assert.deepEqual(find(background.handle), { handle: background.handle, ...expected, background: true });
      assert.deepEqual(find(handle), { handle, ...expected, background: false });
      assert.ok((await admin.uniqueJobs()).includes(unique));
      for (const job of [background.handle, handle]) await admin.cancel(job);
      await rejection(task.result, JobFailedError);
    },
  },
  {
    name: "a job that was cancelled is not given out any more, and whoever waits for it is told",
    async run({ server }) {
      const name = fresh("admin");
      await using client = new Client(server);
      await using admin = new Admin(server);
      const background = await client.background(name, "background");
      const task = client.submit(name, "foreground", { timeout: 10_000 });
      await admin.cancel(background);
      await admin.cancel((await task.handle).handle);
      await rejection(task.result, JobFailedError);
      await client.background(name, "left");
      const seen: string[] = [];
      await using worker = new Worker(server);
      worker.add(name, (job) => void seen.push(job.workload.text()));
      assert.equal(await worker.drain({ deadline: 10_000 }), 1);
      assert.deepEqual(seen, ["left"]);
    },
  },
  {
    name: "a job that nobody knows can't be cancelled, nor one of another server",
    async run({ server }) {
      await using admin = new Admin(server);
      const error = await rejection(admin.cancel("H:nowhere:1"), ServerError);
      assert.equal(error.serverCode, "UNKNOWN_JOB");
      const wrong = await rejection(admin.cancel({ handle: "H:nowhere:1", server: "elsewhere:4730" }), TypeError);
      assert.match(wrong.message, /was submitted to "elsewhere:4730"/);
    },
  },
  {
    name: "maxQueue limits a function that nobody has made yet",
    async run({ server }) {
      const name = fresh("admin");
      await using client = new Client(server);
      await using admin = new Admin(server);
      await admin.maxQueue(name, 2);
      await client.background(name);
      await client.background(name);
      const full = await rejection(client.background(name), ServerError);
      assert.equal(full.serverCode, "QUEUE_ERROR");
      await admin.maxQueue(name);
      await client.background(name);
    },
  },
  {
    name: "maxQueue limits by priority, each a limit of all jobs",
    async run({ server }) {
      const name = fresh("admin");
      await using client = new Client(server);
      await using admin = new Admin(server);
      await admin.maxQueue(name, { high: 5, normal: 2 });
      for (let job = 0; job < 3; job++) await client.background(name, "x", { priority: "high" });
      await rejection(client.background(name), ServerError);
      await client.background(name, "x", { priority: "high" });
      await client.background(name, "x", { priority: "low" });
      await rejection(client.background(name, "x", { priority: "high" }), ServerError);
      await client.background(name, "x", { priority: "low" });
    },
  },
  {
    name: "dropFunction refuses while jobs are queued, unless it is forced",
    async run({ server }) {
      const name = fresh("admin");
      await using client = new Client(server);
      await using admin = new Admin(server);
      await client.background(name);
      const ours = (await admin.version()).includes("edgear");
      const error = await rejection(admin.dropFunction(name), RefusedError);
      assert.equal(error.code, "REFUSED");
      assert.match(
        error.message,
        ours ? /has a job, and this server, a JobServer, drops none/ : /has a job, which no worker could get any more/,
      );
      assert.equal((await statusOf(admin, name))?.total, 1);
      // gearmand then drops it, and the job is lost to all workers; JobServer doesn't.
      const dropped = await admin.dropFunction(name, { force: true }).then(
        () => true,
        (refusal: unknown) => {
          assert.ok(refusal instanceof ServerError && refusal.text.startsWith("there are still"), String(refusal));
          return false;
        },
      );
      assert.equal((await statusOf(admin, name)) === undefined, dropped);
    },
  },
  {
    name: "dropFunction refuses to take along functions that differ in case",
    async run({ server }) {
      const name = fresh("admin");
      await using admin = new Admin(server);
      await admin.createFunction(name);
      await admin.createFunction(name.toUpperCase());
      const error = await rejection(admin.dropFunction(name), RefusedError);
      assert.ok(error.message.includes(name.toUpperCase()), error.message);
      assert.ok(await statusOf(admin, name));
      await admin.dropFunction(name, { force: true });
      // gearmand takes all that are alike, but was seen, once in some hundred times, to leave one of them.
      await eventually("dropping it", async () => {
        if ((await statusOf(admin, name)) === undefined) return true;
        await admin.dropFunction(name, { force: true });
        return false;
      });
    },
  },
  {
    name: "dropFunction says what the server says: no such function, workers",
    async run({ server }) {
      const name = fresh("admin");
      await using admin = new Admin(server);
      const unknown = await rejection(admin.dropFunction(name), ServerError);
      assert.deepEqual([unknown.serverCode, unknown.text], ["ERR", "function not found"]);
      await using worker = new Worker(server);
      worker.add(name, () => {});
      const running = worker.run();
      await eventually("the worker", async () => (await statusOf(admin, name))?.workers === 1);
      const busy = await rejection(admin.dropFunction(name), ServerError);
      assert.match(busy.text, /still connected workers/);
      await worker.close();
      await running;
    },
  },
  {
    name: "createFunction keeps the whole name, and does nothing to one that is there",
    async run({ server }) {
      const name = `${fresh("admin")}-ünïcode`;
      await using admin = new Admin(server);
      await admin.createFunction(name);
      await admin.createFunction(name);
      const expected = { function: name, queued: 0, running: 0, total: 0, workers: 0 };
      assert.deepEqual(await statusOf(admin, name), expected);
    },
  },
  {
    name: "shutdown says what this server wants instead",
    async run({ server }) {
      await using admin = new Admin(server);
      const ours = (await admin.version()).includes("edgear");
      for (const graceful of [true, false]) {
        const error = await rejection(admin.shutdown({ graceful }), ServerError);
        assert.match(error.message, ours ? /JobServer, which its program closes.*SIGTERM\)$/ : /SIGTERM.*SIGUSR1/);
      }
      assert.ok(await admin.version());
    },
  },
  {
    name: "commands that are given at once are answered in order, on one connection",
    async run({ server }) {
      const name = fresh("admin");
      await using admin = new Admin(server);
      const answers = await Promise.all([
        admin.createFunction(name),
        admin.status(),
        admin.dropFunction(name, { force: true }),
        admin.status(),
        admin.version(),
        admin.workers(),
      ]);
      assert.ok(answers[1].some((entry) => entry.function === name));
      assert.ok(!answers[3].some((entry) => entry.function === name));
      assert.match(answers[4], /^\d/);
    },
  },
  {
    name: "close lets what was asked be answered, and a call after it rejects",
    async run({ server }) {
      const admin = new Admin(server);
      const asked = [admin.status(), admin.workers(), admin.version()];
      const closing = admin.close();
      assert.equal(admin.close(), closing);
      await closing;
      await Promise.all(asked);
      await rejection(admin.version(), ClosedError);
    },
  },
  {
    name: "destroy ends what was asked",
    async run({ server, silent }) {
      const admin = new Admin(server);
      const asked = admin.status();
      admin.destroy();
      await rejection(asked, ClosedError);
      const waiting = new Admin(silent);
      const version = waiting.version();
      setTimeout(() => waiting.destroy(), 50);
      await rejection(version, ClosedError);
    },
  },
  {
    name: "a signal ends the wait, and the next answers are not mixed up",
    async run({ server }) {
      await using admin = new Admin(server);
      const reason = new Error("changed my mind");
      assert.equal(await rejection(admin.status({ signal: AbortSignal.abort(reason) }), Error), reason);
      await admin.version();
      const controller = new AbortController();
      const dropped = admin.status({ signal: controller.signal });
      const version = admin.version();
      controller.abort(reason);
      assert.equal(await rejection(dropped, Error), reason);
      assert.match(await version, /^\d/);
    },
  },
  {
    name: "an Admin of a server that is away says so, in words",
    async run() {
      await using admin = new Admin(AWAY);
      const error = await rejection(admin.status(), ConnectionError);
      assert.equal(error.server, AWAY);
      assert.match(error.message, /nothing listens there/);
    },
  },
  {
    name: "what the text protocol can't say is refused before anything is sent",
    async run() {
      // There is no server: whoever asks for one gets another error.
      await using admin = new Admin(AWAY);
      for (const name of ["two words", "a\tb", "a\nb", "a\r", "a\x7f", "\u0001", "", "a\0b"]) {
        await rejection(admin.createFunction(name), TypeError);
        await rejection(admin.dropFunction(name), TypeError);
        await rejection(admin.maxQueue(name, 1), TypeError);
        await rejection(admin.cancel(name), TypeError);
      }
      for (const max of [-1, 1.5, Number.NaN, "5", null, { high: -1 }, { hihg: 1 }, 2 ** 31])
        await rejection(admin.maxQueue("f", max as number), TypeError);
      await rejection(admin.status({ sginal: 1 } as object), TypeError);
      await rejection(admin.shutdown({ graceful: 1 } as object), TypeError);
      await rejection(admin.dropFunction("f", { force: "yes" } as object), TypeError);
    },
  },
];
