import { PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { show } from "../connection/check.js";
import { onAbort } from "../connection/signals.js";
import { JobExceptionError, JobFailedError, TimeoutError } from "../errors.js";
import { checkedPayload, type Validator } from "../jobs.js";
import { Payload } from "../payload.js";
import type { JobHandle } from "./handle.js";
import { Deferred } from "./outcome.js";
import { progress } from "./status.js";
import { type TaskEvent, Unread } from "./unread.js";

/**
 * A foreground job. Its result is a promise, and it can be iterated for what the job tells on the way:
 *
 *     for await (const event of task) …   // ends with the job; throws what `result` rejects with
 *     const payload = await task.result;
 *
 * Events are kept from the submit on until somebody reads them, and each is given out once, to one reader. As long as
 * nobody does, up to 1 MiB of the latest is kept, and `dropped` says how many events were too much.
 * A reader who is behind by 1 MiB isn't sent more until it has caught up, or, while other jobs of the same connection
 * are waited for, by 64 MiB (16 on Cloudflare Workers); one who then takes nothing for `requestTimeout`, or for five
 * minutes when nobody else waits, loses its task with a `TimeoutError`. A job that had to be submitted again, at another
 * server, may tell its events a second time.
 */
export class Task<Result = unknown> implements AsyncIterable<TaskEvent> {
  /** The function that it is a job of. */
  readonly function: string;
  /**
   * The job's result. Rejects with `JobFailedError`, `JobExceptionError`, `TimeoutError`, `ServerError`,
   * `ConnectionError`, `ConnectionLostError`, a `TypeError` for a result that its validator refuses, or the reason of
   * the signal.
   */
  readonly result: Promise<Payload<Result>>;

  // Its type says nothing of the result's, so that a task of something is a task of anything, too.
  #resolveResult!: (payload: never) => void;
  #rejectResult!: (error: unknown) => void;
  readonly #unread: Unread | undefined;
  readonly #validator: Validator | undefined;
  #done = false;
  #ended = false;
  #error: unknown;
  #failed = false;
  #settled: (() => void)[] | undefined;
  #carrier: { ended(): void } | undefined;
  /** The first handle and the latest, when they are there; and the promise of the first, when somebody has asked for it. */
  #first: JobHandle | undefined;
  #created: JobHandle | undefined;
  #handle: Deferred<JobHandle> | undefined;

  /** @internal: `client.submit` makes it. */
  constructor(name: string, told: boolean, validator: Validator | undefined) {
    this.function = name;
    // `run` gives out no task: nobody can read its events.
    this.#unread = told ? new Unread() : undefined;
    this.#validator = validator;
    this.result = new Promise((resolve, reject) => {
      this.#resolveResult = resolve;
      this.#rejectResult = reject;
    });
    // Whoever only iterates, or asks for the handle only, has not left the result's rejection unhandled. `run` gives its
    // promise out.
    if (told) this.result.catch(() => {});
  }

  /**
   * The job's handle, once the server acknowledged the job. Rejects when it never did. A job that had to be submitted
   * again may have another one by then: this is the first.
   */
  get handle(): Promise<JobHandle> {
    if (!this.#handle) {
      this.#handle = new Deferred();
      this.#handle.promise.catch(() => {});
      if (this.#first) this.#handle.resolve(this.#first);
      else if (this.#failed) this.#handle.reject(this.#error);
    }
    return this.#handle.promise;
  }

  [Symbol.asyncIterator](): AsyncIterator<TaskEvent, undefined> {
    const unread = this.#unread as Unread;
    let over = false;
    const leave = () => {
      if (!over) unread.left();
      over = true;
    };
    const end = { done: true, value: undefined } as const;
    unread.joined();
    const next = async (): Promise<IteratorResult<TaskEvent, undefined>> => {
      for (;;) {
        if (over) return end;
        const event = unread.take();
        if (event) return { done: false, value: event };
        if (this.#done) {
          leave();
          if (this.#failed) throw this.#error;
          return end;
        }
        await unread.wait();
      }
    };
    // Calls that don't wait for each other get their events in order, all the same.
    let last: Promise<unknown> = Promise.resolve();
    return {
      next: () => {
        const step = last.then(next);
        last = step.catch(() => {});
        return step;
      },
      return: async () => {
        leave();
        return end;
      },
    };
  }

  /** How many events came while nobody read them, and were too much to keep. Whoever reads from the submit on misses none. */
  get dropped(): number {
    return this.#unread?.dropped ?? 0;
  }

  /** Bytes of events that nobody has read. @internal */
  get unread(): number {
    return this.#unread?.size ?? 0;
  }

  /** How many events were taken. @internal */
  get taken(): number {
    return this.#unread?.taken ?? 0;
  }

  /** Has `callback` told when a reader falls behind, and when it has caught up. @internal */
  onBehind(callback: (behind: boolean) => void): void {
    this.#unread?.onBehind(callback);
  }

  /** Whether the job's fate is known, or nobody waits for it any more. @internal */
  get done(): boolean {
    return this.#done;
  }

  /** Whether its server has told how the job ended, or nobody waits for it any more. @internal */
  get ended(): boolean {
    return this.#ended || this.#done;
  }

  /** The handle, once the server acknowledged the job: of a job that was submitted again, the latest. @internal */
  get created(): JobHandle | undefined {
    return this.#created;
  }

  /** Calls back when the task is done. @internal */
  onSettled(callback: () => void): void {
    if (this.#done) callback();
    else if (this.#settled) this.#settled.push(callback);
    else this.#settled = [callback];
  }

  /** Gives it up when the signal aborts, or the result isn't there after so many milliseconds. @internal */
  until(signal: AbortSignal | undefined, timeout: number | undefined): void {
    if (timeout !== undefined) {
      const words = `the result of the ${show(this.function)} job did not come in time`;
      const timer = setTimeout(() => this.fail(new TimeoutError("timeout", timeout, words)), timeout);
      this.onSettled(() => clearTimeout(timer));
    }
    if (signal) this.onSettled(onAbort(signal, () => this.fail(signal.reason)));
  }

  /** The call that brings it to a server is told when the task is done, before others are. @internal */
  carriedBy(call: { ended(): void }): void {
    if (this.#done) call.ended();
    else this.#carrier = call;
  }

  /** Whether anybody may read its events. @internal */
  get told(): boolean {
    return this.#unread !== undefined;
  }

  /** JOB_CREATED came. @internal */
  acknowledge(handle: JobHandle): void {
    this.#first ??= handle;
    this.#created = handle;
    this.#handle?.resolve(handle);
  }

  /** A WORK_* packet came. True when it ends the job. @internal */
  packet(frame: Frame): boolean {
    switch (frame.type) {
      case PacketType.WORK_COMPLETE:
        if (!this.#done) this.#complete(new Payload(frame.data()));
        return true;
      case PacketType.WORK_FAIL:
        if (!this.#done) this.fail(new JobFailedError(frame.text(0)));
        return true;
      case PacketType.WORK_EXCEPTION:
        if (!this.#done) this.fail(new JobExceptionError(frame.text(0), new Payload(frame.data())));
        return true;
      case PacketType.WORK_STATUS: {
        const numerator = frame.integer(1);
        const denominator = frame.integer(2);
        this.#emit({ type: "status", numerator, denominator, progress: progress(numerator, denominator) }, 0);
        return false;
      }
      default: {
        if (this.#done || !this.#unread) return false;
        const payload = new Payload(frame.data());
        this.#emit(
          { type: frame.type === PacketType.WORK_WARNING ? "warning" : "data", payload },
          payload.bytes.length,
        );
        return false;
      }
    }
  }

  /** Ends the task with an error, unless it has ended. @internal */
  fail(error: unknown): void {
    if (this.#done) return;
    this.#error = error;
    this.#failed = true;
    this.#handle?.reject(error);
    this.#rejectResult(error);
    this.#end();
  }

  #complete(payload: Payload): void {
    this.#ended = true;
    if (!this.#validator) {
      this.#succeed(payload);
      return;
    }
    const words = `the result of ${JSON.stringify(this.function)}`;
    checkedPayload(this.#validator, payload, words).then(
      (checked) => this.#succeed(checked),
      (error: unknown) => this.fail(error),
    );
  }

  #succeed(payload: Payload): void {
    if (this.#done) return;
    this.#resolveResult(payload as never);
    this.#end();
  }

  #end(): void {
    this.#done = true;
    this.#unread?.wake();
    this.#carrier?.ended();
    for (const callback of this.#settled ?? []) callback();
    this.#settled = undefined;
  }

  #emit(event: TaskEvent, size: number): void {
    if (!this.#done) this.#unread?.push(event, size);
  }
}
