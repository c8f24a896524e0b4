/**
 * How long workerd takes to evaluate a bundled Worker: a request of a running one imports it, and one that imports an
 * empty module is subtracted. The runtime's own clock stands still meanwhile. Run `node bench/startup.mjs`.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build, runModules } from "../test/support/deployed.ts";

const ROUNDS = 15;

const folder = await mkdtemp(path.join(tmpdir(), "edgear-startup-"));
const { main, all } = await build(folder, "bench/edge/worker.js");
await rm(folder, { recursive: true });
/** @type {import("../test/support/deployed.ts").Modules} */
const modules = {
  main: "entry.js",
  all: {
    ...all,
    "empty.js": { type: "esm", contents: "export default 1;" },
    "entry.js": {
      type: "esm",
      contents: `const start = { "/empty": () => import("./empty.js"), "/worker": () => import("./${main}") };
        export default { async fetch(request) {
          await start[new URL(request.url).pathname]?.();
          return new Response("ok");
        } }`,
    },
  },
};

const times = [];
for (let round = 0; round < ROUNDS; round++) {
  await using worker = await runModules(modules, {});
  // The connection, and the handler, are warm.
  for (let request = 0; request < 5; request++) await timed(worker, "/");
  const empty = await timed(worker, "/empty");
  times.push((await timed(worker, "/worker")) - empty);
}
times.sort((one, other) => one - other);
const [least, median, most] = [times[0], times[ROUNDS >> 1], times.at(-1)].map((time) => time?.toFixed(1));
console.log(`start-up of a Worker with a client and a hub: ${median} ms (median of ${ROUNDS}; ${least} to ${most})`);

/**
 * @param {import("../test/support/deployed.ts").Deployed} worker
 * @param {string} where
 */
async function timed(worker, where) {
  const begin = performance.now();
  await (await worker.fetch(where)).text();
  return performance.now() - begin;
}
