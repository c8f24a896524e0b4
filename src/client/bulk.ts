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
  const release = signal && onAbort(signal, () => items.wake());
  let taken = 0;
  try {
    for (;;) {
      items.pull(maxInFlight);
      const first = inFlight.peek();
      if (!first && !items.pulling) break;
      if (!first?.settled) {
        // Whatever comes first: a handle to give out, another item, or the end of patience.
        await items.change();
        signal?.throwIfAborted();
        continue;
      }
      inFlight.shift();
      let handle: JobHandle;
      try {
        handle = await first.promise;
      } catch (error) {
        signal?.throwIfAborted();
        items.leave();
        const later = inFlight.drain().map(({ promise }) => promise);
        throw new BulkError(taken, error, await Promise.allSettled(later));
      }
      taken++;
      yield handle;
    }
    if (items.failure) throw items.failure.error;
  } finally {
    release?.();
    items.leave();
  }
}

/** Items of a source on their way: those of a plain iterable are read at once, without a promise each. */
class Source<Workload> {
  readonly inFlight = new Fifo<{ readonly promise: Promise<JobHandle>; settled: boolean }>();
  /** Whether an item of an asynchronous source is waited for. */
  pulling = false;
  /** What the source threw: the items before it are submitted all the same. */
  failure: { readonly error: unknown } | undefined;
  readonly #iterator: Iterator<Workload> | AsyncIterator<Workload>;
  readonly #isAsync: boolean;
  readonly #submit: (workload: Workload, index: number) => Promise<JobHandle>;
  #index = 0;
  #ended = false;
  #wake = () => {};

  constructor(
    source: Iterable<Workload> | AsyncIterable<Workload>,
    submit: (workload: Workload, index: number) => Promise<JobHandle>,
  ) {
    const { [Symbol.asyncIterator]: async } = source as Partial<AsyncIterable<Workload>>;
    this.#isAsync = async !== undefined && async !== null;
    this.#iterator = this.#isAsync
      ? (source as AsyncIterable<Workload>)[Symbol.asyncIterator]()
      : (source as Iterable<Workload>)[Symbol.iterator]();
    this.#submit = submit;
  }

  /** Resolves when an item has come, or a submit has settled, or somebody has called `wake`. */
  change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
    });
  }

  wake(): void {
    this.#wake();
  }

  /** Submits items until so many are in flight, or the next must be waited for. */
  pull(maxInFlight: number): void {
    while (!this.#ended && !this.pulling && this.inFlight.length < maxInFlight) {
      try {
        const step = this.#iterator.next();
        if (this.#isAsync) void this.#wait(step);
        else this.#take(step as IteratorResult<Workload>);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  /** Reads no more: an item that still comes is left. A source that is stuck is not waited for. */
  leave(): void {
    if (this.#ended) return;
    this.#ended = true;
    harmless(() => this.#iterator.return?.());
  }

  async #wait(step: IteratorResult<Workload> | Promise<IteratorResult<Workload>>): Promise<void> {
    this.pulling = true;
    try {
      this.#take(await step);
    } catch (error) {
      this.#fail(error);
    }
    this.pulling = false;
    this.#wake();
  }

  #take(step: IteratorResult<Workload>): void {
    if (Object(step) !== step) throw new TypeError(`the source's iterator gave ${show(step)} instead of an object`);
    if (step.done || this.#ended) {
      this.#ended = true;
      return;
    }
    const entry = { promise: this.#submit(step.value, this.#index++), settled: false };
    const settle = () => {
      entry.settled = true;
      if (entry === this.inFlight.peek()) this.#wake();
    };
    entry.promise.then(settle, settle);
    this.inFlight.push(entry);
  }

  #fail(error: unknown): void {
    this.#ended = true;
    this.failure = { error };
  }
}
