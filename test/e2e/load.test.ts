import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Deployed, deploy } from "../support/deployed.ts";
import { type Asked, connectionsLeft, submitMany, underFire } from "../support/door.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { startWorker } from "../support/worker.ts";

let gearmand: Gearmand;
let door: Deployed;

beforeAll(async () => {
  gearmand = await startGearmand();
  door = await deploy({ GEARMAN_SERVERS: gearmand.address, REQUEST_TIMEOUT: 3_000, RUN_TIMEOUT: 4_000 });
}, 90_000);

afterAll(async () => {
  await door?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

test("the jobs of 200 requests at once are all accounted for", { timeout: 60_000 }, async () => {
  await submitMany(door, gearmand);
  await connectionsLeft(gearmand.port, 0);
});

test("200 results at once are each of their own request", { timeout: 60_000 }, async () => {
  await using _worker = startWorker(
    gearmand.address,
    { upper: (job) => job.workload.text().toUpperCase() },
    { concurrency: 8 },
  );
  const texts = Array.from({ length: 200 }, (_, index) => `result-${index}`);
  const answers = await Promise.all(
    texts.map(async (body) => (await door.fetch("/run/upper", { method: "POST", body })).text()),
  );
  expect(answers).toEqual(texts.map((text) => text.toUpperCase()));
  await connectionsLeft(gearmand.port, 1);
});

test("a job server that is killed and started again under load: each request is answered, none hangs", {
  timeout: 90_000,
}, async () => {
  await using _worker = startWorker(gearmand.address, { slowly: () => delay(20, "done") }, { concurrency: 8 });
  const requests: Asked[] = [
    ["/jobs/nobody", { method: "POST", body: "x" }],
    ["/run/slowly", { method: "POST", body: "x" }],
    ["/run/slowly", { method: "POST", body: "x", headers: { accept: "text/event-stream" } }],
    ["/jobs/H:nowhere:1", {}],
    ["/jobs?unique=nobody", {}],
    ["/health", {}],
    ["/jobs", { method: "POST", body: '{"function":"nobody"}\n', headers: { "content-type": "application/x-ndjson" } }],
  ];
  const read = ({ headers }: Response, body: string) => {
    const type = headers.get("content-type");
    let well = true;
    if (type === "text/event-stream") {
      expect(body).toMatch(/event: (complete|problem)\n[^\n]*\n\n$/);
      well = body.endsWith('event: complete\ndata: {"text":"done"}\n\n');
      if (!well) expect(body).toMatch(/"code":"(CONNECTION_FAILED|CONNECTION_LOST|TIMEOUT)"/);
    }
    if (type === "application/octet-stream") expect(body).toBe("done");
    if (type === "application/x-ndjson") {
      const { handle, error, line } = JSON.parse(body);
      expect(line).toBe(1);
      well = typeof handle === "string";
      if (!well) expect(["CONNECTION_FAILED", "CONNECTION_LOST", "TIMEOUT"]).toContain(error.code);
    }
    return well;
  };
  const { port } = gearmand;
  const restart = async (statuses: ReadonlyMap<number, number>) => {
    const refused = () => statuses.get(502) ?? 0;
    const before = refused();
    process.kill(gearmand.pid, "SIGKILL");
    await expect.poll(refused, { timeout: 20_000, interval: 20 }).toBeGreaterThan(before);
    await gearmand.stop();
    gearmand = await startGearmand({ port });
  };
  await underFire(door, requests, restart, read);
  await connectionsLeft(port, 1);
});
