/** The plain JavaScript client of bench/plain. */
import { PlainClient } from "../plain/client.mjs";
import { plainWorker } from "../plain/worker.mjs";
import { drive, task } from "./harness.mjs";

const asked = task();
const { job, port, size, grabs, function: name } = asked;
const workload = new Uint8Array(size).fill(0x78);
const client = job === "worker" ? undefined : await PlainClient.connect(port);

const settled = (/** @type {() => void} */ done) => (/** @type {Error | undefined} */ error) => {
  if (error) throw error;
  done();
};

await drive(asked, {
  background: (done) => client?.background(name, workload, settled(done)),
  foreground: (done) => client?.foreground(name, workload, settled(done)),
  async status() {
    const handle = await new Promise((resolve) =>
      client?.background("waiting", workload, (_, handle) => resolve(String(handle))),
    );
    return (done) => client?.status(handle, settled(done));
  },
  worker: (done) =>
    plainWorker(port, name, grabs, (given) => {
      done();
      return given;
    }),
});
