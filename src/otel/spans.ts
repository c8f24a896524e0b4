/* What spans say of jobs: OpenTelemetry's semantic conventions for messaging, and `gearman.job.…` for what they don't know. */

import { type Attributes, type Span, SpanStatusCode } from "@opentelemetry/api";

/** What is said of every job, when its span begins. */
export function jobAttributes(name: string, operation: string, type: "send" | "process"): Attributes {
  return {
    "messaging.system": "gearman",
    "messaging.destination.name": name,
    "messaging.operation.name": operation,
    "messaging.operation.type": type,
  };
}

/** @param server as `host:port` */
export function serverAttributes(server: string): Attributes {
  const colon = server.lastIndexOf(":");
  return {
    "server.address": server.slice(0, colon).replace(/^\[(.*)\]$/, "$1"),
    "server.port": Number(server.slice(colon + 1)),
  };
}

/** Ends a span with what went wrong. */
export function endFailed(span: Span, error: unknown): void {
  const { name, code, message } = Object(error) as { name?: unknown; code?: unknown; message?: unknown };
  const words = typeof message === "string" ? message : String(error);
  // The codes of this library's errors are stable; others have a name, if they are errors at all.
  const type = [code, name].find((word) => typeof word === "string" && word !== "") as string | undefined;
  span.setAttribute("error.type", type ?? "_OTHER");
  span.recordException(error instanceof Error ? error : words);
  span.setStatus({ code: SpanStatusCode.ERROR, message: words });
  span.end();
}
