import { SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { BulkError, Client, JobExceptionError, JobFailed, JobFailedError, Worker } from "edgear";
import { traced } from "edgear/otel";
import { Queue } from "edgear/queue";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { z } from "zod";
import { collect, eventually, rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { allEnded, ended, register, within } from "./tracing.ts";

const exporter = register();
let gearmand: Gearmand;

beforeAll(async () => {
  gearmand = await startGearmand();
});

beforeEach(() => exporter.reset());

afterAll(() => gearmand?.stop());

type Functions = Record<string, Parameters<Worker["add"]>[1]>;

/** A worker that runs, traced or not. */
function work(functions: Functions, worker = traced(new Worker(gearmand.address, { concurrency: 4 }))) {
  for (const [name, handler] of Object.entries(functions)) worker.add(name, handler);
  const running = worker.run();
  return {
    worker,
    async [Symbol.asyncDispose]() {
      await worker.close({ timeout: 5_000 });
      await running;
    },
  };
}

test("a background job: a producer's span, and as its child a consumer's, around the handler and what that submits", async () => {
  const [first, second] = [fresh("first"), fresh("second")];
  interface Jobs {
    [name: string]: { workload: { id: number } };
  }
  await using client = traced(new Client<Jobs>(gearmand.address), { envelope: [first] });
  const seen: unknown[] = [];
  const active: (string | undefined)[] = [];
  await using _ = work({
    async [first]({ workload, unique }) {
      seen.push(workload.json(), workload.bytes.byteOffset, workload.bytes.buffer.byteLength);
      active.push(trace.getActiveSpan()?.spanContext().spanId);
      await client.background(second, { id: 2 }, { unique: `${unique}:2` });
    },
    [second]: ({ workload }) => void seen.push(workload.json()),
  });
  const handle = await within("request", () => client.background(first, { id: 1 }, { priority: "high" }));
  const request = await ended(exporter, "request");
  const producer = await ended(exporter, `background ${first}`);
  const consumer = await ended(exporter, `process ${first}`);
  const onwards = await ended(exporter, `background ${second}`);
  const last = await ended(exporter, `process ${second}`);
  // The workload is as it was, in a buffer of its own.
  expect(seen).toEqual([{ id: 1 }, 0, 8, { id: 2 }]);
  expect(active).toEqual([consumer.spanContext().spanId]);

  expect(producer.kind).toBe(SpanKind.PRODUCER);
  expect(producer.parentSpanContext?.spanId).toBe(request.spanContext().spanId);
  expect(producer.attributes).toEqual({
    "messaging.system": "gearman",
    "messaging.destination.name": first,
    "messaging.operation.name": "background",
    "messaging.operation.type": "send",
    "messaging.message.body.size": 8,
    "messaging.message.envelope.size": 8 + 19 + `{"traceparent":"00-${"0".repeat(32)}-${"0".repeat(16)}-01"}`.length,
    "messaging.message.id": handle.handle,
    "server.address": "127.0.0.1",
    "server.port": gearmand.port,
    "gearman.job.unique": handle.unique,
    "gearman.job.priority": "high",
  });

  expect(consumer.kind).toBe(SpanKind.CONSUMER);
  expect(consumer.spanContext().traceId).toBe(request.spanContext().traceId);
  expect(consumer.parentSpanContext?.spanId).toBe(producer.spanContext().spanId);
  expect(consumer.parentSpanContext?.isRemote).toBe(true);
  expect(consumer.status.code).toBe(SpanStatusCode.UNSET);
  expect(consumer.attributes).toEqual({
    "messaging.system": "gearman",
    "messaging.destination.name": first,
    "messaging.operation.name": "process",
    "messaging.operation.type": "process",
    "messaging.message.body.size": 8,
    "messaging.message.id": handle.handle,
    "server.address": "127.0.0.1",
    "server.port": gearmand.port,
    "gearman.job.unique": handle.unique,
    "gearman.job.attempt": 1,
    "gearman.job.outcome": "complete",
  });

  // The second function isn't in the envelope's list: its job has a span, and nothing that leads to it.
  expect(onwards.parentSpanContext?.spanId).toBe(consumer.spanContext().spanId);
  expect(last.parentSpanContext).toBeUndefined();
  expect(last.spanContext().traceId).not.toBe(request.spanContext().traceId);
});

test("a queue puts by a traced client, and gets messages as they are: an envelope, too, as the page says", async () => {
  const [plain, enveloped] = [fresh("plain"), fresh("enveloped")];
  await using client = traced(new Client(gearmand.address), { envelope: [`queue.${enveloped}`] });
  await using queue = new Queue({ servers: gearmand.address, client });
  for (const name of [plain, enveloped]) await within("request", () => queue.put(name, "message"));
  await ended(exporter, `background queue.${plain}`);
  expect((await queue.get(plain, { timeout: 5_000 })).payload.text()).toBe("message");
  const { payload } = await queue.get(enveloped, { timeout: 5_000 });
  expect(payload.text()).toMatch(/traceparent.*message$/s);
});

test("foreground jobs: a client's span until the result, streams and validators included", async () => {
  const [run, stream] = [fresh("run"), fresh("stream")];
  const jobs = { [run]: { workload: z.object({ id: z.number() }), result: z.object({ width: z.number() }) } };
  const spans: (string | undefined)[] = [];
  await using _ = work(
    {
      [run]: (job) => ({ width: (job.workload.json() as { id: number }).id }),
      async *[stream](job) {
        for (const part of job.workload.text().split(",")) {
          spans.push(trace.getActiveSpan()?.spanContext().spanId);
          yield part;
        }
        return "end";
      },
    },
    traced(new Worker(gearmand.address, { jobs })),
  );
  await using client = traced(new Client(gearmand.address, { jobs }), { envelope: [run, stream] });
  expect((await client.run(run, { id: 7 })).json()).toEqual({ width: 7 });
  const running = await ended(exporter, `run ${run}`);
  const ran = await ended(exporter, `process ${run}`);
  expect(running.kind).toBe(SpanKind.CLIENT);
  expect(ran.parentSpanContext?.spanId).toBe(running.spanContext().spanId);
  expect(ran.attributes["messaging.message.body.size"]).toBe(8);

  await using plain = traced(new Client(gearmand.address), { envelope: [stream] });
  const task = plain.submit(stream, "a,b,ü");
  const parts = await collect(task);
  expect(parts.map((event) => ("payload" in event ? event.payload.text() : event))).toEqual(["a", "b", "ü"]);
  expect((await task.result).text()).toBe("end");
  const submitted = await ended(exporter, `submit ${stream}`);
  const streamed = await ended(exporter, `process ${stream}`);
  expect(submitted.attributes["messaging.message.id"]).toBe((await task.handle).handle);
  expect(streamed.parentSpanContext?.spanId).toBe(submitted.spanContext().spanId);
  expect(spans).toEqual(Array(3).fill(streamed.spanContext().spanId));

  // What a validator refuses is told as it ever was, by a span too.
  const error = await rejection(client.run(run, { id: "seven" } as never), TypeError);
  expect(error.message).toMatch(/id/);
  const [, refused] = await allEnded(exporter, `run ${run}`, 2);
  expect(refused?.status).toEqual({ code: SpanStatusCode.ERROR, message: error.message });
  expect(refused?.attributes["error.type"]).toBe("TypeError");
});

test("a job that fails, throws, or takes too long: both spans say so", async () => {
  const [fails, throws, late] = [fresh("fails"), fresh("throws"), fresh("late")];
  const { worker, ...running } = work({
    [fails]() {
      throw new JobFailed("no such image");
    },
    [throws]() {
      throw new RangeError("too wide");
    },
  });
  worker.add(late, (job) => new Promise((resolve) => job.signal.addEventListener("abort", resolve)), { timeout: 50 });
  try {
    await using client = traced(new Client(gearmand.address), { envelope: [fails, throws, late] });
    await rejection(client.run(fails, "x"), JobFailedError);
    await rejection(client.run(throws, "x"), JobExceptionError);
    await rejection(client.run(late, "x"), JobFailedError);
    const said = [
      [`run ${fails}`, "JOB_FAILED", /failed/],
      [`process ${fails}`, "JobFailed", /^no such image$/],
      [`run ${throws}`, "JOB_EXCEPTION", /too wide/],
      [`process ${throws}`, "RangeError", /^too wide$/],
      [`run ${late}`, "JOB_FAILED", /failed/],
      [`process ${late}`, "TIMEOUT", /too long/],
    ] as const;
    for (const [name, type, message] of said) {
      const span = await ended(exporter, name);
      expect(span.status.code, name).toBe(SpanStatusCode.ERROR);
      expect(span.status.message, name).toMatch(message);
      expect(span.attributes["error.type"], name).toBe(type);
      expect(span.events.map((event) => event.name)).toEqual(["exception"]);
      expect(span.events[0]?.attributes?.["exception.message"]).toBe(span.status.message);
    }
    expect((await ended(exporter, `process ${fails}`)).attributes["gearman.job.outcome"]).toBe("fail");
    expect((await ended(exporter, `process ${throws}`)).attributes["gearman.job.outcome"]).toBe("exception");
  } finally {
    await running[Symbol.asyncDispose]();
  }
});

test("a job that a closed worker didn't wait for: its span ends, and the next worker's is of the same trace", async () => {
  const name = fresh("left");
  await using client = traced(new Client(gearmand.address), { envelope: [name] });
  const worker = traced(new Worker(gearmand.address));
  const started = new Promise<void>((resolve) => {
    worker.add(name, () => {
      resolve();
      return new Promise(() => {});
    });
  });
  const running = worker.run();
  await client.background(name, "x");
  await started;
  await worker.close({ timeout: 0 });
  await running;
  const left = await ended(exporter, `process ${name}`);
  expect(left.attributes["gearman.job.outcome"]).toBe("aborted");
  expect(left.status.code).toBe(SpanStatusCode.ERROR);
  await using _ = work({ [name]: () => "done" });
  const [, done] = await allEnded(exporter, `process ${name}`, 2);
  expect(done?.attributes["gearman.job.outcome"]).toBe("complete");
  expect(done?.spanContext().traceId).toBe(left.spanContext().traceId);
  expect(done?.attributes["messaging.message.id"]).toBe(left.attributes["messaging.message.id"]);
});

test("bulk: one span with the count, each job its child; a failure ends it, and so does leaving", async () => {
  const name = fresh("bulk");
  const got: string[] = [];
  await using _ = work({ [name]: ({ workload }) => void got.push(workload.text()) });
  await using client = traced(new Client(gearmand.address), { envelope: [name] });
  const workloads = Array.from({ length: 100 }, (_, index) => `${index}`);
  const unread = client.backgroundAll(name, workloads);
  await unread.return();
  expect((await collect(client.backgroundAll(name, workloads))).length).toBe(100);
  const bulk = await ended(exporter, `backgroundAll ${name}`);
  expect(bulk.kind).toBe(SpanKind.PRODUCER);
  expect(bulk.attributes["messaging.batch.message_count"]).toBe(100);
  const jobs = await allEnded(exporter, `process ${name}`, 100);
  expect(new Set(jobs.map(({ parentSpanContext }) => parentSpanContext?.spanId))).toEqual(
    new Set([bulk.spanContext().spanId]),
  );
  expect(got.toSorted()).toEqual(workloads.toSorted());

  const { length } = exporter.getFinishedSpans().filter((span) => span.name === `backgroundAll ${name}`);
  expect(length).toBe(1);
  for await (const _ of client.backgroundAll(name, workloads, { unique: (_, index) => `${name}${index}` })) break;
  const [, left] = await allEnded(exporter, `backgroundAll ${name}`, 2);
  expect(left?.attributes["messaging.batch.message_count"]).toBe(1);
  expect(left?.status.code).toBe(SpanStatusCode.UNSET);

  await rejection(collect(client.backgroundAll(name, ["fine", Promise.resolve()])), BulkError);
  const [, , failed] = await allEnded(exporter, `backgroundAll ${name}`, 3);
  expect(failed?.attributes["error.type"]).toBe("BULK");
});

test("one that nobody traces stands between: plain clients and workers see what they would see without", async () => {
  const name = fresh("between");
  await using plainClient = new Client(gearmand.address);
  await using tracedClient = traced(new Client(gearmand.address));
  await using enveloping = traced(new Client(gearmand.address), { envelope: [name] });
  const bytes = Uint8Array.from({ length: 256 }, (_, byte) => 255 - byte);
  {
    await using _ = work({ [name]: (job) => job.workload.bytes });
    for (const client of [plainClient, tracedClient, enveloping]) {
      expect((await client.run(name, bytes)).bytes).toEqual(bytes);
      expect((await client.run(name, { text: "ü" })).json()).toEqual({ text: "ü" });
      expect((await client.run(name)).bytes).toEqual(new Uint8Array());
    }
    const spans = await allEnded(exporter, `process ${name}`, 9);
    expect(spans.filter(({ parentSpanContext }) => parentSpanContext).length).toBe(3);
  }
  await using _ = work({ [name]: (job) => job.workload.bytes }, new Worker(gearmand.address));
  for (const client of [plainClient, tracedClient]) {
    expect((await client.run(name, bytes)).bytes).toEqual(bytes);
    expect((await client.run(name, { text: "ü" })).json()).toEqual({ text: "ü" });
  }
  // The page says so: a worker that knows nothing of envelopes gets the whole of it.
  const whole = (await enveloping.run(name, "plain")).bytes;
  expect(Buffer.from(whole.subarray(0, 16)).toString("hex")).toBe("ff00724045ea43f46669d16e31b36918");
  expect(whole[16]).toBe(1);
  const size = new DataView(whole.buffer, whole.byteOffset).getUint16(17);
  const header = JSON.parse(Buffer.from(whole.subarray(19, 19 + size)).toString());
  expect(header.traceparent).toMatch(/^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/);
  expect(Buffer.from(whole.subarray(19 + size)).toString()).toBe("plain");
  // And what begins as an envelope does comes out as it went in, to a worker that takes one off.
  await using _traced = work({ [`${name}2`]: (job) => job.workload.bytes });
  await using escaping = traced(new Client(gearmand.address), { envelope: [`${name}2`] });
  expect((await escaping.run(`${name}2`, whole)).bytes).toEqual(whole);
});

test("an envelope that can't be read: the handler isn't called, and the client is told why", async () => {
  const name = fresh("unread");
  let called = 0;
  await using _ = work({ [name]: () => void called++ });
  await using client = new Client(gearmand.address);
  const marker = Buffer.from("ff00724045ea43f46669d16e31b36918", "hex");
  for (const [rest, words] of [
    [[2, 0, 0], /version 2/],
    [[1, 0, 200, 1], /cut off/],
    [[], /cut off/],
  ] as const) {
    const error = await rejection(client.run(name, Buffer.concat([marker, Uint8Array.from(rest)])), JobExceptionError);
    expect(error.message).toMatch(words);
  }
  expect(called).toBe(0);
  // A header that says nothing sensible costs the trace, not the job.
  await client.run(name, Buffer.concat([marker, Uint8Array.of(1, 0, 2), Buffer.from("[}")]));
  expect(called).toBe(1);
});

test("attempts of a job are of one trace; what goes to the dead letters is the bare workload", async () => {
  const [name, dead] = [fresh("again"), fresh("dead")];
  const texts: string[] = [];
  const worker = traced(new Worker(gearmand.address));
  worker.add(
    name,
    ({ workload }) => {
      texts.push(workload.text());
      throw new Error("not yet");
    },
    { retry: { attempts: 2, backoff: 0, deadLetter: dead } },
  );
  await using _ = work({}, worker);
  await using client = traced(new Client(gearmand.address), { envelope: [name] });
  await client.background(name, "once more");
  const [first, second] = await allEnded(exporter, `process ${name}`, 2);
  const sent = await ended(exporter, `background ${name}`);
  for (const span of [first, second]) expect(span?.parentSpanContext?.spanId).toBe(sent.spanContext().spanId);
  expect([first, second].map((span) => span?.attributes["gearman.job.attempt"])).toEqual([1, 2]);
  expect(first?.events.map(({ name }) => name)).toEqual(["retry", "exception"]);
  expect(second?.events.map(({ name }) => name)).toEqual(["deadLetter", "exception"]);
  expect(texts).toEqual(["once more", "once more"]);
  await using plain = work(
    { [dead]: ({ workload }) => void texts.push(workload.text()) },
    new Worker(gearmand.address),
  );
  await eventually("the dead letter", async () => texts.length === 3);
  expect(texts[2]).toBe("once more");
  void plain;
});

test("what a worker was started in is no parent of its jobs", async () => {
  const name = fresh("root");
  await within("start", async () => {
    await using _ = work({ [name]: () => "done" });
    await using client = new Client(gearmand.address);
    await client.run(name, "x");
  });
  expect((await ended(exporter, `process ${name}`)).parentSpanContext).toBeUndefined();
});

test("wrong arguments are refused in words, and nothing is traced twice", () => {
  const client = traced(new Client());
  expect(() => traced(client)).toThrow(/traced already/);
  expect(() => traced({} as Client)).toThrow(/a Client or a Worker/);
  expect(() => traced(new Client(), { envelope: "resize" as never })).toThrow(/list of functions/);
  expect(() => traced(new Client(), { envelope: [""] })).toThrow(/function name/);
  expect(() => traced(new Worker(), { envelope: [] } as never)).toThrow(/no option "envelope"/);
  expect(() => traced(new Client(), { tracerProvider: {} as never })).toThrow(/tracerProvider/);
  expect(() => client.submit("")).toThrow(TypeError);
  expect(() => client.submit("x", "y", 3 as never)).toThrow(/options of submit/);
});
