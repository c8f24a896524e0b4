import { context, propagation, type Span, trace } from "@opentelemetry/api";
import { AsyncLocalStorageContextManager } from "@opentelemetry/context-async-hooks";
import { W3CTraceContextPropagator } from "@opentelemetry/core";
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  type ReadableSpan,
  SimpleSpanProcessor,
} from "@opentelemetry/sdk-trace-base";

/** Registers OpenTelemetry's SDK in this process, as a program does at its start. Gives where spans end up. */
export function register(): InMemorySpanExporter {
  const exporter = new InMemorySpanExporter();
  trace.setGlobalTracerProvider(new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] }));
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  propagation.setGlobalPropagator(new W3CTraceContextPropagator());
  return exporter;
}

/** The span of a name, once it has ended. */
export async function ended(exporter: InMemorySpanExporter, name: string): Promise<ReadableSpan> {
  const spans = await allEnded(exporter, name, 1);
  return spans[0] as ReadableSpan;
}

/** So many spans of a name, once they have ended. */
export async function allEnded(exporter: InMemorySpanExporter, name: string, count: number): Promise<ReadableSpan[]> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const named = exporter.getFinishedSpans().filter((span) => span.name === name);
    if (named.length >= count) return named;
    if (performance.now() > deadline) throw new Error(`${named.length} of ${count} spans called ${name} ended in time`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Runs a function within a span of its own. */
export async function within<T>(name: string, call: () => Promise<T>): Promise<T> {
  return trace.getTracer("test").startActiveSpan(name, async (span: Span) => {
    try {
      return await call();
    } finally {
      span.end();
    }
  });
}
