// Takes messages and never acknowledges one: for tests that kill it. Says each that it has in hand.
import { Queue } from "edgear/queue";

const [, , servers, name, prefetch] = process.argv;
const queue = new Queue({ servers });
for await (const message of queue.messages(name, { prefetch: Number(prefetch) })) {
  process.stdout.write(`${message.payload.text()}
`);
}
