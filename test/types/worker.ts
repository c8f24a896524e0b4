// Compiled, not run: `npm run check` fails when one of these stops being right, or starts to be.
import {
  type BackoffOptions,
  type CloseOptions,
  type DrainOptions,
  type FunctionOptions,
  type Handler,
  type RetryOptions,
  type RunOptions,
  type Validator,
  Worker,
  type WorkerOptions,
} from "edgear";
import type { Unset } from "./assert.ts";

interface Jobs {
  resize: { workload: { id: number }; result: { width: number } };
  ping: { workload: string };
  convert: { result: "done" | "skipped" };
  sweep: { result: undefined };
  count: { result?: number };
}

declare const anything: unknown;
declare function parts<Part>(part: Part): AsyncGenerator<Part, { width: number }>;
declare const identified: Validator<{ id: number }>;
declare const text: Validator<string>;

const typed = new Worker<Jobs>("localhost");
typed.add("resize", (job) => ({ width: job.workload.json().id }));
typed.add("resize", async (job) => ({ width: job.workload.json().id }));
typed.add("resize", async function* (job) {
  yield job.workload.bytes;
  return { width: job.workload.json().id };
});
typed.add("resize", async (job) => parts(job.workload.bytes));
typed.add("ping", async function* (job) {
  yield job.workload.bytes;
});
typed.add("ping", async () => new ReadableStream<Uint8Array>());
// @ts-expect-error: what it returns is the result, and has another type
typed.add("resize", async function* (job) {
  yield job.workload.bytes;
  return job.workload.bytes;
});
// @ts-expect-error: it returns no result
typed.add("resize", async function* (job) {
  yield job.workload.bytes;
});
// @ts-expect-error: a stream has no result of its own
typed.add("resize", async () => new ReadableStream<Uint8Array>());
typed.add("convert", () => "done");
typed.add("convert", (job) => {
  job.status(1, 1);
  return "skipped";
});
typed.add("convert", async () => "done" as const);
// @ts-expect-error: it is neither of them
typed.add("convert", () => "failed");
typed.add("sweep", () => {});
typed.add("sweep", async () => {});
typed.add("sweep", () => undefined);
typed.add("sweep", async function* () {
  yield "swept";
});
// @ts-expect-error: there is no result
typed.add("sweep", () => 7);
typed.add("count", () => {});
typed.add("count", () => 7);
// @ts-expect-error: it is a number, if anything
typed.add("count", () => "seven");
typed.add("ping", () => anything);
// @ts-expect-error: the result has another type
typed.add("resize", () => ({ width: "wide" }));
// @ts-expect-error: the workload has no such property
typed.add("resize", (job) => ({ width: job.workload.json().size }));
// @ts-expect-error: there is no such function
typed.add("reverse", () => anything);

const validated = new Worker("localhost", { jobs: { resize: { workload: identified, result: text } } });
validated.add("resize", (job) => `${job.workload.json().id}`);
// @ts-expect-error: the validator gives a string
validated.add("resize", (job) => job.workload.json().id);

const untyped = new Worker("localhost");
untyped.add("anything", (job) => job.workload.json<{ id: number }>().id);
untyped.add("anything", (job) => job.workload.bytes);
untyped.add("nothing", () => {});
untyped.add("parts", async function* (job) {
  yield job.workload.bytes;
  return job.workload.json().id;
});
declare const handler: Handler<{ id: number }, string>;
untyped.add("anything", handler);

const optioned = new Worker("localhost", { concurrency: 2 });
optioned.add("anything", (job) => job.workload.bytes);

// Options that are not set may be undefined: `exactOptionalPropertyTypes` refuses that where it isn't said.
export const unset: [
  Unset<WorkerOptions>,
  Unset<WorkerOptions<Jobs>>,
  Unset<BackoffOptions>,
  Unset<FunctionOptions>,
  Unset<RetryOptions>,
  Unset<RunOptions>,
  Unset<DrainOptions>,
  Unset<CloseOptions>,
] = [true, true, true, true, true, true, true, true];
