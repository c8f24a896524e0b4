/** npm: node-gearman. It tells nobody when a background job was taken: that is listened for where it comes in. */
import Gearman from "node-gearman";
import { drive, task } from "./harness.mjs";

const asked = task();
const { job, port, size, function: name } = asked;
const workload = Buffer.alloc(size, "x");
const client = new Gearman("127.0.0.1", port);
await new Promise((resolve) => {
  client.once("connect", resolve);
  client.connect();
});

/** @type {(() => void)[]} */
const waiting = [];
let first = 0;
if (job === "background") client.receive_JOB_CREATED = () => waiting[first++]?.();

await drive(asked, {
  background(done) {
    waiting.push(done);
    client.submitJob(name, workload, undefined, { background: true });
  },
  foreground(done) {
    const sent = client.submitJob(name, workload);
    sent.on("data", () => {});
    sent.on("end", done);
  },
  worker(done) {
    client.registerWorker(name, (/** @type {Buffer} */ payload, /** @type {{ end(data: Buffer): void }} */ worker) => {
      done();
      worker.end(payload);
    });
  },
});
