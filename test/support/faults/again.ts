/** How often a busy machine may miss a short time limit. */
const TRIES = 5;

/** Asks until it isn't a time limit of its own that it fails by. Whatever else comes of it the first time stands. */
export async function again<T>(ask: () => Promise<T>): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await ask();
    } catch (error) {
      if ((error as { code?: unknown }).code !== "TIMEOUT" || tries === TRIES) throw error;
    }
  }
}
