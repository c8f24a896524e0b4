/* Hooks of a pool whose workers are traced: what spans there were, they leave in a file, at the end. */
import { appendFile } from "node:fs/promises";
import { traced } from "edgear/otel";
import type { Hooks } from "edgear/pool";
import { register } from "./tracing.ts";

const exporter = register();

export const hooks: Hooks = {
  beforeRun({ instance }) {
    traced(instance);
  },
  async afterRun({ worker }) {
    const spans = exporter.getFinishedSpans().map(({ name, parentSpanContext, attributes }) => {
      return { worker, name, parent: parentSpanContext?.spanId, outcome: attributes["gearman.job.outcome"] };
    });
    // As an exporter takes its time.
    await new Promise((resolve) => setTimeout(resolve, 200));
    await appendFile(
      process.env.EDGEAR_TEST_SPANS as string,
      spans.map((span) => `${JSON.stringify(span)}\n`).join(""),
    );
  },
};
