/** Calls `stuck` once a number has stayed the same for so many milliseconds. Gives what stops that. */
export function whenStuck(number: () => number, milliseconds: number, stuck: () => void): () => void {
  let last = number();
  const timer = setInterval(() => {
    const now = number();
    if (now !== last) {
      last = now;
      return;
    }
    clearInterval(timer);
    stuck();
  }, milliseconds);
  return () => clearInterval(timer);
}
