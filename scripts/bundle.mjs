/**
 * Bundles what package.json names: each entry of build/src takes in the modules that it is made of, and what several of
 * them share goes to build/src/chunks, so that there is one copy of each class. A module costs a runtime about half a
 * millisecond before its first line runs, and the library has some 75. The modules themselves stay where tsc has put
 * them, for tests that look inside, and are not shipped.
 */

import { existsSync, readFileSync, rmSync } from "node:fs";
import path from "node:path";
import { rolldown } from "rolldown";

const { exports, bin, imports, dependencies, peerDependencies } = JSON.parse(readFileSync("package.json", "utf8"));

/** `exports`, `bin`, and both modules that `#platform` may be: each file of build/src that package.json names. */
const ENTRIES = [...JSON.stringify([exports, bin, imports]).matchAll(/build\/src\/([^"]+)\.js"/g)].map(
  ([, name]) => name,
);

/** What the library itself starts as a process, or a thread. */
ENTRIES.push("pool/child");

/** What is there when it runs. `#platform` is chosen then, too, or by whoever bundles the program. */
const EXTERNAL = [
  ...[/^#/, /^(node|cloudflare|bun):/, /\.wasm$/],
  ...Object.keys({ ...dependencies, ...peerDependencies }).map((name) => new RegExp(`^${name}($|/)`)),
];

/**
 * The chunks are the rows of the house, from the ground up: a program loads what it uses, and bundlers drop the rest.
 * A chunk takes along what its files import, unless that is another's before it. src/index.ts has nothing of its own.
 */
const CHUNKS = {
  platform: /\/platform\//,
  connection: /\/(assembly|codec|connection)\/|\/config\/machinery\.js$|\/src\/(?!index\.js)[^/]+$/,
  client: /\/client\//,
  admin: /\/admin\//,
  worker: /\/worker\/|\/src\/index\.js$/,
  server: /\/server\//,
  // What a worker's process shares with its pool, and with all who read configurations: it is to start fast, and needs
  // nothing of the rest.
  config: /\/config\/(index|plan|metrics)\.js$/,
  assignment: /\/pool\/assignment\.js$/,
  pool: /^\/src\/pool\/(?!(index|child)\.js)/,
  outbox: /\/src\/outbox\//,
};

/** Leads from the bundle through tsc's maps to src/. */
const THROUGH_MAPS = {
  name: "through maps",
  load(id) {
    const map = `${id}.map`;
    return existsSync(map) ? { code: readFileSync(id, "utf8"), map: readFileSync(map, "utf8") } : undefined;
  },
};

/** Run in the folder of package.json, after tsc. */
export async function bundleEntries() {
  const modules = path.resolve("build");
  const build = await rolldown({
    input: Object.fromEntries(ENTRIES.map((name) => [name, `build/src/${name}.js`])),
    external: EXTERNAL,
    plugins: [THROUGH_MAPS],
  });
  const { output } = await build.write({
    dir: "build/src",
    format: "esm",
    sourcemap: true,
    entryFileNames: "[name].js",
    chunkFileNames: "chunks/[name].js",
    codeSplitting: {
      groups: Object.entries(CHUNKS).map(([name, files], index, { length }) => ({
        name,
        debugName: name,
        test: (id) => files.test(`/${path.relative(modules, id).replaceAll(path.sep, "/")}`),
        minShareCount: 2,
        priority: length - index,
      })),
    },
  });
  await build.close();
  // An entry that only passes on what chunks have has nothing to map: tsc's map of it would be wrong.
  for (const { fileName, map } of output) if (!map) rmSync(`build/src/${fileName}.map`, { force: true });
}
