/** npm: gearmanode. Its background jobs are closed by whoever submitted them; else it keeps them. */
import gearmanode from "gearmanode";
import { drive, task } from "./harness.mjs";

const asked = task();
const { job, port, size, function: name } = asked;
const workload = Buffer.alloc(size, "x");
const server = { host: "127.0.0.1", port };
const client = job === "worker" ? undefined : gearmanode.client(server);

/** @param {() => void} done */
const background = (done) => {
  const sent = client.submitJob(name, workload, { background: true });
  sent.on("created", () => {
    sent.close();
    done();
  });
};

await drive(asked, {
  background,
  foreground(done) {
    client.submitJob(name, workload).on("complete", done);
  },
  async status() {
    const sent = client.submitJob("waiting", workload, { background: true });
    await new Promise((resolve) => sent.on("created", resolve));
    /** @type {(() => void)[]} */
    const waiting = [];
    let first = 0;
    sent.on("status", () => waiting[first++]?.());
    return (done) => {
      waiting.push(done);
      sent.getStatus();
    };
  },
  worker(done) {
    const worker = gearmanode.worker(server);
    worker.addFunction(name, (/** @type {{ payload: Buffer, workComplete(data: Buffer): void }} */ given) => {
      done();
      given.workComplete(given.payload);
    });
  },
});
