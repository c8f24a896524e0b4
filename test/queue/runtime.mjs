// Messages through a queue, in whatever runtime this is.
import { Queue } from "edgear/queue";
import { through } from "./through.mjs";

const queue = new Queue({ servers: process.argv.at(-1) });
const went = await through(queue);
await queue.close();
process.stdout.write(went);
