/** Edgear. Ways of `background`: "all" (`backgroundAll`), or a promise a job. */
import { Client, Worker } from "../../build/src/index.js";
import { cannot, functionNames, inTurn, lanes, measure, task, workerStopwatch } from "./harness.mjs";

const asked = task();
const { job, port, window, size, grabs, function: name, connections, way } = asked;
const server = `127.0.0.1:${port}`;
const workload = new Uint8Array(size).fill(0x78);

if (job === "worker") {
  const worker = new Worker(server, { concurrency: grabs });
  const done = workerStopwatch(asked);
  worker.add(name, (given) => {
    done();
    return given.workload.bytes;
  });
  await worker.run();
}

// A workload may have all that a packet takes; the packet has a name and a unique besides.
const options = { maxInFlight: window, maxPacketSize: Math.max(size + 4_096, 1 << 20) };
const clients = Array.from({ length: connections }, () => new Client(server, options));
// One after the other: gearmand has room for 32 that knock at once.
for (const client of clients) await client.ping();
const next = inTurn(clients);
const nextName = inTurn(functionNames(asked));

if (job === "background" && way === "all") {
  await measure(asked, async (count) => {
    for await (const _ of next().backgroundAll(name, same(count))) {
      // The handle is there: that is all that is measured.
    }
  });
} else if (job === "background") {
  await measure(asked, (count) => lanes(count, window, () => next().background(nextName(), workload)));
} else if (job === "foreground") {
  const one = () => next().run(nextName(), workload);
  await measure(asked, (count) => lanes(count, window, one), one);
} else if (job === "status") {
  const client = next();
  const { handle } = await client.background("waiting", workload);
  await measure(asked, (count) => lanes(count, window, () => client.status(handle)));
} else cannot(`no ${job}`);

/** @param {number} count */
function* same(count) {
  for (let each = 0; each < count; each++) yield workload;
}
