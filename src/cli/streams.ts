/*
 * The ends of what a program says: readers that leave, and readers that are slow.
 */

/** Whether the standard output takes nothing any more. */
let unread = false;

/** Whether a reader who leaves is no reason to end. */
let outlived = false;

/** From now on the program goes on, in silence, when nobody reads its output any more: what it does has an outcome. */
export function outliveReader(): void {
  outlived = true;
}

/**
 * Minds what becomes of the standard streams.
 * @param leave ends the program, as nobody reads it any more, or as it can't write
 */
export function mindStreams(leave: (error: NodeJS.ErrnoException) => void): void {
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    unread = true;
    if (error.code !== "EPIPE" || !outlived) leave(error);
  });
  // Notes and logs accompany the work, and nobody who closes them wants it undone.
  process.stderr.on("error", () => {});
}

/** Writes to the standard output. Resolves once it is taken; what goes wrong is for `mindStreams`. */
export function write(bytes: Uint8Array | string): Promise<void> {
  if (unread) return Promise.resolve();
  return new Promise((resolve) => void process.stdout.write(bytes, () => resolve()));
}

/** Resolves once everything that was written has been taken: a pipe's reader may be slow. */
export async function flushed(): Promise<void> {
  const streams = [process.stdout, process.stderr];
  await Promise.all(streams.map((stream) => new Promise<void>((resolve) => void stream.write("", () => resolve()))));
}
