const GENTLE = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/** Whoever quits, by Ctrl-\\, doesn't want to wait. */
const HASTY = "SIGQUIT";

/** Calls back each time that somebody wants the program to end, and says whether in a hurry. Returns what takes that back. */
export function onStop(callback: (hasty: boolean) => void): () => void {
  const gently = () => callback(false);
  const hastily = () => callback(true);
  for (const signal of GENTLE) process.on(signal, gently);
  process.on(HASTY, hastily);
  return () => {
    for (const signal of GENTLE) process.off(signal, gently);
    process.off(HASTY, hastily);
  };
}

/** Resolves when somebody wants the program to end. */
export async function untilStopped(): Promise<void> {
  let off = () => {};
  await new Promise<void>((resolve) => {
    off = onStop(() => resolve());
  });
  off();
}
