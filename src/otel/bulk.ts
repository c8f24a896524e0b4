import type { Span } from "@opentelemetry/api";
import type { JobHandle } from "../client/handle.js";
import { endFailed } from "./spans.js";

type Step = IteratorResult<JobHandle, void>;

/** The handles of a bulk, and its one span: from the first that is asked for until there are no more. */
export class TracedHandles implements AsyncGenerator<JobHandle, void, undefined> {
  readonly #handles: AsyncGenerator<JobHandle, void, undefined>;
  readonly #begin: () => { readonly span: Span } | undefined;
  #begun = false;
  #span: Span | undefined;
  #count = 0;

  constructor(handles: AsyncGenerator<JobHandle, void, undefined>, begin: () => { readonly span: Span } | undefined) {
    this.#handles = handles;
    this.#begin = begin;
  }

  next(): Promise<Step> {
    if (!this.#begun) {
      this.#begun = true;
      this.#span = this.#begin()?.span;
    }
    return this.#told(this.#handles.next());
  }

  return(value?: void | PromiseLike<void>): Promise<Step> {
    return this.#told(this.#handles.return(value));
  }

  throw(error: unknown): Promise<Step> {
    return this.#told(this.#handles.throw(error));
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return();
  }

  #told(step: Promise<Step>): Promise<Step> {
    if (!this.#span) return step;
    return step.then(
      (result) => {
        if (result.done) this.#end((span) => span.end());
        else this.#count++;
        return result;
      },
      (error: unknown) => {
        this.#end((span) => endFailed(span, error));
        throw error;
      },
    );
  }

  #end(end: (span: Span) => void): void {
    const span = this.#span;
    if (!span) return;
    this.#span = undefined;
    span.setAttribute("messaging.batch.message_count", this.#count);
    end(span);
  }
}
