import { Client, Worker } from "edgear";
import { traced } from "edgear/otel";
import { expect, inject, test } from "vitest";
import { fresh } from "../conformance/names.ts";
import { allEnded, ended, register, within } from "../otel/tracing.ts";

const [{ address } = { address: "" }] = inject("servers");

test("spans in workerd: what a request submits, and what drains it", async () => {
  const exporter = register();
  const name = fresh("traced");
  const texts: string[] = [];
  const worker = traced(new Worker(address));
  worker.add(name, ({ workload }) => void texts.push(workload.text()));
  const client = traced(new Client(address), { envelope: [name] });
  await within("request", () => Promise.all(["a", "b"].map((text) => client.background(name, text))));
  expect(await worker.drain({ deadline: 10_000, maxJobs: 2 })).toBe(2);
  await client.close();
  const request = await ended(exporter, "request");
  const sent = await allEnded(exporter, `background ${name}`, 2);
  const done = await allEnded(exporter, `process ${name}`, 2);
  expect(texts.toSorted()).toEqual(["a", "b"]);
  const { spanId } = request.spanContext();
  expect(sent.map(({ parentSpanContext }) => parentSpanContext?.spanId)).toEqual([spanId, spanId]);
  expect(done.map(({ parentSpanContext }) => parentSpanContext?.spanId).toSorted()).toEqual(
    sent.map((span) => span.spanContext().spanId).toSorted(),
  );
});
