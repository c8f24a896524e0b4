import { show } from "../connection/check.js";
import { TimeoutError } from "../errors.js";
import { type Validator, validate } from "../jobs.js";
import { Payload, toWire } from "../payload.js";
import { type Job, JobFailed } from "./job.js";
import type { FunctionOptions } from "./options.js";

/** A function that was added: what is called for its jobs, and how. */
export interface Registration {
  // biome-ignore lint/suspicious/noExplicitAny: handlers of any job types stand in one table
  readonly handler: (job: Job<any>) => unknown;
  readonly options: FunctionOptions;
  /** Whether it is being taken back: jobs of it still come until every server knows. */
  readonly leaving?: boolean;
  readonly validators: { readonly workload?: Validator; readonly result?: Validator };
}

/** What became of a job, in its worker. */
export type Outcome =
  | { readonly end: "complete"; readonly result: string | Uint8Array }
  | { readonly end: "fail"; readonly error: Error }
  | { readonly end: "exception"; readonly error: unknown };

/** Calls a job's handler, and says what became of the job. Never throws. */
export async function execute(
  job: Job,
  controller: AbortController,
  registration: Registration | undefined,
): Promise<Outcome> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    if (!registration) throw new Error(`this worker has no function ${show(job.function)}`);
    const result = call(job, registration);
    const { timeout } = registration.options;
    if (timeout === undefined) return { end: "complete", result: await result };
    const late = new Promise<Outcome>((resolve) => {
      timer = setTimeout(() => {
        const error = new TimeoutError(
          "timeout",
          timeout,
          `the job ${job.handle} of ${show(job.function)} took too long`,
        );
        controller.abort(error);
        resolve({ end: "fail", error });
      }, timeout);
    });
    // Whichever comes second is not waited for, and must not be reported as a rejection that nobody handled.
    result.catch(() => {});
    return await Promise.race([late, result.then((value): Outcome => ({ end: "complete", result: value }))]);
  } catch (error) {
    return error instanceof JobFailed ? { end: "fail", error } : { end: "exception", error };
  } finally {
    clearTimeout(timer);
  }
}

async function call(job: Job, { handler, validators }: Registration): Promise<string | Uint8Array> {
  const name = show(job.function);
  if (validators.workload) {
    const value = await validate(
      validators.workload,
      parse(job.workload, `the workload of ${name}`),
      `the workload of ${name}`,
    );
    job.accept(new Payload(job.workload.bytes, { value }));
  }
  let result = await handler(job);
  if (isAsyncIterable(result)) result = await stream(job, result);
  if (validators.result) result = await validate(validators.result, result, `the result of ${name}`);
  return toWire(result, `the result of ${name}`);
}

/** Sends what an iterable yields as data; what it returns is the result. It is left alone once the job is over. */
async function stream(job: Job, parts: AsyncIterable<unknown>): Promise<unknown> {
  const iterator = parts[Symbol.asyncIterator]();
  for (;;) {
    const { done, value } = await iterator.next();
    if (done) return value;
    if (job.over) {
      await iterator.return?.();
      return undefined;
    }
    job.data(value as string);
  }
}

/** The text of what was thrown, as the client is told. */
export function messageOf(thrown: unknown): string {
  if (thrown instanceof Error) return (thrown.message || thrown.name).toWellFormed();
  return typeof thrown === "string" ? thrown.toWellFormed() : `the handler threw ${show(thrown)}`;
}

function parse(workload: Payload, what: string): unknown {
  if (workload.bytes.length === 0) return undefined;
  try {
    return workload.json();
  } catch (cause) {
    throw new TypeError(`${what} is not valid: it is no JSON`, { cause });
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}
