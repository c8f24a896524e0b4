import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  ROOT_CONTEXT,
  type Span,
  SpanKind,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import { Payload } from "../payload.js";
import type { Job } from "../worker/job.js";
import type { Worker } from "../worker/worker.js";
import { open } from "./envelope.js";
import { endFailed, jobAttributes, serverAttributes } from "./spans.js";

/** Takes the envelopes off a worker's jobs, and makes a span of each. */
export function traceWorker(worker: Worker, tracer: Tracer): void {
  const running = new Map<Job, Span>();
  const end = (job: Job, outcome: string, error?: { readonly reason: unknown }) => {
    const span = running.get(job);
    if (!span) return;
    running.delete(job);
    span.setAttribute("gearman.job.outcome", outcome);
    if (error) endFailed(span, error.reason);
    else span.end();
  };

  worker.around((job, run) => {
    let refusal: Error | undefined;
    // Whatever the worker was started in is no parent of its jobs.
    let parent: Context = ROOT_CONTEXT;
    try {
      const opened = open(job.workload.bytes);
      if (opened) {
        job.open(opened.envelope, new Payload(opened.workload));
        parent = propagation.extract(ROOT_CONTEXT, opened.carrier);
      }
    } catch (error) {
      refusal = error as Error;
    }
    const span = tracer.startSpan(
      `process ${job.function}`,
      { kind: SpanKind.CONSUMER, attributes: attributesOf(job) },
      parent,
    );
    if (span.isRecording()) running.set(job, span);
    const active = isSpanContextValid(span.spanContext()) ? trace.setSpan(parent, span) : parent;
    return context.with(active, run, undefined, refusal);
  });

  worker
    .on("retry", ({ job, attempt, delay }) => running.get(job)?.addEvent("retry", { attempt, delay }))
    .on("deadLetter", ({ job, function: name }) => running.get(job)?.addEvent("deadLetter", { function: name }))
    .on("complete", ({ job }) => end(job, "complete"))
    .on("fail", ({ job, error }) => end(job, "fail", { reason: error }))
    .on("exception", ({ job, error }) => end(job, "exception", { reason: error }))
    .on("discard", ({ job }) => {
      const reason = new Error("the connection that the job came by was lost: its server gives it to another worker");
      if (job) end(job, "discard", { reason });
    })
    .on("close", () => {
      // Their handlers may never end.
      const reason = new Error("the worker was closed, and did not wait for the job any longer");
      for (const job of running.keys()) end(job, "aborted", { reason });
    });
}

function attributesOf(job: Job) {
  const { function: name, handle, unique, attempt, server, workload } = job;
  return {
    ...jobAttributes(name, "process", "process"),
    ...serverAttributes(server),
    "messaging.message.id": handle,
    "messaging.message.body.size": workload.bytes.length,
    "gearman.job.unique": unique,
    "gearman.job.attempt": attempt,
  };
}
