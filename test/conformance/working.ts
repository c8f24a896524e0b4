import assert from "node:assert/strict";
import { JobExceptionError, JobFailed, JobFailedError } from "edgear";
import { type Case, Client, collect, eventually, pause, rejection, Worker } from "./case.ts";
import { fresh } from "./names.ts";

/** Working jobs off. */
export const working: readonly Case[] = [
  {
    name: "a worker's results, failures and exceptions reach who submitted",
    async run({ server }) {
      const name = fresh("work");
      await using worker = new Worker(server, { concurrency: 3 });
      worker.add(name, ({ workload }) => {
        if (workload.text() === "throw") throw new Error("out of paper");
        if (workload.text() === "fail") throw new JobFailed();
        return { bytes: workload.bytes.length };
      });
      const running = worker.run();
      await using client = new Client(server);
      const result = await client.run(name, new Uint8Array(150_000), { timeout: 10_000 });
      assert.deepEqual(result.json(), { bytes: 150_000 });
      const thrown = await rejection(client.run(name, "throw", { timeout: 10_000 }), JobExceptionError);
      assert.equal(thrown.message, "out of paper");
      await rejection(client.run(name, "fail", { timeout: 10_000 }), JobFailedError);
      await worker.close();
      await running;
    },
  },
  {
    name: "status, data and warnings arrive in order, and those who ask see the progress",
    async run({ server }) {
      const name = fresh("telling");
      const { promise, resolve: release } = gate();
      await using worker = new Worker(server);
      worker.add(name, async (job) => {
        job.status(3, 4);
        job.data("first");
        job.warn("mind the gap");
        await promise;
        return "end";
      });
      const running = worker.run();
      await using client = new Client(server);
      const task = client.submit(name, "", { timeout: 10_000 });
      const handle = await task.handle;
      await eventually("the progress is known", async () => (await client.status(handle)).progress === 0.75);
      assert.equal((await client.status(handle)).state, "running");
      release();
      const events = await collect(task);
      assert.deepEqual(
        events.map((event) => (event.type === "status" ? event.progress : event.payload.text())),
        [0.75, "first", "mind the gap"],
      );
      assert.equal((await task.result).text(), "end");
      await worker.close();
      await running;
    },
  },
  {
    name: "200 jobs at once, at concurrency 16, each get their own result",
    async run({ server }) {
      const name = fresh("many");
      await using worker = new Worker(server, { concurrency: 16 });
      let most = 0;
      worker.add(name, async ({ workload }) => {
        most = Math.max(most, worker.running);
        // The first ones wait for each other: all slots are used, and none too many.
        do await pause(1);
        while (most < 16);
        return `<${workload.text()}>`;
      });
      const running = worker.run();
      await using client = new Client(server);
      const numbers = Array.from({ length: 200 }, (_, number) => String(number));
      const results = await Promise.all(numbers.map((number) => client.run(name, number, { timeout: 10_000 })));
      assert.deepEqual(
        results.map((result) => result.text()),
        numbers.map((number) => `<${number}>`),
      );
      assert.equal(most, 16);
      await worker.close();
      await running;
    },
  },
  {
    name: "an async generator streams its parts, and returns the result",
    async run({ server }) {
      const name = fresh("stream");
      await using worker = new Worker(server);
      worker.add(name, async function* ({ workload }) {
        for (const word of workload.text().split(" ")) yield word;
        return "end";
      });
      const running = worker.run();
      await using client = new Client(server);
      const task = client.submit(name, "to be or not", { timeout: 10_000 });
      const parts = (await collect(task)).map((event) => (event.type === "data" ? event.payload.text() : event.type));
      assert.deepEqual(parts, ["to", "be", "or", "not"]);
      assert.equal((await task.result).text(), "end");
      await worker.close();
      await running;
    },
  },
  {
    name: "drain works off what waits, and leaves",
    async run({ server }) {
      const name = fresh("drain");
      await using client = new Client(server);
      const jobs = await Promise.all(Array.from({ length: 25 }, () => client.background(name, "x")));
      const worker = new Worker(server, { concurrency: 4 });
      worker.add(name, () => {});
      assert.equal(await worker.drain({ deadline: 10_000 }), 25);
      for (const job of jobs) assert.equal((await client.status(job)).state, "unknown");
    },
  },
  {
    name: "a closing worker finishes what runs, and what it leaves stays queued",
    async run({ server }) {
      const name = fresh("closing");
      const worker = new Worker(server);
      const started = new Promise<void>((resolve) => worker.on("start", () => resolve()));
      worker.add(name, async () => {
        await pause(100);
        return "finished";
      });
      const running = worker.run();
      await using client = new Client(server);
      const result = client.run(name, "", { timeout: 10_000 });
      await started;
      const left = await client.background(name, "");
      assert.deepEqual(await worker.close(), { aborted: 0 });
      await running;
      assert.equal((await result).text(), "finished");
      assert.equal((await client.status(left)).state, "queued");
      const rest = new Worker(server);
      rest.add(name, () => {});
      assert.equal(await rest.drain({ deadline: 10_000 }), 1);
    },
  },
  {
    name: "a job whose time is over fails, its signal aborts, and its slot is free",
    async run({ server }) {
      const name = fresh("late");
      let aborted = false;
      await using worker = new Worker(server);
      worker.add(
        name,
        ({ workload, signal }) => {
          signal.addEventListener("abort", () => {
            aborted = true;
          });
          return workload.text() === "hang" ? new Promise(() => {}) : "in time";
        },
        { timeout: 100 },
      );
      const running = worker.run();
      await using client = new Client(server);
      await rejection(client.run(name, "hang", { timeout: 10_000 }), JobFailedError);
      assert.equal(aborted, true);
      assert.equal((await client.run(name, "", { timeout: 10_000 })).text(), "in time");
      await worker.close();
      await running;
    },
  },
];

/** A promise that is kept by calling a function. */
function gate(): { promise: Promise<void>; resolve: () => void } {
  let resolve = () => {};
  const promise = new Promise<void>((keep) => {
    resolve = keep;
  });
  return { promise, resolve };
}
