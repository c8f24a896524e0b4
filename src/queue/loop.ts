import { onAbort } from "../connection/signals.js";
import type { Job } from "../worker/job.js";
import type { Holder, Message } from "./message.js";
import type { Reader } from "./reader.js";

/** What is done with a reader's messages. */
export interface Reading {
  taken(job: Job, holder: Holder): void;
  failed?(error: Error): void;
  closed?(reader: Reader): void;
}

/** What a loop of messages is made of. */
export interface LoopSource<Value> {
  /** How many may be in hand at once. */
  readonly prefetch: number;
  /** Ends the loop, which lets what it gave out be finished. */
  readonly signal: AbortSignal | undefined;
  /** The queue's: ends the loop likewise, and lets none begin. */
  readonly closed: AbortSignal;
  read(reading: Reading): Reader;
  open(job: Job, holder: Holder): Promise<Message<Value>>;
}

type Step<Value> = IteratorResult<Message<Value>, void>;

/** Messages as they come. An async generator by itself would hear of `return` only once a message has come. */
export class MessageLoop<Value> implements AsyncGenerator<Message<Value>, void, undefined> {
  readonly #left = new AbortController();
  readonly #messages: AsyncGenerator<Message<Value>, void, undefined>;

  constructor(source: LoopSource<Value>) {
    this.#messages = messagesOf(source, this.#left.signal);
  }

  next(): Promise<Step<Value>> {
    return this.#messages.next();
  }

  return(value?: void | PromiseLike<void>): Promise<Step<Value>> {
    this.#left.abort();
    return this.#messages.return(value);
  }

  throw(error: unknown): Promise<Step<Value>> {
    this.#left.abort();
    return this.#messages.throw(error);
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }
}

async function* messagesOf<Value>(
  { prefetch, signal, closed, read, open }: LoopSource<Value>,
  left: AbortSignal,
): AsyncGenerator<Message<Value>, void, undefined> {
  closed.throwIfAborted();
  const ready: Message<Value>[] = [];
  const readers = new Set<Reader>();
  let ended = false;
  let wake = () => {};
  const end = () => {
    ended = true;
    wake();
  };
  const releases = [signal, closed, left].map((each) => each && onAbort(each, end));
  const begin = (): Reader =>
    read({
      taken: async (job, holder) => {
        const message = await open(job, holder);
        if (ended) void message.release();
        else ready.push(message);
        wake();
      },
      // A message that was given back takes its reader along: another one takes its place.
      closed: (reader) => {
        if (readers.delete(reader) && !ended) readers.add(begin());
      },
    });
  let finishing = false;
  try {
    while (!ended && readers.size < prefetch) readers.add(begin());
    while (!ended) {
      const message = ready.shift();
      // One whose connection was lost while it waited has gone back.
      if (message && !message.signal.aborted) yield message;
      if (message) continue;
      await new Promise<void>((resolve) => {
        wake = resolve;
      });
    }
    finishing = !left.aborted;
  } finally {
    ended = true;
    for (const release of releases) release?.();
    const back = Promise.all(ready.map((message) => message.release().catch(() => {})));
    // What was given out may still be finished, if it wasn't the loop that was left.
    const all = Promise.all([...readers].map((reader) => reader.close(finishing ? undefined : 0)));
    if (!finishing) await all;
    await back;
  }
}
