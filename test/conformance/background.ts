import assert from "node:assert/strict";
import type { JobHandle } from "edgear";
import { type Case, Client, eventually, pause } from "./case.ts";
import { fresh, NOBODY } from "./names.ts";

/** Background jobs: submitted, acknowledged, taken in the order of their priorities and at their time. */
export const background: readonly Case[] = [
  {
    name: "a background job is acknowledged with its handle, its server and a unique of its own",
    async run({ server }) {
      await using client = new Client(server);
      const first = await client.background(NOBODY, "one");
      const second = await client.background(NOBODY, "two");
      for (const job of [first, second]) {
        assert.match(job.handle, /^H:.+:\d+$/);
        assert.equal(String(job), job.handle);
        assert.equal(job.server, server);
        assert.match(job.unique, /^[\w-]{13,63}$/);
        assert.deepEqual(JSON.parse(JSON.stringify(job)), {
          handle: job.handle,
          server: job.server,
          unique: job.unique,
        });
      }
      assert.notEqual(first.handle, second.handle);
      assert.notEqual(first.unique, second.unique);
    },
  },
  {
    name: "500 background jobs in flight at once get 500 handles, in the order of their submits",
    async run({ server }) {
      await using client = new Client(server);
      const jobs = await Promise.all(Array.from({ length: 500 }, (_, index) => client.background(NOBODY, { index })));
      assert.equal(new Set(jobs.map(({ handle }) => handle)).size, 500);
      assert.equal(new Set(jobs.map(({ unique }) => unique)).size, 500);
      const numbers = jobs.map(({ handle }) => Number(handle.slice(handle.lastIndexOf(":") + 1)));
      assert.deepEqual(
        numbers,
        numbers.toSorted((a, b) => a - b),
      );
    },
  },
  {
    name: "equal uniques are one job as long as it waits",
    async run({ server }) {
      await using client = new Client(server);
      const unique = fresh("same");
      const [first, second, other] = await Promise.all([
        client.background(NOBODY, "one", { unique }),
        client.background(NOBODY, "two", { unique }),
        client.background(NOBODY, "one", { unique: `${unique}-not` }),
      ]);
      assert.equal(first.unique, unique);
      assert.equal(second.handle, first.handle);
      assert.notEqual(other.handle, first.handle);
    },
  },
  {
    name: "the same unique is two jobs in two functions, and for two clients one",
    async run({ server }) {
      await using client = new Client(server);
      await using another = new Client(server);
      const unique = fresh("shared");
      const job = await client.background(NOBODY, "one", { unique });
      assert.notEqual((await client.background(`${NOBODY}-else`, "one", { unique })).handle, job.handle);
      assert.equal((await another.background(NOBODY, "two", { unique })).handle, job.handle);
    },
  },
  {
    name: 'unique: "" sends none: such jobs are never one',
    async run({ server }) {
      await using client = new Client(server);
      const first = await client.background(NOBODY, "same", { unique: "" });
      const second = await client.background(NOBODY, "same", { unique: "" });
      assert.equal(first.unique, "");
      assert.notEqual(first.handle, second.handle);
    },
  },
  {
    name: "a unique has 63 bytes at most, and those count in UTF-8",
    async run({ server }) {
      await using client = new Client(server);
      const unique = `${"é".repeat(13)}${fresh("")}`;
      assert.equal(new TextEncoder().encode(unique).length, 63);
      const job = await client.background(NOBODY, "one", { unique });
      assert.equal((await client.background(NOBODY, "two", { unique })).handle, job.handle);
      assert.equal((await client.statusOf(unique)).known, true);
    },
  },
  {
    name: "background jobs are taken by priority: high before normal before low",
    async run({ server }) {
      await using client = new Client(server);
      // The worker is at the first job while the others come in, all in one write.
      const blocker = client.run("order", "blocker");
      const low = client.background("order", "", { priority: "low" });
      const normal = client.run("order", "normal");
      const high = client.background("order", "", { priority: "high" });
      await blocker;
      await normal;
      const [highStatus, lowStatus] = await Promise.all([client.status(await high), client.status(await low)]);
      assert.equal(highStatus.known, false, "the high one should have been done before the normal one");
      assert.equal(lowStatus.known, true, "the low one should not have been done before the normal one");
    },
  },
  {
    name: "foreground jobs are taken by priority: high before normal before low",
    async run({ server }) {
      await using client = new Client(server);
      const done: string[] = [];
      const run = async (priority: "high" | "normal" | "low") => {
        const result = await client.run("order", priority, { priority });
        done.push(result.text());
      };
      await Promise.all([client.run("order", "blocker"), run("low"), run("normal"), run("high")]);
      assert.deepEqual(done, ["high", "normal", "low"]);
    },
  },
  {
    name: "a delayed job waits for its time, and is then worked off",
    async run({ server }) {
      await using client = new Client(server);
      const submitted = Date.now();
      const job = await client.background("later", "x", { delay: 1_000 });
      await pause(200);
      assert.equal((await client.status(job)).state, "queued");
      await workedOff(client, job);
      const waited = Date.now() - submitted;
      assert.ok(waited >= 999, `it was done ${waited} ms after its submit`);
    },
  },
  {
    name: "a job for a certain time waits for it; a time gone by is now",
    async run({ server }) {
      await using client = new Client(server);
      const time = Date.now() + 1_500;
      const [date, number, past] = await Promise.all([
        client.background("later", "x", { at: new Date(time) }),
        client.background("later", "x", { at: time + 0.5 }),
        client.background("later", "x", { at: new Date(0) }),
      ]);
      // What came later is done: the worker has seen them all.
      await client.run("later");
      const states = await Promise.all([date, number, past].map((job) => client.status(job)));
      assert.deepEqual(
        states.map(({ state }) => state),
        ["queued", "queued", "unknown"],
      );
      await workedOff(client, date);
      await workedOff(client, number);
      assert.ok(Date.now() >= time - 1);
    },
  },
];

/**
 * Waits until a job of the function `later` is done. A gearmand of before 2.0 wakes no worker when a job's time has
 * come: another job does.
 */
function workedOff(client: Client, job: JobHandle): Promise<boolean | void> {
  return eventually("working the job off", async () => {
    await client.background("later");
    return !(await client.status(job)).known;
  });
}
