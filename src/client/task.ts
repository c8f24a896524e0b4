import { PacketType } from "../../assembly/protocol.js";
import type { Frame } from "../codec/frame.js";
import { Fifo } from "../connection/fifo.js";
import { JobExceptionError, JobFailedError } from "../errors.js";
import { Payload } from "../payload.js";
import type { JobHandle } from "./handle.js";
import { progress } from "./status.js";

/** What a job tells before it ends. */
export type TaskEvent =
  | { readonly type: "data" | "warning"; readonly payload: Payload }
  | {
      readonly type: "status";
      readonly numerator: number;
      readonly denominator: number;
      /** `numerator / denominator`, from 0 to 1. */
      readonly progress: number;
    };

/**
 * A foreground job. Its result is a promise, and it can be iterated for what the job tells on the way:
 *
 *     for await (const event of task) …   // ends with the job; throws what `result` rejects with
 *     const payload = await task.result;
 *
 * Events are kept from the submit on until somebody reads them; each is given out once, to one reader.
 */
export class Task implements AsyncIterable<TaskEvent> {
  readonly function: string;
  /** The job's handle, once the server acknowledged the job. Rejects when it never did. */
  readonly handle: Promise<JobHandle>;
  /**
   * The job's result. Rejects with `JobFailedError`, `JobExceptionError`, `TimeoutError`, `ServerError`,
   * `ConnectionError`, `ConnectionLostError`, or the reason of the signal.
   */
  readonly result: Promise<Payload>;

  #resolveHandle!: (handle: JobHandle) => void;
  #rejectHandle!: (error: unknown) => void;
  #resolveResult!: (payload: Payload) => void;
  #rejectResult!: (error: unknown) => void;
  readonly #events = new Fifo<TaskEvent>();
  /** Whether somebody may read the events. */
  readonly #told: boolean;
  /** Iterators that wait for an event, or the end. */
  #wakes: (() => void)[] = [];
  #done = false;
  #error: unknown;
  #failed = false;
  #settled: (() => void)[] = [];
  /** The handle, when it is there. */
  #created: JobHandle | undefined;

  /** @internal: `client.submit` makes it. */
  constructor(name: string, told: boolean) {
    this.function = name;
    this.#told = told;
    this.handle = new Promise((resolve, reject) => {
      this.#resolveHandle = resolve;
      this.#rejectHandle = reject;
    });
    this.result = new Promise((resolve, reject) => {
      this.#resolveResult = resolve;
      this.#rejectResult = reject;
    });
    // Whoever only iterates, or asks for only one of the two, has not left the other's rejection unhandled.
    this.handle.catch(() => {});
    this.result.catch(() => {});
  }

  [Symbol.asyncIterator](): AsyncIterator<TaskEvent, undefined> {
    let over = false;
    const end = { done: true, value: undefined } as const;
    return {
      next: async () => {
        for (;;) {
          const event = over ? undefined : this.#events.shift();
          if (event) return { done: false, value: event };
          if (over) return end;
          if (this.#done) {
            over = true;
            if (this.#failed) throw this.#error;
            return end;
          }
          await new Promise<void>((resolve) => this.#wakes.push(resolve));
        }
      },
      return: async () => {
        over = true;
        this.#wake();
        return end;
      },
    };
  }

  /** Whether the job's fate is known, or nobody waits for it any more. @internal */
  get done(): boolean {
    return this.#done;
  }

  /** The handle, once the server acknowledged the job. @internal */
  get created(): JobHandle | undefined {
    return this.#created;
  }

  /** Calls back when the task is done. @internal */
  onSettled(callback: () => void): void {
    if (this.#done) callback();
    else this.#settled.push(callback);
  }

  /** JOB_CREATED came. @internal */
  acknowledge(handle: JobHandle): void {
    this.#created = handle;
    this.#resolveHandle(handle);
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
        this.#emit({ type: "status", numerator, denominator, progress: progress(numerator, denominator) });
        return false;
      }
      default:
        this.#emit({
          type: frame.type === PacketType.WORK_WARNING ? "warning" : "data",
          payload: new Payload(frame.data()),
        });
        return false;
    }
  }

  /** Ends the task with an error, unless it has ended. @internal */
  fail(error: unknown): void {
    if (this.#done) return;
    this.#error = error;
    this.#failed = true;
    this.#rejectHandle(error);
    this.#rejectResult(error);
    this.#end();
  }

  #complete(payload: Payload): void {
    this.#resolveResult(payload);
    this.#end();
  }

  #end(): void {
    this.#done = true;
    this.#wake();
    for (const callback of this.#settled) callback();
    this.#settled = [];
  }

  #emit(event: TaskEvent): void {
    if (this.#done || !this.#told) return;
    this.#events.push(event);
    this.#wake();
  }

  #wake(): void {
    const wakes = this.#wakes;
    this.#wakes = [];
    for (const wake of wakes) wake();
  }
}
