import { show } from "../connection/check.js";
import { sleep } from "../connection/wait.js";
import { ClosedError, TimeoutError } from "../errors.js";
import { checkedJson, checkedPayload, type JobValidators } from "../jobs.js";
import { toWire } from "../payload.js";
import { type Job, JobFailed, type Outcome } from "./job.js";
import type { FunctionOptions } from "./options.js";

/** A function that was added: what is called for its jobs, and how. */
export interface Registration {
  // biome-ignore lint/suspicious/noExplicitAny: handlers of any job types stand in one table
  readonly handler: (job: Job<any>) => unknown;
  readonly options: FunctionOptions;
  /** Whether it is being taken back: jobs of it still come until every server knows. */
  readonly leaving?: boolean;
  readonly validators: JobValidators;
  /** What errors call its results. */
  readonly words: string;
}

/**
 * Calls a job's handler, and says what became of the job: at once when the handler has its result at once, as a promise
 * takes as long as all the rest. Never throws.
 */
export function execute(job: Job, registration: Registration): Outcome | Promise<Outcome> {
  const outcome = call(job, registration);
  const { timeout } = registration.options;
  return timeout !== undefined && outcome instanceof Promise ? limited(job, timeout, outcome) : outcome;
}

/** The result, or a failure when it takes too long. No timer outlives a worker that no longer waits for the job. */
function limited(job: Job, timeout: number, result: Promise<Outcome>): Promise<Outcome> {
  return new Promise((resolve) => {
    const timer = setTimeout(() => {
      const error = new TimeoutError(
        "timeout",
        timeout,
        `the job ${job.handle} of ${show(job.function)} took too long`,
      );
      job.mute();
      job.abort(error);
      resolve({ end: "fail", error });
    }, timeout);
    const clear = () => {
      if (job.signal.reason instanceof ClosedError) clearTimeout(timer);
    };
    job.signal.addEventListener("abort", clear, { once: true });
    void result.then((outcome) => {
      clearTimeout(timer);
      job.signal.removeEventListener("abort", clear);
      resolve(outcome);
    });
  });
}

function call(job: Job, registration: Registration): Outcome | Promise<Outcome> {
  const { handler, validators, words } = registration;
  if (validators.workload || validators.result) return checked(job, registration);
  try {
    const result = handler(job);
    return isLater(result) ? later(job, result, words) : { end: "complete", result: toWire(result, words) };
  } catch (error) {
    return thrown(error);
  }
}

async function later(job: Job, promised: unknown, words: string): Promise<Outcome> {
  try {
    let result = await promised;
    if (isAsyncIterable(result)) result = await stream(job, result);
    return { end: "complete", result: toWire(result, words) };
  } catch (error) {
    return thrown(error);
  }
}

async function checked(job: Job, { handler, validators, words }: Registration): Promise<Outcome> {
  try {
    const { workload } = validators;
    if (workload) job.accept(await checkedPayload(workload, job.workload, `the workload of ${show(job.function)}`));
    // Its time may be over: what the handler did would be done for nobody.
    if (job.over) throw job.signal.reason;
    let result = await handler(job);
    if (isAsyncIterable(result)) result = await stream(job, result);
    const wire = validators.result ? await checkedJson(validators.result, result, words) : toWire(result, words);
    return { end: "complete", result: wire };
  } catch (error) {
    return thrown(error);
  }
}

function thrown(error: unknown): Outcome {
  return error instanceof JobFailed ? { end: "fail", error } : { end: "exception", error };
}

/** How many bytes of a stream may wait for the server's connection, and how long it is looked away meanwhile, in milliseconds. */
const MOST_WAITING = 1 << 20;
const PAUSE = 5;

/** How long a stream that never waits may keep the event loop to itself, in milliseconds. */
const TURN = 10;

/** Sends what an iterable yields as data; what it returns is the result. It is told to stop once the job is over. */
async function stream(job: Job, parts: AsyncIterable<unknown>): Promise<unknown> {
  const iterator = parts[Symbol.asyncIterator]();
  const stop = () => {
    // It may be stuck, and then never hears of it; nobody waits for it either way.
    Promise.resolve(iterator.return?.()).catch(() => {});
  };
  job.signal.addEventListener("abort", stop, { once: true });
  try {
    let turn = performance.now();
    for (;;) {
      const { done, value } = await iterator.next();
      if (done) return value;
      if (job.over) return undefined;
      job.data(value as string);
      if (performance.now() - turn > TURN) {
        await sleep(0);
        turn = performance.now();
      }
      while (job.waiting > MOST_WAITING && !job.over) await sleep(PAUSE);
    }
  } finally {
    job.signal.removeEventListener("abort", stop);
  }
}

function isAsyncIterable(value: unknown): value is AsyncIterable<unknown> {
  return typeof value === "object" && value !== null && Symbol.asyncIterator in value;
}

/** Whether something is a promise of a result, or may be an iterable of its parts. */
function isLater(value: unknown): boolean {
  if (typeof value === "function") return "then" in value;
  return typeof value === "object" && value !== null && ("then" in value || Symbol.asyncIterator in value);
}
