/* A worker in a process of its own, with an SDK of its own. Says the spans that end as lines of JSON. */
import { Worker } from "edgear";
import { traced } from "edgear/otel";
import { register } from "./tracing.ts";

const [, , address = "", name = ""] = process.argv;
const exporter = register();
const worker = traced(new Worker(address));
worker.add(name, ({ workload }) => {
  if (workload.text() === "bad") throw new Error("bad indeed");
  return workload.text().toUpperCase();
});
const told = () => {
  for (const { name, attributes, status, parentSpanContext, spanContext: _ } of exporter.getFinishedSpans())
    process.stdout.write(`${JSON.stringify({ name, attributes, status, parent: parentSpanContext })}\n`);
  exporter.reset();
};
worker.on("complete", told).on("exception", told);
process.once("SIGTERM", () => worker.close());
await worker.run();
