import { checkMilliseconds, checkOptions, show } from "../connection/check.js";
import { TimeoutError } from "../errors.js";

/** Options of `JobServer.waitFor`. */
export interface WaitForOptions {
  /** Milliseconds until it rejects with a `TimeoutError`; default 5000. */
  timeout?: number;
  /** Rejects with the signal's reason when it aborts. */
  signal?: AbortSignal;
}

const DEFAULT_TIMEOUT = 5_000;

/** Those who wait for something to be so. */
export class Waiters {
  readonly #waiting = new Set<{ check(): void; fail(error: unknown): void }>();
  #scheduled = false;

  /** Something has changed: they look again, once what happens now is over. */
  changed(): void {
    if (this.#scheduled || this.#waiting.size === 0) return;
    this.#scheduled = true;
    queueMicrotask(() => {
      this.#scheduled = false;
      for (const waiter of this.#waiting) waiter.check();
    });
  }

  /** It will never be so. */
  close(error: Error): void {
    for (const waiter of this.#waiting) waiter.fail(error);
  }

  /** What `condition` gives once that is something. */
  wait<T>(condition: () => T, what: string, options: WaitForOptions = {}): Promise<Exclude<T, Nothing>> {
    checkOptions(options, "waitFor", ["timeout", "signal"]);
    const { timeout = DEFAULT_TIMEOUT, signal } = options;
    checkMilliseconds(timeout, "timeout");
    return new Promise((resolve, reject) => {
      const end = () => {
        clearTimeout(timer);
        signal?.removeEventListener("abort", onAbort);
        this.#waiting.delete(waiter);
      };
      const waiter = {
        check: () => {
          try {
            const value = condition();
            if (value === undefined || value === null || value === false) return;
            checkNow(value);
            end();
            resolve(value as Exclude<T, Nothing>);
          } catch (error) {
            waiter.fail(error);
          }
        },
        fail: (error: unknown) => {
          end();
          reject(error);
        },
      };
      const onAbort = () => waiter.fail(signal?.reason);
      const timer = setTimeout(() => {
        // It may depend on what is not the server's.
        waiter.check();
        waiter.fail(new TimeoutError("timeout", timeout, `waited in vain for ${what}`));
      }, timeout);
      this.#waiting.add(waiter);
      if (signal?.aborted) onAbort();
      else {
        signal?.addEventListener("abort", onAbort, { once: true });
        waiter.check();
      }
    });
  }
}

/** @throws TypeError when a condition gives a promise, which is not to say that it is so */
function checkNow(value: unknown): void {
  if (typeof (value as { then?: unknown }).then !== "function") return;
  Promise.resolve(value).catch(() => {});
  throw new TypeError(
    "a condition of waitFor() must say at once whether it is so: this one gave a promise (is it an async function?)",
  );
}

/** What says that it isn't so yet. */
export type Nothing = undefined | null | false;

/** @throws TypeError when something to wait for is neither a function's name nor a condition */
export function checkWaitedFor(value: unknown): void {
  if (typeof value === "function" || (typeof value === "string" && value !== "")) return;
  throw new TypeError(`waitFor takes the name of a Gearman function, or a condition to call, not ${show(value)}`);
}
