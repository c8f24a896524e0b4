import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployed, deploy } from "../../support/deployed.ts";
import { type Asked, connectionsLeft, submitMany, underFire } from "../../support/door.ts";
import { type Gearmand, startGearmand } from "../../support/gearmand.ts";
import { Line } from "../../support/line.ts";
import { startWorker } from "../../support/worker.ts";

/** The HTTP door, with a hub. */

let gearmand: Gearmand;
let line: Line;
let door: Deployed;

beforeAll(async () => {
  gearmand = await startGearmand();
  line = await Line.to(gearmand.port);
  const vars = { GEARMAN_SERVERS: line.address, REQUEST_TIMEOUT: 3_000, RUN_TIMEOUT: 4_000 };
  door = await deploy(vars, { objects: { GEARMAN_HUB: "GearmanHub" } });
}, 90_000);

afterAll(async () => {
  await door?.[Symbol.asyncDispose]();
  await line?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

test("the jobs of 200 requests at once are all accounted for, over one connection", { timeout: 60_000 }, async () => {
  await submitMany(door, gearmand);
  expect(line.connections).toBe(1);
});

test("jobs are asked for over the same one; what waits has its own", async () => {
  const before = line.connections;
  const submitted = await door.fetch("/jobs/nobody", {
    method: "POST",
    body: "x",
    headers: { "idempotency-key": "u" },
  });
  const location = submitted.headers.get("location") ?? "";
  expect(await (await door.fetch(location)).json()).toMatchObject({ known: true, state: "queued" });
  expect(await (await door.fetch("/jobs?unique=u")).json()).toMatchObject({ unique: "u", known: true, waiting: 0 });
  expect(await (await door.fetch("/health")).json()).toMatchObject({ ok: true, servers: [line.address] });
  const wrong = await door.fetch(`/jobs/${"x".repeat(70)}`);
  expect(wrong.status).toBe(400);
  expect(line.connections).toBe(before);
  await using _worker = startWorker(gearmand.address, { upper: (job) => job.workload.text().toUpperCase() });
  expect(await (await door.fetch("/run/upper", { method: "POST", body: "x" })).text()).toBe("X");
  expect(line.connections).toBe(before + 1);
});

test("a job server that is killed and started again under load: each request is answered, none hangs", {
  timeout: 90_000,
}, async () => {
  const requests: Asked[] = [
    ["/jobs/nobody", { method: "POST", body: "x" }],
    ["/jobs/H:nowhere:1", {}],
    ["/jobs?unique=nobody", {}],
    ["/health", {}],
  ];
  const { port } = gearmand;
  await underFire(door, requests, async () => {
    process.kill(gearmand.pid, "SIGKILL");
    // Calls wait in the hub meanwhile.
    await delay(500);
    await gearmand.stop();
    gearmand = await startGearmand({ port });
  });
  await connectionsLeft(port, 1);
});

test.each([
  [{ GEARMAN_SERVERS: "a b" }, /^this Worker is set up wrongly: "a b" is no server: give .* or \{ host, port, tls \}$/],
  [
    { GEARMAN_HUB_INTERVAL: "soon" },
    /^the hub is set up wrongly: GEARMAN_HUB_INTERVAL must be a number of milliseconds from 1 to \d+, not "soon"$/,
  ],
])(
  "%j is the Worker's fault, not the request's",
  async (vars, words) => {
    const settings = { GEARMAN_SERVERS: gearmand.address, ...vars };
    await using wrong = await deploy(settings, { objects: { GEARMAN_HUB: "GearmanHub" } });
    const response = await wrong.fetch("/jobs/nobody", { method: "POST", body: "x" });
    expect(response.status).toBe(500);
    const message = expect.stringMatching(words);
    expect(await response.json()).toEqual({ error: { code: "MISCONFIGURED", message } });
  },
  60_000,
);
