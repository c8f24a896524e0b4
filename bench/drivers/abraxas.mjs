/** npm: abraxas. */
import abraxas from "abraxas";
import { drive, task } from "./harness.mjs";

const asked = task();
const { port, size, grabs, function: name } = asked;
const workload = Buffer.alloc(size, "x");
const client = abraxas.Client.connect({ host: "127.0.0.1", port, maxJobs: grabs });
// Its connection keeps no process alive.
setInterval(() => {}, 1_000);
await new Promise((resolve) => client.once("connect", resolve));

const settled = (/** @type {() => void} */ done) => (/** @type {Error | undefined} */ error) => {
  if (error) throw error;
  done();
};

await drive(asked, {
  background: (done) => client.submitJobBg(name, {}, workload, settled(done)),
  foreground: (done) => client.submitJob(name, {}, workload, settled(done)),
  async status() {
    // It can't ask for the same job twice at once.
    const submit = () =>
      new Promise((resolve, reject) =>
        client.submitJobBg("waiting", {}, workload, (/** @type {Error} */ error, /** @type {string} */ handle) =>
          error ? reject(error) : resolve(handle),
        ),
      );
    const handles = await Promise.all(Array.from({ length: asked.window }, submit));
    return (done) => {
      const handle = handles.pop();
      const answered = () => {
        handles.push(handle);
        done();
      };
      client.getStatus(handle, settled(answered));
    };
  },
  worker: (done) =>
    client.registerWorker(name, (/** @type {{ payload: Buffer }} */ given) => {
      done();
      return given.payload;
    }),
});
