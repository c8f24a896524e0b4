import { abortable } from "../connection/wait.js";
import { TimeoutError } from "../errors.js";

/** Calls a store, and waits for its answer: for so long at most, and until the signal aborts. */
export async function within<T>(call: () => Promise<T>, milliseconds: number, signal?: AbortSignal): Promise<T> {
  const controller = new AbortController();
  const words = "the scheduler's store did not answer in time";
  const late = () => controller.abort(new TimeoutError("storeTimeout", milliseconds, words));
  const timer = setTimeout(late, milliseconds);
  try {
    // A store may throw at once.
    const answer = (async () => call())();
    return await abortable(abortable(answer, controller.signal), signal);
  } finally {
    clearTimeout(timer);
  }
}
