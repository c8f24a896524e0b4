/** The plain JavaScript client of bench/plain. */
import { PlainClient } from "../plain/client.mjs";
import { plainWorker } from "../plain/worker.mjs";
import { drive, functionNames, inTurn, task } from "./harness.mjs";

const asked = task();
const { job, port, size, grabs, function: name } = asked;
const workload = new Uint8Array(size).fill(0x78);
/** @type {PlainClient[]} */
const clients = [];
while (job !== "worker" && clients.length < asked.connections) clients.push(await PlainClient.connect(port));
const next = inTurn(clients);
const nextName = inTurn(functionNames(asked));

const settled = (/** @type {() => void} */ done) => (/** @type {Error | undefined} */ error) => {
  if (error) throw error;
  done();
};

await drive(asked, {
  background: (done) => next().background(nextName(), workload, settled(done)),
  foreground: (done) => next().foreground(nextName(), workload, settled(done)),
  async status() {
    const client = next();
    const handle = await new Promise((resolve) =>
      client.background("waiting", workload, (_, handle) => resolve(String(handle))),
    );
    return (done) => client.status(handle, settled(done));
  },
  worker: (done) =>
    plainWorker(port, name, grabs, (given) => {
      done();
      return given;
    }),
});
