import { onAbort } from "./signals.js";

/** Waits. Rejects with the signal's reason when it aborts first. */
export async function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  try {
    await abortable(
      new Promise<void>((resolve) => {
        timer = setTimeout(resolve, milliseconds);
      }),
      signal,
    );
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The same promise, but one that rejects as soon as the signal aborts: with its reason, or another one. No listener
 * outlives it.
 */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined, why?: () => Error): Promise<T> {
  if (!signal) return promise;
  return new Promise((resolve, reject) => {
    const release = onAbort(signal, () => reject(why ? why() : signal.reason));
    promise.then(resolve, reject).finally(release);
  });
}
