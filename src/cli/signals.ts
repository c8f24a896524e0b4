const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Calls back each time that somebody wants the program to end. Returns what takes that back. */
export function onStop(callback: () => void): () => void {
  for (const signal of SIGNALS) process.on(signal, callback);
  return () => {
    for (const signal of SIGNALS) process.off(signal, callback);
  };
}

/** Resolves when somebody wants the program to end. */
export async function untilStopped(): Promise<void> {
  let off = () => {};
  await new Promise<void>((resolve) => {
    off = onStop(resolve);
  });
  off();
}
