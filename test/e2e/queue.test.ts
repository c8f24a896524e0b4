import { setTimeout as delay } from "node:timers/promises";
import { Admin, Client, Worker } from "edgear";
import { Response as MiniflareResponse } from "miniflare";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Deployed, deploy } from "../support/deployed.ts";
import { queued } from "../support/door.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { freePort } from "../support/ports.ts";
import { textCommand } from "../support/text-command.ts";

const timeout = 60_000;
let gearmand: Gearmand | undefined;
let port: number;
let door: Deployed;

/** The dead letters. */
let dead: unknown[];

/** A Worker that consumes a queue; the job server is started by each test. */
beforeEach(async () => {
  port = await freePort();
  dead = [];
  const at = { maxBatchSize: 10, maxBatchTimeout: 0.1 };
  door = await deploy(
    { GEARMAN_SERVERS: `127.0.0.1:${port}`, GEARMAN_FUNCTIONS: ["queued", "full"], REQUEST_TIMEOUT: 2_000 },
    {
      script: "test/workerd/own-door.ts",
      env: { JOBS: { type: "queue", name: "jobs" } },
      triggers: [
        { type: "queue", name: "jobs", ...at, maxRetries: 2, deadLetterQueue: "jobs-dead" },
        { type: "queue", name: "jobs-dead", ...at },
      ],
      internet: async (request) => {
        dead.push(await request.json());
        return new MiniflareResponse(null, { status: 204 });
      },
    },
  );
}, 90_000);

afterEach(async () => {
  await door?.[Symbol.asyncDispose]();
  await gearmand?.stop();
  gearmand = undefined;
});

/** The workloads of all jobs that wait, and their uniques. */
async function taken(): Promise<{ text: string; unique: string }[]> {
  const jobs: { text: string; unique: string }[] = [];
  const worker = new Worker(`127.0.0.1:${port}`);
  worker.add("queued", (job) => void jobs.push({ text: job.workload.text(), unique: job.unique }));
  await worker.drain({ deadline: 10_000 });
  return jobs;
}

test("messages become background jobs", { timeout }, async () => {
  gearmand = await startGearmand({ port });
  const bodies = Array.from({ length: 25 }, (_, index) => ({ function: "queued", workload: { index } }));
  await door.send("JOBS", [...bodies, { function: "queued", base64: btoa("bytes"), unique: "mine", priority: "high" }]);
  await expect.poll(() => queued(port, "queued"), { timeout: 10_000 }).toBe(26);
  const jobs = await taken();
  expect(jobs[0]).toEqual({ text: "bytes", unique: "mine" });
  expect(jobs.map(({ text }) => text).sort()).toEqual(
    ["bytes", ...bodies.map((body) => JSON.stringify(body.workload))].sort(),
  );
  // By their messages' ids, they join themselves when they are delivered twice.
  expect(new Set(jobs.map(({ unique }) => unique)).size).toBe(26);
  expect(jobs.every(({ unique }) => /^(mine|[0-9a-f]{32})$/.test(unique))).toBe(true);
});

test("a message that no job server takes comes again until one does", { timeout }, async () => {
  await door.send("JOBS", [{ function: "queued", workload: "patience" }]);
  // It has failed by now: nothing listens there.
  await delay(1_500);
  gearmand = await startGearmand({ port });
  expect(await queued(port, "queued")).toBe(0);
  await expect.poll(() => queued(port, "queued"), { timeout: 20_000, interval: 200 }).toBe(1);
  expect(await taken()).toMatchObject([{ text: "patience" }]);
});

test("one that can't be taken keeps no other from being taken", { timeout }, async () => {
  gearmand = await startGearmand({ port });
  await textCommand(port, "create function full");
  await textCommand(port, "maxqueue full 1");
  await using client = new Client(`127.0.0.1:${port}`);
  await client.background("full", "", { unique: "first" });
  await door.send("JOBS", [
    "no job",
    { function: "queued", workload: "before" },
    { function: "elsewhere" },
    { function: "queued\n", workload: "x" },
    { function: "full", workload: "too many" },
    { function: "queued", unique: "" },
    { function: "queued", workload: "after" },
  ]);
  await expect.poll(() => queued(port, "queued"), { timeout: 10_000 }).toBe(2);
  expect((await taken()).map(({ text }) => text).sort()).toEqual(["after", "before"]);
  // Once there is room, the refused one is taken: it was not acknowledged.
  await using admin = new Admin(`127.0.0.1:${port}`);
  await admin.maxQueue("full", 10);
  await expect.poll(() => queued(port, "full"), { timeout: 20_000, interval: 200 }).toBe(2);
  expect((await admin.status()).map((entry) => entry.function)).not.toContain("elsewhere");
  // What is wrong ends where somebody can look at it, and what was taken doesn't.
  await expect.poll(() => dead.length, { timeout: 30_000, interval: 200 }).toBe(4);
  expect(dead.map((body) => JSON.stringify(body)).sort()).toEqual([
    '"no job"',
    '{"function":"elsewhere"}',
    '{"function":"queued","unique":""}',
    '{"function":"queued\\n","workload":"x"}',
  ]);
});
