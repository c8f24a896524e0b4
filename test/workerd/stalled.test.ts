import { describe, expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { parseEvents } from "./conforms.ts";
import { begin, counted, worked } from "./request.ts";

const events = { method: "POST", body: "x", headers: { accept: "text/event-stream" } };
const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));
const soon = { timeout: 15_000, interval: 20 };

/** What is left of an answer, as text. Rejects when it was cut off. */
async function rest(response: Response): Promise<string> {
  let text = "";
  for await (const chunk of response.body as ReadableStream<Uint8Array>) text += new TextDecoder().decode(chunk);
  return text;
}

describe("a reader of events who reads no further", () => {
  test("of a job that tells nothing is left, and the connection is free", async () => {
    const net = counted();
    const response = await begin({ GEARMAN_NET: net, IDLE_TIMEOUT: 800, STREAM_KEEP_ALIVE: 50 }, "/run/nobody", events);
    expect(net.open).toBe(1);
    await expect.poll(() => net.open, soon).toBe(0);
    await expect(rest(response)).rejects.toThrow(/nobody has read the answer for 800 ms \(IDLE_TIMEOUT\)/);
  });

  test("of a job that tells much is left, too", () =>
    worked(
      async (job) => {
        for (let tick = 0; !job.signal.aborted && tick < 400; tick++) {
          job.data("x".repeat(10_000));
          await pause(10);
        }
      },
      async (name) => {
        const net = counted();
        const response = await begin({ GEARMAN_NET: net, IDLE_TIMEOUT: 800 }, `/run/${name}`, events);
        expect(net.open).toBe(1);
        await expect.poll(() => net.open, soon).toBe(0);
        await expect(rest(response)).rejects.toThrow("IDLE_TIMEOUT");
      },
    ));

  test("keeps no connection for what he has yet to read of a job that is done", () =>
    worked(
      () => "x".repeat(500_000),
      async (name) => {
        const net = counted();
        const env = { GEARMAN_NET: net, IDLE_TIMEOUT: 60_000, STREAM_KEEP_ALIVE: 20 };
        const response = await begin(env, `/run/${name}`, events);
        await expect.poll(() => net.open, soon).toBe(0);
        await pause(200);
        const text = await rest(response);
        expect(parseEvents(text).at(-1)).toEqual({ event: "complete", data: { text: "x".repeat(500_000) } });
      },
    ));

  test("finds no heap of signs of life", async () => {
    const response = await begin({ STREAM_KEEP_ALIVE: 10 }, "/run/nobody?timeout=500", events);
    await pause(700);
    expect((await rest(response)).split(": still here").length).toBeLessThan(5);
  });
});

describe("a batch", () => {
  const ndjson = { "content-type": "application/x-ndjson" };
  const init = (body: ReadableStream<Uint8Array> | string) => ({ method: "POST", body, headers: ndjson });
  const linesOf = (text: string) =>
    text
      .split("\n")
      .filter(Boolean)
      .map((line) => JSON.parse(line));

  test("whose client is silent ends, and says so", async () => {
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
    void writable.getWriter().write(new TextEncoder().encode('{"function":"nobody"}\n{"func'));
    const net = counted();
    const response = await begin({ GEARMAN_NET: net, IDLE_TIMEOUT: 800 }, "/jobs", init(readable));
    expect(linesOf(await rest(response))).toEqual([
      expect.objectContaining({ line: 1, handle: expect.any(String) }),
      { line: 2, error: { code: "IDLE", message: "nothing more came for 800 ms (IDLE_TIMEOUT)" } },
    ]);
    await expect.poll(() => net.open, soon).toBe(0);
  });

  test("whose client reads nothing ends, and tells whoever reads late what was submitted", async () => {
    const name = fresh("late");
    const body = `{"function":"${name}"}\n`.repeat(1_000);
    const net = counted();
    const response = await begin({ GEARMAN_NET: net, IDLE_TIMEOUT: 800 }, "/jobs", init(body));
    await expect.poll(() => net.opened, soon).toBe(1);
    await expect.poll(() => net.open, soon).toBe(0);
    const lines = linesOf(await rest(response));
    const last = lines.pop();
    expect(last).toEqual({
      line: lines.length + 1,
      error: { code: "IDLE", message: expect.stringMatching(/has read/) },
    });
    expect(lines.every(({ handle }) => typeof handle === "string")).toBe(true);
    expect(lines.length).toBeGreaterThan(50);
    expect(lines.length).toBeLessThan(250);
    let done = 0;
    const { Worker } = await import("edgear");
    const worker = new Worker(inject("servers")[0]?.address ?? "");
    worker.add(name, () => void done++);
    await worker.drain({ deadline: 5_000 });
    // What has an answer was submitted, and nothing else.
    expect(done).toBe(lines.length);
  });

  test("that is submitted keeps no connection for its reader", async () => {
    const net = counted();
    const body = '{"function":"nobody"}\n'.repeat(20);
    const response = await begin({ GEARMAN_NET: net, IDLE_TIMEOUT: 60_000 }, "/jobs", init(body));
    await expect.poll(() => net.opened, soon).toBe(1);
    await expect.poll(() => net.open, soon).toBe(0);
    expect(linesOf(await rest(response))).toHaveLength(20);
  });

  test("is read no further ahead than so many bytes", async () => {
    let lines = 0;
    const line = new TextEncoder().encode(`{"function":"f","workload":"${"x".repeat(1_000_000)}"}\n`);
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          lines++;
          controller.enqueue(line);
          if (lines === 100) controller.close();
        },
      },
      { highWaterMark: 0 },
    );
    // A server that takes everything, and answers nothing.
    const { connect } = await import("cloudflare:sockets");
    const net = { connect: () => connect(inject("faulty").silent) };
    const response = await begin({ GEARMAN_NET: net, REQUEST_TIMEOUT: 10_000 }, "/jobs", init(body));
    await expect.poll(() => lines, { timeout: 5_000 }).toBeGreaterThan(7);
    await pause(500);
    expect(lines).toBeLessThan(12);
    await response.body?.cancel();
  });
});
