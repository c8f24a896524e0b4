/** What is to be done when a signal aborts. One listener serves all: Node warns of a signal that has more than ten. */
const callbacks = new WeakMap<AbortSignal, { readonly all: Set<() => void>; readonly listener: () => void }>();

/**
 * Has `callback` called when the signal aborts: at once when it has.
 * @returns what takes it back; with the last one the listener is gone, too
 */
export function onAbort(signal: AbortSignal, callback: () => void): () => void {
  if (signal.aborted) {
    callback();
    return () => {};
  }
  let entry = callbacks.get(signal);
  if (!entry) {
    const all = new Set<() => void>();
    const listener = () => {
      callbacks.delete(signal);
      for (const each of all) each();
    };
    entry = { all, listener };
    callbacks.set(signal, entry);
    signal.addEventListener("abort", listener, { once: true });
  }
  const { all, listener } = entry;
  // The same function may be given twice, and each is to be taken back by itself.
  const own = () => callback();
  all.add(own);
  return () => {
    all.delete(own);
    if (all.size > 0 || callbacks.get(signal)?.all !== all) return;
    callbacks.delete(signal);
    signal.removeEventListener("abort", listener);
  };
}
