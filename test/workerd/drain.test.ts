import { createScheduledController } from "cloudflare:test";
import { Client, Worker } from "edgear";
import { describe, expect, inject, test, vi } from "vitest";
import drain from "../../examples/drain/index.ts";
import { fresh } from "../conformance/names.ts";

describe.each(inject("servers"))("in a scheduled() handler, over $name", ({ address }) => {
  test("the example works off what waits, and leaves", async () => {
    await using client = new Client(address);
    const texts = ["one", "two words", "", "four  words in\nhere"];
    const jobs = await Promise.all(texts.map((text) => client.background("wordcount", text)));
    const result = client.run("wordcount", "to be or not", { timeout: 10_000 });
    // Only what the server has is worked off.
    await client.ping();
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    vi.spyOn(console, "info").mockImplementation(() => {});
    vi.spyOn(console, "debug").mockImplementation(() => {});
    await drain.scheduled(createScheduledController(), { GEARMAN_SERVERS: address });
    expect(log).toHaveBeenCalledWith("worked off 5 jobs");
    expect((await result).json()).toBe(4);
    for (const job of jobs) expect((await client.status(job)).state).toBe("unknown");
    vi.restoreAllMocks();
  });

  test("the worker runs several jobs at once, and tells on the way", async () => {
    const name = fresh("edge");
    await using client = new Client(address);
    const task = client.submit(name, "x", { timeout: 10_000 });
    await task.handle;
    const worker = new Worker(address, { concurrency: 4 });
    worker.add(name, async (job) => {
      job.status(1, 2);
      job.data(new Uint8Array(100_000).fill(7));
      await new Promise((resolve) => setTimeout(resolve, 10));
      return job.workload.bytes;
    });
    const drained = worker.drain({ deadline: 10_000 });
    const events: string[] = [];
    for await (const event of task) events.push(event.type);
    expect(events).toEqual(["status", "data"]);
    expect((await task.result).text()).toBe("x");
    expect(await drained).toBe(1);
  });
});
