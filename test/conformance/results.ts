import assert from "node:assert/strict";
import { JobFailedError, Payload, Task, TimeoutError } from "edgear";
import { type Case, Client, collect, rejection, Worker } from "./case.ts";
import { fresh, NOBODY } from "./names.ts";

/** Foreground jobs: what comes back of them. */
export const results: readonly Case[] = [
  {
    name: "run gives the job's result",
    async run({ server }) {
      await using client = new Client(server);
      const result = await client.run("reverse", "hello");
      assert.ok(result instanceof Payload);
      assert.equal(result.text(), "olleh");
      assert.equal(String(result), "olleh");
      assert.deepEqual([...result.bytes], [...new TextEncoder().encode("olleh")]);
    },
  },
  {
    name: "a string goes as its UTF-8 bytes",
    async run({ server }) {
      await using client = new Client(server);
      const text = "Grüße, 日本, 👋\0\n";
      const result = await client.run("echo", text);
      assert.equal(result.text(), text);
      assert.deepEqual(result.bytes, new TextEncoder().encode(text));
    },
  },
  {
    name: "bytes go as they are: all 256 of them, of any view",
    async run({ server }) {
      await using client = new Client(server);
      const bytes = Uint8Array.from({ length: 256 }, (_, index) => index);
      const surrounded = new Uint8Array(258);
      surrounded.set(bytes, 1);
      const sent = [bytes, bytes.buffer, new DataView(bytes.buffer), surrounded.subarray(1, 257), new Payload(bytes)];
      const echoed = await Promise.all(sent.map((workload) => client.run("echo", workload)));
      for (const result of echoed) assert.deepEqual(result.bytes, bytes);
    },
  },
  {
    name: "anything else goes as JSON",
    async run({ server }) {
      await using client = new Client(server);
      for (const value of [{ id: 7, tags: ["a", "ß"], none: null }, [1, 2.5, "three"], 42, true, null]) {
        const result = await client.run("echo", value);
        assert.equal(result.text(), JSON.stringify(value));
        assert.deepEqual(result.json(), value);
      }
    },
  },
  {
    name: "an empty workload arrives, and an empty result comes back",
    async run({ server }) {
      await using client = new Client(server);
      for (const workload of [undefined, "", new Uint8Array()])
        assert.equal((await client.run("echo", workload)).bytes.length, 0);
    },
  },
  {
    name: "200 KB go there and back unchanged, beside small jobs",
    async run({ server }) {
      await using client = new Client(server);
      const large = Uint8Array.from({ length: 200_000 }, (_, index) => (index * 31 + (index >> 8)) & 0xff);
      const text = "ß€".repeat(40_000);
      const [bytes, small, characters] = await Promise.all([
        client.run("echo", large),
        client.run("echo", "small"),
        client.run("echo", text),
      ]);
      assert.equal(small.text(), "small");
      assert.equal(characters.text() === text, true);
      assert.equal(bytes.bytes.length, large.length);
      assert.equal(
        bytes.bytes.findIndex((byte, index) => byte !== large[index]),
        -1,
      );
    },
  },
  {
    name: "many results of some KiB at once come back as they were sent",
    async run({ server }) {
      await using client = new Client(server);
      await using worker = new Worker(server, { concurrency: 64 });
      const name = fresh("echo");
      const working = worker.add(name, ({ workload }) => workload.bytes).run();
      // Enough to fill the memory for what goes out many times over, and a socket's buffers.
      const workloads = Array.from({ length: 1_500 }, (_, job) => {
        return Uint8Array.from({ length: 3_000 + (job % 7) }, (_, place) => (job * 31 + place * 7) % 251);
      });
      const results = await Promise.all(workloads.map((workload) => client.run(name, workload)));
      for (const [job, { bytes }] of results.entries()) {
        const sent = workloads[job] as Uint8Array;
        const wrong = bytes.length === sent.length ? bytes.findIndex((byte, place) => byte !== sent[place]) : 0;
        assert.equal(wrong, -1, `the result of job ${job} differs from byte ${wrong} on`);
      }
      await worker.close();
      await working;
    },
  },
  {
    name: "each of many jobs in flight gets its own result",
    async run({ server }) {
      await using client = new Client(server);
      const texts = Array.from({ length: 40 }, (_, index) => `job ${index}`);
      const echoed = await Promise.all(texts.map((text) => client.run("echo", text)));
      assert.deepEqual(echoed.map(String), texts);
    },
  },
  {
    name: "a task has its handle before its result, and ends its events with it",
    async run({ server }) {
      await using client = new Client(server);
      const task = client.submit("reverse", "abc");
      assert.ok(task instanceof Task);
      assert.equal(task.function, "reverse");
      const order: string[] = [];
      const handle = task.handle.then((job) => {
        order.push("handle");
        return job;
      });
      const result = task.result.then((payload) => {
        order.push("result");
        return payload;
      });
      const events = await collect(task);
      assert.deepEqual(events, []);
      assert.equal((await result).text(), "cba");
      assert.match((await handle).handle, /^H:.+:\d+$/);
      assert.equal((await handle).server, server);
      assert.deepEqual(order, ["handle", "result"]);
    },
  },
  {
    name: "submits that became one job all get its result",
    async run({ server }) {
      await using client = new Client(server);
      await using another = new Client(server);
      const unique = fresh("joined");
      const tasks = [
        client.submit("slow", "first", { unique }),
        client.submit("slow", "second", { unique }),
        another.submit("slow", "third", { unique }),
      ];
      const handles = await Promise.all(tasks.map((task) => task.handle));
      assert.equal(new Set(handles.map(String)).size, 1);
      const texts = await Promise.all(tasks.map(async (task) => (await task.result).text()));
      // Two connections race for whose workload it is.
      assert.equal(new Set(texts).size, 1);
    },
  },
  {
    name: "a job that fails rejects with JobFailedError, and the next one is none the worse for it",
    async run({ server }) {
      await using client = new Client(server);
      const task = client.submit("fail", "x");
      const error = await rejection(task.result, JobFailedError);
      assert.equal(error.code, "JOB_FAILED");
      assert.equal(error.handle, (await task.handle).handle);
      assert.match(error.message, /WORK_FAIL/);
      await rejection(collect(task), JobFailedError);
      assert.equal((await client.run("reverse", "next")).text(), "txen");
    },
  },
  {
    name: "a result that does not come in time rejects with TimeoutError",
    async run({ server }) {
      const client = new Client(server);
      const error = await rejection(client.run(NOBODY, "x", { timeout: 50 }), TimeoutError);
      assert.equal(error.code, "TIMEOUT");
      assert.equal(error.timeout, "timeout");
      assert.equal(error.milliseconds, 50);
      assert.match(error.message, /"nobody".*50 ms/);
      await client.close();
    },
  },
];
