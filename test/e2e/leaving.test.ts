import { once } from "node:events";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Deployed, deploy } from "../support/deployed.ts";
import { connectionsLeft, queued, request } from "../support/door.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { TOKEN } from "../support/tokens.ts";
import { startWorker } from "../support/worker.ts";

let gearmand: Gearmand;
let door: Deployed;
/** The same, but it soon gives up those who don't read. */
let impatient: Deployed;

beforeAll(async () => {
  gearmand = await startGearmand();
  door = await deploy({ GEARMAN_SERVERS: gearmand.address, STREAM_KEEP_ALIVE: 200 });
  impatient = await deploy({ GEARMAN_SERVERS: gearmand.address, IDLE_TIMEOUT: 500, MAX_BATCH_LINES: 100_000 });
}, 90_000);

afterAll(async () => {
  await impatient?.[Symbol.asyncDispose]();
  await door?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

/*
 * A client that leaves resets its connection, as Cloudflare's edge has it told at once. One that merely ends it
 * (FIN) has, by HTTP, only stopped to send, and may well read on: it is noticed by the next write.
 */

const one = ["Content-Length: 1"];
const events = [...one, "Accept: text/event-stream"];

describe.each(["resetAndDestroy", "destroy"] as const)("a stream of events that is cut off by %s", (cut) => {
  test("while the job tells frees its connection", { timeout: 30_000 }, async () => {
    let over = false;
    await using _worker = startWorker(gearmand.address, {
      ticks: async (job) => {
        for (let tick = 1; !over && tick < 10_000; tick++) {
          job.status(tick, 10_000);
          await delay(10);
        }
      },
    });
    const socket = await request(door, "POST /run/ticks", events, "x");
    let text = "";
    while (!text.includes("event: status")) text += (await once(socket, "data"))[0];
    await connectionsLeft(gearmand.port, 2);
    socket[cut]();
    await connectionsLeft(gearmand.port, 1);
    over = true;
  });

  test("while the job has nothing to tell, too", { timeout: 30_000 }, async () => {
    const socket = await request(door, "POST /run/silent", events, "x");
    await once(socket, "data");
    await connectionsLeft(gearmand.port, 1);
    socket[cut]();
    await connectionsLeft(gearmand.port, 0);
  });
});

test("a request for a result whose client leaves frees its connection", { timeout: 30_000 }, async () => {
  const socket = await request(door, "POST /run/silent", one, "x");
  await connectionsLeft(gearmand.port, 1);
  socket.resetAndDestroy();
  await connectionsLeft(gearmand.port, 0);
});

test.each(["resetAndDestroy", "destroy"] as const)(
  "so does a batch that breaks off by %s",
  {
    timeout: 30_000,
  },
  async (cut) => {
    const name = `batched-${cut}`;
    const line = `{"function":"${name}"}\n`;
    const headers = ["Content-Type: application/x-ndjson", "Content-Length: 1000000"];
    const socket = await request(door, "POST /jobs", headers, line.repeat(10));
    await expect.poll(() => queued(gearmand.port, name), { timeout: 5_000 }).toBe(10);
    await connectionsLeft(gearmand.port, 1);
    socket[cut]();
    await connectionsLeft(gearmand.port, 0);
  },
);

test("a reader of events who stops to read, and stays, keeps no connection", { timeout: 30_000 }, async () => {
  let over = false;
  await using _worker = startWorker(gearmand.address, {
    floods: async (job) => {
      for (let piece = 0; !over && piece < 2_000; piece++) {
        job.data(new Uint8Array(65_536));
        await delay(1);
      }
    },
  });
  const socket = await request(impatient, "POST /run/floods", events, "x");
  await once(socket, "data");
  socket.pause();
  await connectionsLeft(gearmand.port, 2);
  await connectionsLeft(gearmand.port, 1);
  expect(over).toBe(false);
  over = true;
  socket.destroy();
});

test("a batch whose client writes all of it before it reads ends, and what was submitted is told", {
  timeout: 30_000,
}, async () => {
  const body = `{"function":"unread","workload":"${"x".repeat(1_000)}"}\n`.repeat(50_000);
  const { port, hostname } = new URL(impatient.origin);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.pause();
  const head = [
    "POST /jobs HTTP/1.1",
    "Host: door",
    `Authorization: Bearer ${TOKEN}`,
    `Content-Length: ${body.length}`,
  ];
  socket.write(`${[...head, "Content-Type: application/x-ndjson"].join("\r\n")}\r\n\r\n${body}`);
  await expect.poll(() => queued(gearmand.port, "unread"), { timeout: 10_000 }).toBeGreaterThan(100);
  // It isn't for ever that the job server's connection is kept for it.
  await connectionsLeft(gearmand.port, 0, 20_000);
  expect(await queued(gearmand.port, "unread")).toBeLessThan(50_000);
  socket.destroy();
});

test("a body that is shorter than it says submits nothing", { timeout: 30_000 }, async () => {
  const socket = await request(door, "POST /jobs/short", ["Content-Length: 10"], "abc");
  await delay(300);
  socket.destroy();
  await connectionsLeft(gearmand.port, 0);
  expect(await queued(gearmand.port, "short")).toBe(0);
});

test.for(["-1", "abc", "2147483648", "99999999999999999999999"])(
  "a Content-Length of %s is refused over HTTP, too",
  {
    timeout: 30_000,
  },
  async (length) => {
    const socket = await request(door, "POST /jobs/short", [`Content-Length: ${length}`], "abc");
    const [answer] = await once(socket, "data");
    expect(String(answer)).toMatch(/^HTTP\/1.1 (400|413) /);
    socket.destroy();
    expect(await queued(gearmand.port, "short")).toBe(0);
  },
);
