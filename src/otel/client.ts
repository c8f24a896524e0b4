import {
  type Context,
  context,
  isSpanContextValid,
  propagation,
  type Span,
  SpanKind,
  type Tracer,
  trace,
} from "@opentelemetry/api";
import type { BulkOptions } from "../client/bulk.js";
import type { Client } from "../client/client.js";
import type { JobHandle } from "../client/handle.js";
import { type BackgroundOptions, type ForegroundOptions, SEAL, type Seal } from "../client/submission.js";
import type { Task } from "../client/task.js";
import { byteLength } from "../connection/check.js";
import type { Payload, PayloadInput } from "../payload.js";
import { TracedHandles } from "./bulk.js";
import { type Carrier, seal } from "./envelope.js";
import { endFailed, jobAttributes, serverAttributes } from "./spans.js";

/** A submit that is on its way. */
export interface Sending {
  readonly span: Span;
  readonly context: Context;
  readonly seal: Seal;
}

/** Gives a client methods of its own, which make spans, before those of its class. */
export function traceClient(client: Client, tracer: Tracer, envelope: ReadonlySet<string>): void {
  const plain = {
    background: client.background.bind(client),
    backgroundAll: client.backgroundAll.bind(client),
    run: client.run.bind(client),
    submit: client.submit.bind(client),
  };
  const begin = (name: string, operation: string, kind: SpanKind, options: object | undefined) =>
    beginSending(tracer, name, operation, kind, options, envelope.has(name));

  const background = (name: string, workload?: PayloadInput, options?: BackgroundOptions): Promise<JobHandle> => {
    const sending = begin(name, "background", SpanKind.PRODUCER, options);
    if (!sending) return plain.background(name, workload, options);
    const { span } = sending;
    return context.with(sending.context, plain.background, undefined, name, workload, sealed(options, sending)).then(
      (handle) => {
        tellHandle(span, handle);
        span.end();
        return handle;
      },
      (error: unknown) => failed(span, error),
    );
  };

  const run = (name: string, workload?: PayloadInput, options?: ForegroundOptions): Promise<Payload> => {
    const sending = begin(name, "run", SpanKind.CLIENT, options);
    if (!sending) return plain.run(name, workload, options);
    const { span } = sending;
    return context.with(sending.context, plain.run, undefined, name, workload, sealed(options, sending)).then(
      (result) => {
        span.end();
        return result;
      },
      (error: unknown) => failed(span, error),
    );
  };

  const submit = (name: string, workload?: PayloadInput, options?: ForegroundOptions): Task => {
    const sending = begin(name, "submit", SpanKind.CLIENT, options);
    if (!sending) return plain.submit(name, workload, options);
    const { span } = sending;
    try {
      const task = context.with(sending.context, plain.submit, undefined, name, workload, sealed(options, sending));
      const end = () => {
        if (task.created) tellHandle(span, task.created);
      };
      task.result.then(
        () => {
          end();
          span.end();
        },
        (error: unknown) => {
          end();
          endFailed(span, error);
        },
      );
      return task;
    } catch (error) {
      return failed(span, error);
    }
  };

  const backgroundAll = (
    name: string,
    source: Iterable<PayloadInput> | AsyncIterable<PayloadInput>,
    options?: BulkOptions<PayloadInput>,
  ): AsyncGenerator<JobHandle, void, undefined> => {
    // A source that nobody reads is left alone, and so has no span.
    let begun: { readonly sending: Sending | undefined } | undefined;
    const sending = () => {
      begun ??= { sending: begin(name, "backgroundAll", SpanKind.PRODUCER, options) };
      return begun.sending;
    };
    const seal: Seal = (workload, room) => sending()?.seal(workload, room) ?? workload;
    return new TracedHandles(plain.backgroundAll(name, source, sealed(options, { seal })), sending);
  };

  for (const [name, value] of Object.entries({ background, backgroundAll, run, submit }))
    Object.defineProperty(client, name, { value, configurable: true, writable: true });
}

/** Begins a span; undefined when nobody traces, and nothing is to be told to the worker. */
function beginSending(
  tracer: Tracer,
  name: string,
  operation: string,
  kind: SpanKind,
  options: object | undefined,
  enveloped: boolean,
): Sending | undefined {
  const { priority, unique } = Object(options) as { priority?: unknown; unique?: unknown };
  const attributes = jobAttributes(String(name), operation, "send");
  if (typeof priority === "string") attributes["gearman.job.priority"] = priority;
  if (typeof unique === "string") attributes["gearman.job.unique"] = unique;
  const span = tracer.startSpan(`${operation} ${String(name)}`, { kind, attributes });
  if (!isSpanContextValid(span.spanContext()) && !enveloped) return undefined;
  const active = trace.setSpan(context.active(), span);
  const carrier: Carrier = {};
  if (enveloped) propagation.inject(active, carrier);
  const one = operation !== "backgroundAll" && span.isRecording();
  return {
    span,
    context: active,
    seal(workload, room) {
      const sent = enveloped ? seal(carrier, workload, room) : workload;
      if (one) {
        span.setAttribute("messaging.message.body.size", sizeOf(workload));
        if (sent !== workload) span.setAttribute("messaging.message.envelope.size", sizeOf(sent));
      }
      return sent;
    },
  };
}

/** Options with what puts a workload into its envelope. Wrong ones are for the client to refuse. */
function sealed<Options extends object>(options: Options | undefined, { seal }: Pick<Sending, "seal">): Options {
  if (options !== undefined && (typeof options !== "object" || options === null)) return options;
  return { ...(options as Options), [SEAL]: seal };
}

function tellHandle(span: Span, { handle, server, unique }: JobHandle): void {
  span.setAttributes({
    ...serverAttributes(server),
    "messaging.message.id": handle,
    "gearman.job.unique": unique,
  });
}

function failed(span: Span, error: unknown): never {
  endFailed(span, error);
  throw error;
}

function sizeOf(workload: string | Uint8Array): number {
  return typeof workload === "string" ? byteLength(workload) : workload.length;
}
