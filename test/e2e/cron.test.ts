import { Client, JobFailedError } from "edgear";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployed, deploy } from "../support/deployed.ts";
import { connectionsLeft, queued } from "../support/door.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";

const timeout = 60_000;
let gearmand: Gearmand;
let door: Deployed;
let client: Client;

beforeAll(async () => {
  gearmand = await startGearmand();
  const vars = { GEARMAN_SERVERS: gearmand.address, DRAIN_CONCURRENCY: 3, DRAIN_DEADLINE: 2_000 };
  door = await deploy(vars, { script: "test/workerd/own-door.ts" });
  client = new Client(gearmand.address);
}, 90_000);

afterAll(async () => {
  client?.destroy();
  await door?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

test("the cron trigger works off what waits, by the handlers and their own options, and leaves", {
  timeout,
}, async () => {
  const jobs = await Promise.all(["a", "b"].map((text) => client.background("upper", text)));
  const shout = client.run("upper", "shout", { timeout: 20_000 });
  const where = client.run("where", "", { timeout: 20_000 });
  const hangs = client.run("hangs", "", { timeout: 20_000 });
  const failed = expect(hangs).rejects.toThrow(JobFailedError);
  await client.ping();
  expect(await door.cron()).toBe("ok");
  expect((await shout).text()).toBe("SHOUT");
  expect((await where).text()).toBe(gearmand.address);
  await failed;
  for (const job of jobs) expect((await client.status(job)).known).toBe(false);
  await connectionsLeft(gearmand.port, 1);
});

test("as many at once as it may, and none any more after its deadline", { timeout }, async () => {
  const [name, count] = ["together", 40];
  const first = client.run(name, "", { timeout: 20_000, priority: "high" });
  await Promise.all(Array.from({ length: count }, () => client.background(name)));
  expect(await door.cron()).toBe("ok");
  expect((await first).text()).toBe("3");
  // 15 can be done until then, and those that run are finished.
  const left = await queued(gearmand.port, name);
  expect(left).toBeGreaterThan(15);
  expect(left).toBeLessThan(count);
  await connectionsLeft(gearmand.port, 1);
});

test("without a handler it fails, so that the platform's log shows it", { timeout: 90_000 }, async () => {
  await using plain = await deploy({ GEARMAN_SERVERS: gearmand.address });
  expect(await plain.cron()).toBe("exception");
});
