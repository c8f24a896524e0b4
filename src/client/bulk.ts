import { checkFunction, checkOptions, show } from "../connection/check.js";
import { Fifo } from "../connection/fifo.js";
import { onAbort } from "../connection/signals.js";
import { BulkError } from "../errors.js";
import { harmless } from "../events.js";
import type { JobHandle } from "./handle.js";
import { checkInFlight } from "./options.js";
import type { Outcome } from "./outcome.js";
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

/** Submits an item; its outcome is told then or later. What it throws is the item's outcome, too. */
export type SubmitItem<Workload> = (workload: Workload, index: number, outcome: Outcome<JobHandle>) => void;

/** Submits what a source gives, so many at once, and gives the handles out in the source's order. */
export function submitAll<Workload>(
  source: Iterable<Workload> | AsyncIterable<Workload>,
  submit: SubmitItem<Workload>,
  maxInFlight: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<JobHandle, void, undefined> {
  const items = new Source(source, submit, maxInFlight);
  return new Handles(items, handOut(items, signal));
}

/** What all asynchronous iterators have: helpers, in runtimes that have some. */
const ASYNC_ITERATOR: object = Object.getPrototypeOf(Object.getPrototypeOf(async function* () {}.prototype));

/**
 * A generator before which handles are given out that are there already: at once, for a third of what a generator's
 * own step takes.
 */
class Handles implements AsyncGenerator<JobHandle, void, undefined> {
  static {
    Object.setPrototypeOf(Handles.prototype, ASYNC_ITERATOR);
  }

  readonly #items: Source;
  readonly #generator: AsyncGenerator<JobHandle, void, undefined>;
  /** Steps that the generator was asked for, and that wait: what comes belongs to them. */
  #asked = 0;

  constructor(items: Source, generator: AsyncGenerator<JobHandle, void, undefined>) {
    this.#items = items;
    this.#generator = generator;
  }

  next(): Promise<IteratorResult<JobHandle, void>> {
    const value = this.#asked === 0 ? this.#items.take() : undefined;
    return value ? Promise.resolve({ value, done: false }) : this.#ask(this.#generator.next());
  }

  return(value?: void | PromiseLike<void>): Promise<IteratorResult<JobHandle, void>> {
    return this.#ask(this.#generator.return(value));
  }

  throw(error: unknown): Promise<IteratorResult<JobHandle, void>> {
    return this.#ask(this.#generator.throw(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  get [Symbol.toStringTag](): string {
    return "AsyncGenerator";
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #ask(step: Promise<IteratorResult<JobHandle, void>>): Promise<IteratorResult<JobHandle, void>> {
    this.#asked++;
    const told = () => {
      this.#asked--;
    };
    step.then(told, told);
    return step;
  }
}

async function* handOut(items: Source, signal: AbortSignal | undefined): AsyncGenerator<JobHandle, void, undefined> {
  const release = signal && onAbort(signal, () => items.wake());
  try {
    signal?.throwIfAborted();
    for (;;) {
      items.pull();
      const first = items.inFlight.peek();
      if (!first && !items.pulling) break;
      if (!first?.settled) {
        // Whatever comes first: a handle to give out, another item, or the end of patience.
        await items.change();
        signal?.throwIfAborted();
        continue;
      }
      const handle = items.take();
      if (handle) yield handle;
      else await items.fail(signal);
    }
    if (items.failure) throw items.failure.error;
  } finally {
    release?.();
    items.leave();
  }
}

/** One item on its way. */
class Item implements Outcome<JobHandle> {
  handle: JobHandle | undefined;
  failure: { readonly error: unknown } | undefined;
  readonly #source: Source;

  constructor(source: Source) {
    this.#source = source;
  }

  get settled(): boolean {
    return this.handle !== undefined || this.failure !== undefined;
  }

  resolve(handle: JobHandle): void {
    this.handle = handle;
    this.#source.settled(this);
  }

  reject(error: unknown): void {
    this.failure = { error };
    this.#source.settled(this);
  }

  get result(): PromiseSettledResult<JobHandle> {
    const { handle, failure } = this;
    return handle ? { status: "fulfilled", value: handle } : { status: "rejected", reason: failure?.error };
  }
}

/** Items of a source on their way: those of a plain iterable are read at once, without a promise each. */
class Source {
  /** Items whose handles were not given out. */
  readonly inFlight = new Fifo<Item>();
  /** Whether an item of an asynchronous source is waited for. */
  pulling = false;
  /** What the source threw: the items before it are submitted all the same. */
  failure: { readonly error: unknown } | undefined;
  readonly #source: Iterable<unknown> | AsyncIterable<unknown>;
  /** It is opened when somebody begins to read: a source that nobody reads is left alone. */
  #iterator: Iterator<unknown> | AsyncIterator<unknown> | undefined;
  readonly #isAsync: boolean;
  readonly #submit: SubmitItem<never>;
  readonly #maxInFlight: number;
  /** Items are read once so few are in flight, and then until as many are as may be: many go out in one write. */
  readonly #few: number;
  #filling = true;
  #index = 0;
  #taken = 0;
  #ended = false;
  /** Whether nobody reads the handles any more. */
  #left = false;
  #wake = () => {};

  constructor(source: Iterable<unknown> | AsyncIterable<unknown>, submit: SubmitItem<never>, maxInFlight: number) {
    const { [Symbol.asyncIterator]: async } = source as Partial<AsyncIterable<unknown>>;
    this.#source = source;
    this.#isAsync = async !== undefined && async !== null;
    this.#submit = submit;
    this.#maxInFlight = maxInFlight;
    this.#few = Math.floor(maxInFlight / 2);
  }

  /** The next handle, when it is there. */
  take(): JobHandle | undefined {
    const handle = this.inFlight.peek()?.handle;
    if (!handle || this.#left) return undefined;
    this.inFlight.shift();
    this.#taken++;
    this.pull();
    return handle;
  }

  /** Throws what became of the next item, once it is known what became of those behind it. */
  async fail(signal: AbortSignal | undefined): Promise<never> {
    signal?.throwIfAborted();
    this.leave();
    const [first, ...later] = this.inFlight.drain();
    while (!later.every(({ settled }) => settled)) await this.change();
    throw new BulkError(
      this.#taken,
      first?.failure?.error,
      later.map(({ result }) => result),
    );
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

  settled(item: Item): void {
    // Others are waited for only once the first has failed, and has been taken out.
    if (item === this.inFlight.peek() || this.inFlight.length === 0) this.#wake();
  }

  /** Submits items until so many are in flight, or the next must be waited for. */
  pull(): void {
    if (this.inFlight.length <= this.#few) this.#filling = true;
    while (this.#filling && !this.#ended && !this.pulling) {
      if (this.inFlight.length >= this.#maxInFlight) {
        this.#filling = false;
        return;
      }
      try {
        this.#iterator ??= this.#isAsync
          ? (this.#source as AsyncIterable<unknown>)[Symbol.asyncIterator]()
          : (this.#source as Iterable<unknown>)[Symbol.iterator]();
        const step = this.#iterator.next();
        if (this.#isAsync) void this.#wait(step);
        else this.#take(step as IteratorResult<unknown>);
      } catch (error) {
        this.#fail(error);
      }
    }
  }

  /** Reads no more, and gives out no more: an item that still comes is left. A source that is stuck is not waited for. */
  leave(): void {
    this.#left = true;
    if (this.#ended) return;
    this.#ended = true;
    harmless(() => this.#iterator?.return?.());
  }

  async #wait(step: IteratorResult<unknown> | Promise<IteratorResult<unknown>>): Promise<void> {
    this.pulling = true;
    try {
      this.#take(await step);
    } catch (error) {
      this.#fail(error);
    }
    this.pulling = false;
    this.#wake();
  }

  #take(step: IteratorResult<unknown>): void {
    if (Object(step) !== step) throw new TypeError(`the source's iterator gave ${show(step)} instead of an object`);
    if (step.done || this.#ended) {
      this.#ended = true;
      return;
    }
    const item = new Item(this);
    this.inFlight.push(item);
    try {
      this.#submit(step.value as never, this.#index++, item);
    } catch (error) {
      item.reject(error);
    }
  }

  #fail(error: unknown): void {
    this.#ended = true;
    this.failure = { error };
  }
}
