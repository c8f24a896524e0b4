import { copyFile } from "node:fs/promises";
import path from "node:path";
import * as esbuild from "esbuild";
import { rolldown } from "rolldown";
import { build as vite } from "vite";
import webpack from "webpack";

/** What a bundle is to run on. */
export type Target = "node" | "workerd";

/** What a bundler is asked for: one file, `out/bundle.mjs`. */
export interface Job {
  readonly entry: string;
  readonly out: string;
  readonly target: Target;
}

/** The conditions of package.json that hold on workerd. */
export const WORKERD = ["workerd", "worker", "browser"];

/** What every bundler leaves alone: workerd's own modules, Node's, and the codec, which lies beside the bundle. */
const BUILTIN = /^(cloudflare:|node:)/;
const CODEC = "./codec.wasm";

/** Every bundler, with the least that it must be told. */
export const bundlers: Readonly<Record<string, (job: Job) => Promise<unknown>>> = {
  esbuild: ({ entry, out, target }) =>
    esbuild.build({
      entryPoints: [entry],
      outfile: path.join(out, "bundle.mjs"),
      bundle: true,
      format: "esm",
      logLevel: "silent",
      ...(target === "node"
        ? { platform: "node" }
        : { conditions: WORKERD, external: ["cloudflare:*"], plugins: [{ name: "codec", setup: besides }] }),
    }),

  rolldown: async ({ entry, out, target }) => {
    const bundle = await rolldown({
      input: entry,
      ...(target === "node"
        ? { platform: "node" }
        : { resolve: { conditionNames: [...WORKERD, "import"] }, external: BUILTIN, plugins: [CODEC_PLUGIN] }),
    });
    await bundle.write({ file: path.join(out, "bundle.mjs"), format: "esm" });
    await bundle.close();
  },

  vite: ({ entry, out, target }) =>
    vite({
      configFile: false,
      logLevel: "error",
      root: path.dirname(entry),
      ssr: { noExternal: true, ...(target === "workerd" && { target: "webworker", resolve: { conditions: WORKERD } }) },
      plugins: target === "workerd" ? [CODEC_PLUGIN] : [],
      build: {
        ssr: entry,
        outDir: out,
        rollupOptions: { external: BUILTIN, output: { entryFileNames: "bundle.mjs" } },
      },
    }),

  webpack: ({ entry, out, target }) =>
    new Promise<void>((resolve, reject) => {
      const options: webpack.Configuration = {
        mode: "production",
        entry,
        output: { path: out, filename: "bundle.mjs", module: true, library: { type: "module" }, chunkFormat: "module" },
        experiments: { outputModule: true },
        externalsType: "module",
        ...(target === "node"
          ? { target: "node20" }
          : {
              target: "es2022",
              resolve: { conditionNames: [...WORKERD, "import"] },
              externals: [/^cloudflare:/, ({ request }, done) => (isCodec(request) ? done(undefined, CODEC) : done())],
            }),
      };
      webpack(options, (error, stats) => {
        if (error || stats?.hasErrors()) reject(error ?? new Error(stats?.toString("errors-only")));
        else resolve();
      });
    }),
};

/** Bundles, and puts the codec beside what came out, where workerd is to find it. */
export async function bundle(name: string, job: Job, codec: string): Promise<string> {
  await bundlers[name]?.(job);
  if (job.target === "workerd") await copyFile(codec, path.join(job.out, CODEC));
  return path.join(job.out, "bundle.mjs");
}

const CODEC_PLUGIN = {
  name: "codec",
  enforce: "pre" as const,
  resolveId: (source: string) => (isCodec(source) ? { id: CODEC, external: true } : undefined),
};

function besides(build: esbuild.PluginBuild): void {
  build.onResolve({ filter: /\.wasm$/ }, () => ({ path: CODEC, external: true }));
}

function isCodec(request: string | undefined): boolean {
  return request?.endsWith("/codec.wasm") === true;
}
