import { readFile } from "node:fs/promises";
import path from "node:path";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { expect, test } from "vitest";
import { root } from "../runtimes/installed.ts";
import { WORKERD } from "./bundlers.ts";

/** Bytes, gzipped, codec included. What is in it, and what would make it less: docs/cloudflare-hub.md. */
const BUDGET = 25_000;

/** What submits, and does nothing else. */
const SUBMIT_ONLY = `
  import { Client } from "edgear";
  export default {
    async fetch(request, env, context) {
      const client = new Client(env.GEARMAN_SERVERS);
      context.waitUntil(client.close());
      return Response.json(await client.background("resize", await request.text()));
    },
  };`;

/** What is left of a program for workerd, minified, with what each of its files takes. */
async function minified(contents: string): Promise<{ code: Uint8Array; inputs: Record<string, number> }> {
  const { outputFiles, metafile } = await build({
    ...{ stdin: { contents, resolveDir: root }, outdir: "/", write: false, metafile: true, logLevel: "silent" },
    ...{ bundle: true, minify: true, format: "esm", target: "es2024" },
    ...{ conditions: WORKERD, external: ["cloudflare:*", "*.wasm"] },
  });
  const [output] = Object.values(metafile.outputs);
  const inputs = Object.entries(output?.inputs ?? {}).map(([file, { bytesInOutput }]) => [file, bytesInOutput]);
  return { code: outputFiles[0]?.contents ?? new Uint8Array(), inputs: Object.fromEntries(inputs) };
}

test("a Worker that only submits keeps to its budget, codec and all", async () => {
  const { code } = await minified(SUBMIT_ONLY);
  const codec = await readFile(path.join(root, "build/codec.wasm"));
  const size = gzipSync(code, { level: 9 }).length + gzipSync(codec, { level: 9 }).length;
  expect(size).toBeLessThanOrEqual(BUDGET);
});

test("and has nothing of the worker, the administration, the server or the hub in it", async () => {
  const { inputs } = await minified(SUBMIT_ONLY);
  const foreign = Object.entries(inputs).filter(
    ([file, bytes]) => bytes > 0 && /build\/src\/(chunks\/)?(worker|admin|server|cloudflare|cli)\b/.test(file),
  );
  expect(foreign).toEqual([]);
});

test("an import that is not used leaves nothing", async () => {
  for (const name of [
    ...["edgear", "edgear/cloudflare", "edgear/otel", "edgear/server", "edgear/codec"],
    ...["edgear/scheduler/sqlite", "edgear/scheduler/redis", "edgear/scheduler/cloudflare"],
  ]) {
    const { code } = await minified(`import * as all from "${name}"; export default 1;`);
    expect(Buffer.from(code).toString(), name).toMatch(
      /^(var \w=1;)?export\s?\{\w as default\};\n$|^export default 1;\n$/,
    );
  }
});
