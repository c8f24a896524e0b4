/** npm: gearman. It names no job in its answers but by handle: whoever waits longest is called back. */
import gearman from "gearman";
import { drive, task } from "./harness.mjs";

const asked = task();
const { job, port, size, function: name } = asked;
const workload = Buffer.alloc(size, "x");
/** @type {(() => void)[]} */
const waiting = [];
let first = 0;
const called = () => waiting[first++]?.();

const client = gearman("127.0.0.1", port);
await new Promise((resolve) => client.connect(() => resolve(undefined)));
if (job === "background") client.on("JOB_CREATED", called);
if (job === "foreground") client.on("WORK_COMPLETE", called);
if (job === "status") client.on("STATUS_RES", called);

await drive(asked, {
  background(done) {
    waiting.push(done);
    client.submitJob(name, workload, { background: true });
  },
  foreground(done) {
    waiting.push(done);
    client.submitJob(name, workload);
  },
  async status() {
    client.submitJob("waiting", workload, { background: true });
    const handle = await new Promise((resolve) => client.on("JOB_CREATED", resolve));
    return (done) => {
      waiting.push(done);
      client.getJobStatus(handle);
    };
  },
  // As its README has it.
  worker(done) {
    client.on("JOB_ASSIGN", (/** @type {{ handle: string, payload: Buffer }} */ given) => {
      done();
      client.sendWorkComplete(given.handle, given.payload);
      client.preSleep();
    });
    client.on("NOOP", () => client.grabJob());
    client.addFunction(name);
    client.preSleep();
  },
});
