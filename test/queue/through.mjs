/**
 * Puts three messages, gets them, gives one back and acknowledges them, in whatever runtime this is.
 * @param {import("edgear/queue").Queue} queue
 * @returns {Promise<string>} what came: the first, the rest in the order of their texts, and what a queue without messages gives
 */
export async function through(queue) {
  const name = crypto.randomUUID();
  for (const message of ["a", "b", "c"]) await queue.put(name, message);
  const seen = [(await queue.get(name, { timeout: 10_000 })).payload.text()];
  for await (const message of queue.messages(name, { prefetch: 2 })) {
    seen.push(message.payload.text());
    // The second one goes back once, and comes again.
    if (seen.length === 2) await message.release();
    else await message.ack();
    if (seen.length === 4) break;
  }
  const none = await queue.get(name, { timeout: 50 }).catch((error) => error.name);
  return `${seen[0]} ${seen.slice(1).sort().join("")} ${none}`;
}

/** What that is: one of the two that were left comes twice. */
export const WENT_THROUGH = /^a (bbc|bcc) TimeoutError$/;
