import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { Client, Worker } from "edgear";
import { describe, test } from "vitest";
import { rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { nothingMore, open, watchCodecs } from "../support/faults/open.ts";
import { Randoms } from "../support/faults/randoms.ts";
import { LARGEST, SERVERS } from "./servers.ts";

watchCodecs();

const SIZE = 64 * 1024 * 1024;

/** Bytes that are nowhere the same, so that a piece that is missing, twice or elsewhere shows. */
function bytes(seed: number, size = SIZE): Uint8Array {
  const randoms = new Randoms(seed);
  const words = Uint32Array.from({ length: size / 4 }, () => randoms.below(2 ** 32));
  return new Uint8Array(words.buffer);
}

function hash(data: Uint8Array): string {
  return createHash("sha256").update(data).digest("hex");
}

describe.each(Object.entries(SERVERS))("over %s", (_name, start) => {
  test("64 MiB go there and come back as they were, small jobs beside them", { timeout: 60_000 }, async () => {
    const before = open();
    {
      await using server = await start();
      const name = fresh("large");
      await using client = new Client(server.address, { maxPacketSize: LARGEST });
      const worker = new Worker(server.address, { concurrency: 2, maxPacketSize: LARGEST });
      worker.add(name, (job) => job.workload.bytes);
      const running = worker.run();
      const workload = bytes(1);
      const large = client.run(name, workload);
      const small = Array.from({ length: 100 }, (_, number) => client.run(name, String(number)));
      assert.deepEqual((await Promise.all(small)).map(String), [...small.keys()].map(String));
      assert.equal(hash((await large).bytes), hash(workload));
      await worker.close();
      await running;
    }
    await nothingMore(before);
  });

  test("64 MiB of data, in parts, reach the client in order", { timeout: 60_000 }, async () => {
    await using server = await start();
    const name = fresh("parts");
    await using client = new Client(server.address);
    const worker = new Worker(server.address);
    const part = bytes(2, 1024 * 1024);
    worker.add(name, async (job) => {
      for (let number = 0; number < 64; number++) await job.data(part);
    });
    const running = worker.run();
    const task = client.submit(name);
    let parts = 0;
    for await (const event of task)
      if (event.type === "data") {
        assert.equal(Buffer.compare(event.payload.bytes, part), 0);
        parts++;
      }
    await task.result;
    assert.equal(parts, 64);
    await worker.close();
    await running;
  });

  test("a name, a unique and a workload that are each as large as they may be are one job, there and back", {
    timeout: 60_000,
  }, async () => {
    await using server = await start();
    const name = fresh("n").padEnd(8_000, "n");
    const unique = "u".repeat(63);
    await using client = new Client(server.address);
    const worker = new Worker(server.address);
    worker.add(name, (job) => [hash(job.workload.bytes), job.function === name, job.unique].join(" "));
    const running = worker.run();
    const error = await rejection(client.run(name, new Uint8Array(SIZE), { unique }), TypeError);
    const [, most] = /(\d+) are left for it$/.exec(error.message) ?? [];
    // What is left is less than the packet by both names and their NULs, and by what a worker is told besides.
    const room = SIZE - Number(most);
    assert.ok(room >= 8_000 + 63 + 2 && room < 8_000 + 63 + 200, `${room} bytes are for names`);
    const workload = bytes(3).subarray(0, Number(most));
    const result = await client.run(name, workload, { unique });
    assert.equal(result.text(), `${hash(workload)} true ${unique}`);
    await rejection(client.run(name, bytes(3).subarray(0, Number(most) + 1), { unique }), TypeError);
    await rejection(client.run(`${name}n`, "", { unique }), TypeError);
    await rejection(client.run(name, "", { unique: `${unique}u` }), TypeError);
    await worker.close();
    await running;
  });

  test("what a worker could not take any more is refused before it is sent, and what it can is done", {
    timeout: 60_000,
  }, async () => {
    await using server = await start();
    const name = fresh("above");
    await using client = new Client(server.address);
    const worker = new Worker(server.address);
    worker.add(name, (job) => String(job.workload.bytes.length));
    const running = worker.run();
    const error = await rejection(client.run(name, new Uint8Array(SIZE)), TypeError);
    const [, most] = /more than maxPacketSize \(67108864 bytes\): (\d+) are left for it$/.exec(error.message) ?? [];
    assert.equal((await client.run(name, new Uint8Array(Number(most)))).text(), most);
    await rejection(client.run(name, new Uint8Array(Number(most) + 1)), TypeError);
    await worker.close();
    await running;
  });
});
