// Messages through a queue, in whatever runtime this is.
import { Queue } from "edgear/queue";

const queue = new Queue({ servers: process.argv.at(-1) });
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
await queue.close();
process.stdout.write(`${seen[0]} ${seen.slice(1).sort().join("")} ${none}\n`);
