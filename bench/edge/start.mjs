/**
 * How long workerd takes to evaluate a bundled Worker: a request of a running one imports it, and one that imports an
 * empty module is subtracted. The runtime's own clock stands still meanwhile.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build, runModules } from "../../test/support/deployed.ts";
import { median } from "../lib/results.mjs";

/**
 * @param {string | undefined} script default: the one of wrangler.toml
 * @param {number} rounds
 */
export async function start(script, rounds) {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-startup-"));
  const { main, all } = await build(folder, script);
  await rm(folder, { recursive: true });
  /** @type {import("../../test/support/deployed.ts").Modules} */
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
  for (let round = 0; round < rounds; round++) {
    await using worker = await runModules(modules, {});
    // The connection, and the handler, are warm.
    for (let request = 0; request < 5; request++) await timed(worker, "/");
    const empty = await timed(worker, "/empty");
    times.push((await timed(worker, "/worker")) - empty);
  }
  return median(times);
}

/**
 * @param {import("../../test/support/deployed.ts").Deployed} worker
 * @param {string} where
 */
async function timed(worker, where) {
  const begin = performance.now();
  await (await worker.fetch(where)).text();
  return performance.now() - begin;
}
