import { checkFunction, checkOptions, show } from "../connection/check.js";
import { Fifo } from "../connection/fifo.js";
import { onAbort } from "../connection/signals.js";
import { BulkError } from "../errors.js";
import { harmless } from "../events.js";
import type { JobHandle } from "./handle.js";
import { checkInFlight } from "./options.js";
import type { BackgroundOptions } from "./submission.js";

/** Options of `client.backgroundAll`: those of `background` for each item, and how many at once. */
export interface BulkOptions<Workload = unknown> extends Omit<BackgroundOptions, "unique"> {
  /** The unique of each item; default: generated ones. */
  unique?: ((workload: Workload, index: number) => string) | undefined;
  /** How many items may be unanswered: the source is read no faster. Default: the client's `maxInFlight`. */
  maxInFlight?: number | undefined;
}

/** @throws TypeError when an argument is wrong */
export function checkBulk(name: unknown, source: unknown, options: BulkOptions): void {
  checkFunction(name);
  checkOptions(options, "backgroundAll", ["priority", "unique", "signal", "at", "delay", "maxInFlight"]);
  const { unique, maxInFlight } = options;
  if (unique !== undefined && typeof unique !== "function")
    throw new TypeError(
      `unique must be a function that makes each item's, not ${show(unique)}: equal ones would be one job`,
    );
  if (maxInFlight !== undefined) checkInFlight(maxInFlight);
  const iterable = Object(source) as { [Symbol.iterator]?: unknown; [Symbol.asyncIterator]?: unknown };
  const reads = typeof (iterable[Symbol.asyncIterator] ?? iterable[Symbol.iterator]) === "function";
  if (!reads || typeof source === "string")
    throw new TypeError(`the source must be an Iterable or AsyncIterable of workloads, not ${show(source)}`);
}

/** Submits what a source gives, so many at once, and gives the handles out in the source's order. */
export async function* submitAll<Workload>(
  source: Iterable<Workload> | AsyncIterable<Workload>,
  submit: (workload: Workload, index: number) => Promise<JobHandle>,
  maxInFlight: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobHandle, void, undefined> {
  signal?.throwIfAborted();
  const items = new Source(source, submit);
  const { inFlight } = items;
  const aborted = signal && abortion(signal);
  let taken = 0;
  try {
    for (;;) {
      items.pull(maxInFlight);
      const first = inFlight.peek();
      const { pulling } = items;
      if (!first && !pulling) break;
      if (pulling) {
        // Whichever is there first: a handle to give out, another item, or the end of patience.
        const next: Promise<unknown>[] = [pulling];
        if (first) next.push(first.catch(() => {}));
        if (aborted) next.push(aborted.promise);
        await Promise.race(next);
        if (items.pulling !== pulling && inFlight.length < maxInFlight) continue;
      }
      if (!first) continue;
      inFlight.shift();
      let handle: JobHandle;
      try {
        handle = await first;
      } catch (error) {
        signal?.throwIfAborted();
        throw new BulkError(taken, error, await Promise.allSettled(inFlight.drain()));
      }
      taken++;
      yield handle;
    }
    if (items.failure) throw items.failure.error;
  } finally {
    aborted?.release();
    items.leave();
  }
}

/** Items of a source on their way: those of a plain iterable are read at once, without a promise each. */
class Source<Workload> {
  readonly inFlight = new Fifo<Promise<JobHandle>>();
  /** While an item of an asynchronous source is waited for. */
  pulling: Promise<void> | undefined;
  /** What the source threw: the items before it are submitted all the same. */
  failure: { readonly error: unknown } | undefined;
  readonly #iterator: Iterator<Workload> | AsyncIterator<Workload>;
  readonly #submit: (workload: Workload, index: number) => Promise<JobHandle>;
  #index = 0;
  #ended = false;

  constructor(
    source: Iterable<Workload> | AsyncIterable<Workload>,
    submit: (workload: Workload, index: number) => Promise<JobHandle>,
  ) {
    this.#iterator = Symbol.asyncIterator in source ? source[Symbol.asyncIterator]() : source[Symbol.iterator]();
    this.#submit = submit;
  }

  /** Submits items until so many are in flight, or the next must be waited for. */
  pull(maxInFlight: number): void {
    while (!this.#ended && !this.pulling && this.inFlight.length < maxInFlight) {
      try {
        const step = this.#iterator.next();
        if (step instanceof Promise) this.pulling = this.#wait(step);
        else this.#take(step);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  /** Reads no more. A source that is stuck is not waited for. */
  leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    harmless(() => this.#iterator.return?.());
  }

  async #wait(step: Promise<IteratorResult<Workload>>): Promise<void> {
    try {
      this.#take(await step);
    } catch (error) {
      this.#fail(error);
    } finally {
      this.pulling = undefined;
    }
  }

  #take(step: IteratorResult<Workload>): void {
    if (step.done || this.#ended) {
      this.#ended = true;
      return;
    }
    const submitted = this.#submit(step.value, this.#index++);
    submitted.catch(() => {});
    this.inFlight.push(submitted);
  }

  #fail(error: unknown): void {
    this.#ended = true;
    this.failure = { error };
  }
}

/** A promise that rejects when the signal aborts. */
function abortion(signal: AbortSignal): { promise: Promise<never>; release: () => void } {
  let reject: (reason: unknown) => void = () => {};
  const promise = new Promise<never>((_, rejected) => {
    reject = rejected;
  });
  promise.catch(() => {});
  return { promise, release: onAbort(signal, () => reject(signal.reason)) };
}
