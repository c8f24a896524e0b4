/** npm: gearman-coffee. Its client submits no background jobs; here its connection is told to. */
import { EventEmitter } from "node:events";
import coffee from "gearman-coffee";
import { drive, task } from "./harness.mjs";

const asked = task();
const { job, port, size, function: name } = asked;
const workload = Buffer.alloc(size, "x");
const server = { host: "127.0.0.1", port };
const client = job === "worker" ? undefined : new coffee.Client(server);
if (client && !client.connected) await new Promise((resolve) => client.once("connect", resolve));

await drive(asked, {
  background(done) {
    const sent = new EventEmitter();
    sent.on("created", (handle) => {
      delete client.jobs[handle];
      done();
    });
    client.queue.push(sent);
    client.sendCommand("SUBMIT_JOB_BG", name, false, workload);
  },
  foreground(done) {
    client.submitJob(name, workload).on("complete", done);
  },
  worker(done) {
    const handler = (/** @type {Buffer} */ payload, /** @type {{ complete(data: Buffer): void }} */ worker) => {
      done();
      worker.complete(payload);
    };
    new coffee.Worker(name, handler, server);
  },
});
