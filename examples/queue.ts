// Messages through a queue, some of which fail at first: `npm run build && node examples/queue.ts`.
import { Queue } from "edgear/queue";
import { JobServer } from "edgear/server";

interface Mail {
  to: string;
}

// A job server. This one is embedded; in production it is gearmand, and its address would stand here.
const server = await JobServer.listen({ port: 0 });
const queue = new Queue<{ mails: Mail }>({ servers: server.address });

for (const to of ["ada", "grace", "linus"]) await queue.put("mails", { to });
await queue.put("mails", { to: "urgent" }, { priority: "high" });

// One message at a time, off the queue when it is there.
const first = await queue.get("mails", { timeout: 5_000 });
console.log(`first of all: ${first.payload.json().to}`);

// And a loop: what can't be delivered goes back, and comes again.
const refused = new Set(["grace"]);
let left = 3;
for await (const message of queue.messages("mails")) {
  const { to } = message.payload.json();
  if (refused.delete(to)) {
    console.log(`${to} is not there, again later`);
    await message.release();
    continue;
  }
  await message.ack();
  console.log(`delivered to ${to}`);
  if (--left === 0) break;
}

const none = await queue.get("mails", { timeout: 100 }).catch((error: Error) => error.name);
console.log(`then: ${none}`);

await queue.close();
await server.close();
