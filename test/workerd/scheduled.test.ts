import { Client } from "edgear";
import { describe, expect, inject, test, vi } from "vitest";
import { drain } from "../../worker/scheduled.ts";
import { AWAY, fresh } from "../conformance/names.ts";

describe.each(inject("servers"))("the cron trigger, over $name", ({ address }) => {
  test("works off what waits of the handlers' functions, and leaves", async () => {
    const [upper, fails] = [fresh("upper"), fresh("fails")];
    await using client = new Client(address);
    const jobs = await Promise.all(["a", "b", "c"].map((text) => client.background(upper, text)));
    const result = client.run(upper, "shout", { timeout: 10_000 });
    const failure = client.run(fails, "", { timeout: 10_000 });
    await client.ping();
    const log = vi.spyOn(console, "log").mockImplementation(() => {});
    const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
    const handlers = {
      [upper]: { handle: (job: { workload: { text(): string } }) => job.workload.text().toUpperCase() },
      [fails]: {
        handle: (_job: unknown, env: { GEARMAN_SERVERS: string }) => {
          throw new Error(`not at ${env.GEARMAN_SERVERS}`);
        },
      },
    };
    const rejected = expect(failure).rejects.toThrow(`not at ${address}`);
    expect(await drain({ GEARMAN_SERVERS: address }, handlers)).toBe(5);
    expect(log).toHaveBeenCalledExactlyOnceWith(`worked off 5 jobs of ${upper}, ${fails}`);
    expect((await result).text()).toBe("SHOUT");
    await rejected;
    for (const job of jobs) expect((await client.status(job)).known).toBe(false);
    log.mockRestore();
    warn.mockRestore();
  });
});

test("it says when there is nothing that it could work off", async () => {
  await expect(drain({ GEARMAN_SERVERS: AWAY }, {})).rejects.toThrow(/add a function to worker\/handlers.ts/);
});

test("it fails when no job server can be had, so that the platform's log shows it", async () => {
  const warn = vi.spyOn(console, "warn").mockImplementation(() => {});
  vi.spyOn(console, "error").mockImplementation(() => {});
  await expect(drain({ GEARMAN_SERVERS: AWAY }, { f: { handle: () => "" } })).rejects.toThrow(/nothing listens there/);
  warn.mockRestore();
  vi.restoreAllMocks();
});

test("it is set up by numbers that may be wrong", async () => {
  const handlers = { f: { handle: () => "" } };
  const env = { GEARMAN_SERVERS: AWAY };
  await expect(drain({ ...env, DRAIN_CONCURRENCY: 0 }, handlers)).rejects.toThrow(/DRAIN_CONCURRENCY must be/);
  await expect(drain({ ...env, DRAIN_DEADLINE: "1 h" }, handlers)).rejects.toThrow(/DRAIN_DEADLINE must be a number/);
});
