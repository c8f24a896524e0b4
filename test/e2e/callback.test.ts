import { createHmac } from "node:crypto";
import { JobFailed } from "edgear";
import { Response as MiniflareResponse } from "miniflare";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { type Deployed, deploy } from "../support/deployed.ts";
import { connectionsLeft } from "../support/door.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { startWorker } from "../support/worker.ts";

const KEY = Buffer.from("a key of twenty-four bytes");
const HOOK = "https://hooks.example.com/done?id=7";
const timeout = 40_000;

interface Delivery {
  url: string;
  method: string;
  headers: Headers;
  body: string;
}

let gearmand: Gearmand;
let door: Deployed;
/** What has come to the Internet, and how it answers, in turn; then 204. */
let deliveries: (Delivery & { at: number })[];
let answers: (() => MiniflareResponse | Promise<MiniflareResponse>)[];

beforeAll(async () => {
  gearmand = await startGearmand();
  door = await deploy(
    {
      GEARMAN_SERVERS: gearmand.address,
      CALLBACK_HOSTS: ["hooks.example.com"],
      CALLBACK_SECRET: `whsec_${KEY.toString("base64")}`,
      CALLBACK_TIMEOUT: 1_000,
      MAX_RESULT_BYTES: 1_000_000,
    },
    {
      internet: async (request) => {
        const { url, method } = request;
        deliveries.push({
          at: performance.now(),
          url,
          method,
          headers: new Headers([...request.headers]),
          body: await request.text(),
        });
        return answers.shift()?.() ?? new MiniflareResponse(null, { status: 204 });
      },
    },
  );
}, 90_000);

beforeEach(() => {
  deliveries = [];
  answers = [];
});

afterAll(async () => {
  await door?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

function work() {
  return startWorker(gearmand.address, {
    upper: (job) => job.workload.text().toUpperCase(),
    bytes: () => Uint8Array.of(0xff, 0),
    large: (job) => new Uint8Array(Number(job.workload.text())).fill(0xff),
    fails: () => {
      throw new JobFailed();
    },
    throws: () => {
      throw new Error("no such picture");
    },
  });
}

async function submit(name: string, query = "", body = "shout", headers = {}): Promise<{ handle: string }> {
  const path = `/jobs/${name}?callback=${encodeURIComponent(HOOK)}${query}`;
  const response = await door.fetch(path, { method: "POST", body, headers });
  expect(response.status).toBe(202);
  expect(response.headers.get("location")).toMatch(/^\/jobs\/H/);
  return (await response.json()) as { handle: string };
}

async function delivered(count: number): Promise<typeof deliveries> {
  await expect.poll(() => deliveries.length, { timeout: 15_000 }).toBe(count);
  return deliveries;
}

/** Verifies a delivery as https://www.standardwebhooks.com says, and reads it. */
function verified({ headers, body }: Delivery): { type: string; timestamp: string; data: Record<string, unknown> } {
  const [id, timestamp] = [headers.get("webhook-id"), headers.get("webhook-timestamp")];
  expect(id).toMatch(/^msg_[\w-]{36}$/);
  expect(Math.abs(Number(timestamp) - Date.now() / 1000)).toBeLessThan(60);
  const signature = createHmac("sha256", KEY).update(`${id}.${timestamp}.${body}`).digest("base64");
  expect(headers.get("webhook-signature")).toBe(`v1,${signature}`);
  return JSON.parse(body);
}

test("the result is posted when the job is done, signed", { timeout }, async () => {
  await using _worker = work();
  const job = await submit("upper");
  const [delivery] = await delivered(1);
  expect(delivery).toMatchObject({ url: HOOK, method: "POST" });
  expect(delivery?.headers.get("content-type")).toBe("application/json");
  expect(delivery?.headers.has("authorization")).toBe(false);
  const { type, timestamp, data } = verified(delivery as Delivery);
  expect(type).toBe("job.complete");
  expect(new Date(timestamp).getTime()).toBeGreaterThan(Date.now() - 60_000);
  expect(data).toEqual({ ...job, result: { text: "SHOUT" } });
  await connectionsLeft(gearmand.port, 1);
});

test("so are bytes, an exception, and that it took too long", { timeout }, async () => {
  await using _worker = work();
  await submit("bytes");
  expect(verified((await delivered(1))[0] as Delivery)).toMatchObject({
    type: "job.complete",
    data: { result: { base64: "/wA=" } },
  });
  const { handle } = await submit("throws");
  expect(verified((await delivered(2))[1] as Delivery)).toMatchObject({
    type: "job.exception",
    data: { handle, error: { code: "JOB_EXCEPTION", message: "no such picture" } },
  });
  await submit("nobody");
  expect(verified((await delivered(3))[2] as Delivery)).toMatchObject({
    type: "job.unknown",
    data: { error: { code: "TIMEOUT" } },
  });
  await submit("fails");
  expect(verified((await delivered(4))[3] as Delivery)).toMatchObject({
    type: "job.fail",
    data: { error: { code: "JOB_FAILED" } },
  });
});

test("so is a large result, but none that is too large", { timeout }, async () => {
  await using _worker = work();
  await submit("large", "", "1000000");
  expect(verified((await delivered(1))[0] as Delivery).data).toMatchObject({
    result: { base64: Buffer.alloc(1_000_000, 0xff).toString("base64") },
  });
  await submit("large", "", "1000001");
  expect(verified((await delivered(2))[1] as Delivery)).toMatchObject({
    type: "job.unknown",
    data: { error: { code: "RESULT_TOO_LARGE" } },
  });
});

test("a job with a callback has its priority and its unique, however they are said", { timeout }, async () => {
  await submit("chosen", "&unique=low&priority=low", "low");
  await submit("chosen", "&priority=high", "high", { "Idempotency-Key": "high" });
  await submit("chosen", "", "normal", { "Idempotency-Key": "normal" });
  const order: string[] = [];
  await using worker = startWorker(gearmand.address, {
    chosen: (job) => {
      order.push(`${job.workload.text()} ${job.unique}`);
      return "";
    },
  });
  await delivered(3);
  expect(order).toEqual(["high high", "normal normal", "low low"]);
  expect(worker.worker).toBeDefined();
});

test("it is posted again to a host that fails, by the same id", { timeout }, async () => {
  await using _worker = work();
  answers = [
    () => new MiniflareResponse("no", { status: 503 }),
    () => new MiniflareResponse("slow down", { status: 429 }),
    () => new MiniflareResponse(null, { status: 408 }),
  ];
  await submit("upper");
  const all = await delivered(4);
  // By half of it by chance, and longer each time: 0.5, 1, 2 seconds.
  const waits = all.slice(1).map(({ at }, index) => at - (all[index]?.at ?? 0));
  expect(waits[0]).toBeGreaterThan(240);
  expect(waits[1]).toBeGreaterThan(490);
  expect(waits[2]).toBeGreaterThan(990);
  for (const delivery of all) expect(verified(delivery).data).toMatchObject({ result: { text: "SHOUT" } });
  expect(new Set(all.map(({ headers }) => headers.get("webhook-id"))).size).toBe(1);
});

test("or to one that can't be reached, or says nothing for five seconds", { timeout }, async () => {
  await using _worker = work();
  answers = [() => Promise.reject(new Error("gone")), () => new Promise(() => {})];
  await submit("upper");
  const all = await delivered(3);
  expect((all[2]?.at ?? 0) - (all[1]?.at ?? 0)).toBeGreaterThan(4_900);
  expect((all[2]?.at ?? 0) - (all[1]?.at ?? 0)).toBeLessThan(9_000);
});

test("but not for ever", { timeout }, async () => {
  await using _worker = work();
  answers = Array.from({ length: 10 }, () => () => new MiniflareResponse("no", { status: 500 }));
  await submit("upper");
  await delivered(4);
  await new Promise((resolve) => setTimeout(resolve, 4_500));
  expect(deliveries).toHaveLength(4);
});

test.for([
  [302, { location: "https://evil.example/" }],
  [307, { location: "https://hooks.example.com/elsewhere" }],
  [400, {}],
  [410, {}],
] as const)(
  "nor to a host that says it isn't wanted, or wanted elsewhere: %s",
  { timeout },
  async ([status, headers]) => {
    await using _worker = work();
    answers = [() => new MiniflareResponse(null, { status, headers })];
    await submit("upper");
    await delivered(1);
    await new Promise((resolve) => setTimeout(resolve, 1_000));
    expect(deliveries.map(({ url }) => url)).toEqual([HOOK]);
  },
);
