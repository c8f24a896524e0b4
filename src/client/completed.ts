import { checkMilliseconds, checkOptions, show } from "../connection/check.js";
import { onAbort } from "../connection/signals.js";
import { sleep } from "../connection/wait.js";
import { ConnectionError, ConnectionLostError, TimeoutError } from "../errors.js";
import type { CompletedOptions } from "./options.js";
import type { JobStatus } from "./status.js";

/** Looks at a job again and again, until its server no longer knows it. */
export async function untilGone(
  handle: string,
  look: (signal: AbortSignal) => Promise<JobStatus>,
  options: CompletedOptions,
): Promise<void> {
  checkOptions(options, "completed", ["interval", "timeout", "signal", "onStatus"]);
  const { interval = 500, timeout, signal, onStatus } = options;
  checkMilliseconds(interval, "interval", 1);
  if (timeout !== undefined) checkMilliseconds(timeout, "timeout", 1);
  if (onStatus !== undefined && typeof onStatus !== "function")
    throw new TypeError(`onStatus must be a function, not ${show(onStatus)}`);
  const controller = new AbortController();
  const release = signal && onAbort(signal, () => controller.abort(signal.reason));
  let state = "unanswered for";
  const late = () => {
    const words = `the job ${handle} is still ${state}`;
    controller.abort(new TimeoutError("timeout", timeout ?? 0, words));
  };
  const timer = timeout === undefined ? undefined : setTimeout(late, timeout);
  try {
    for (;;) {
      const status = await lookOrLoss(() => look(controller.signal), timeout !== undefined);
      if (status) {
        state = status.state;
        onStatus?.(status);
        if (!status.known) return;
      }
      await sleep(interval, controller.signal);
    }
  } finally {
    clearTimeout(timer);
    release?.();
  }
}

/** A job's status, or undefined when a connection was lost, or could not be had, and it is worth another try. */
async function lookOrLoss(look: () => Promise<JobStatus>, again: boolean): Promise<JobStatus | undefined> {
  try {
    return await look();
  } catch (error) {
    const passing = [ConnectionLostError, ConnectionError, TimeoutError].some((kind) => error instanceof kind);
    if (again && passing) return undefined;
    throw error;
  }
}
