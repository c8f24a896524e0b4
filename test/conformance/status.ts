import assert from "node:assert/strict";
import { type JobStatus, TimeoutError } from "edgear";
import { type Case, Client, rejection } from "./case.ts";
import { AWAY, fresh, NOBODY } from "./names.ts";

const QUEUED = { known: true, running: false, numerator: 0, denominator: 0, progress: 0, state: "queued" };
const UNKNOWN = { known: false, running: false, numerator: 0, denominator: 0, progress: 0, state: "unknown" };

/** Asking for jobs. */
export const status: readonly Case[] = [
  {
    name: "a job is queued until a worker takes it",
    async run({ server }) {
      await using client = new Client(server);
      const job = await client.background(NOBODY, "x");
      assert.deepEqual(await client.status(job), QUEUED);
      assert.deepEqual(await client.status(job.handle), QUEUED);
    },
  },
  {
    name: "a job that never was is unknown",
    async run({ server }) {
      await using client = new Client(server);
      assert.deepEqual(await client.status("H:nowhere:1"), UNKNOWN);
    },
  },
  {
    name: "a handle that was kept as text is good for another client",
    async run({ server }) {
      await using client = new Client(server);
      const { handle } = await client.background(NOBODY, "x");
      await using another = new Client(server);
      assert.deepEqual(await another.status(handle), QUEUED);
    },
  },
  {
    name: "a job is asked for at the server that took it, wherever that is in the list",
    async run({ server }) {
      await using client = new Client([AWAY, server]);
      const job = await client.background(NOBODY, "x");
      assert.equal(job.server, server);
      assert.deepEqual(await client.status(job), QUEUED);
      assert.deepEqual(await client.status(job.handle), QUEUED);
    },
  },
  {
    name: "a job of a server that this client doesn't have is refused in words",
    async run({ server, silent }) {
      await using client = new Client(server);
      await using another = new Client(silent);
      const error = await rejection(another.status(await client.background(NOBODY, "x")), TypeError);
      assert.equal(error.message.includes(server) && error.message.includes(silent), true, error.message);
    },
  },
  {
    name: "answers to many questions at once find who asked",
    async run({ server }) {
      await using client = new Client(server);
      const job = await client.background(NOBODY, "x");
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, index) => client.status(index % 3 ? "H:nowhere:1" : job)),
      );
      assert.deepEqual(
        answers.map(({ known }) => known),
        answers.map((_, index) => index % 3 === 0),
      );
    },
  },
  {
    name: "a job is found by its unique, with how many wait for it",
    async run({ server }) {
      await using client = new Client(server);
      const unique = fresh("asked");
      assert.deepEqual(await client.statusOf(unique), { ...UNKNOWN, waiting: 0 });
      await client.background(NOBODY, "x", { unique });
      assert.deepEqual(await client.statusOf(unique), { ...QUEUED, waiting: 0 });
      const waited = fresh("waited");
      const waiter = new Client(server);
      const tasks = [waiter.submit(NOBODY, "x", { unique: waited }), waiter.submit(NOBODY, "x", { unique: waited })];
      await Promise.all(tasks.map((task) => task.handle));
      assert.deepEqual(await client.statusOf(waited), { ...QUEUED, waiting: 2 });
      waiter.destroy();
    },
  },
  {
    name: "completed waits until a job is done, and shows what it saw on the way",
    async run({ server }) {
      await using client = new Client(server);
      // A machine that is busy may look away for as long as a job runs: but not each time.
      for (let running = false, tries = 1; !running; tries++) {
        assert.ok(tries <= 10, "nobody saw it running, ten times");
        const job = await client.background("slow", "x");
        const seen: JobStatus[] = [];
        await client.completed(job, { interval: 20, onStatus: (status) => seen.push(status) });
        running = seen.some((status) => status.state === "running" && status.known && status.running);
        assert.deepEqual(seen.at(-1), UNKNOWN);
        assert.equal(seen.filter(({ known }) => !known).length, 1);
        assert.deepEqual(await client.status(job), UNKNOWN);
        // Gearman can't tell it from one that never was.
        await client.completed(job.handle);
      }
    },
  },
  {
    name: "completed gives up at its timeout, and says what the job is at",
    async run({ server }) {
      await using client = new Client(server);
      const job = await client.background(NOBODY, "x");
      for (let timeout = 100, seen = ""; seen === ""; timeout *= 2) {
        assert.ok(timeout < 5_000, "nobody saw it queued");
        const begin = performance.now();
        const onStatus = ({ state }: JobStatus) => {
          seen = state;
        };
        const error = await rejection(client.completed(job, { interval: 60_000, timeout, onStatus }), TimeoutError);
        assert.ok(error.message.includes(`${job.handle} is still ${seen || "unanswered for"}`), error.message);
        assert.ok(seen === "" || seen === "queued", seen);
        assert.ok(performance.now() - begin < 15_000, "it waited for its next look");
      }
    },
  },
  {
    name: "ping is a round trip",
    async run({ server }) {
      await using client = new Client(server);
      for (const round of await Promise.all([client.ping(), client.ping()]))
        assert.equal(round >= 0 && round < 5_000, true, String(round));
    },
  },
];
