import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Log, LogLevel, Miniflare } from "miniflare";
import { command } from "./command.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A Cloudflare Worker, built as `wrangler deploy` builds it, running in workerd. */
export interface Deployed extends AsyncDisposable {
  readonly origin: string;
  fetch(path: string, init?: RequestInit): Promise<Response>;
}

/**
 * Builds a Worker (default: the one of wrangler.toml) and runs what came out. `vars` are what [vars] would set, `objects`
 * the Durable Objects that it exports, by the names of their bindings.
 */
export async function deploy(
  vars: Record<string, string | number>,
  script?: string,
  objects: Record<string, string> = {},
): Promise<Deployed> {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-deploy-"));
  try {
    return await runModules(await build(folder, script), vars, objects);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a Worker that is built. */
export async function runModules(
  modules: Modules,
  vars: Record<string, string | number>,
  objects: Record<string, string> = {},
): Promise<Deployed> {
  const miniflare = new Miniflare({
    log: new Log(LogLevel.NONE),
    handleStructuredLogs: () => {},
    // Only loopback is talked to.
    cf: false,
    host: "127.0.0.1",
    port: 0,
    workers: [
      {
        config: {
          name: "deployed",
          compatibilityDate: await compatibilityDate(),
          manifest: { mainModule: modules.main, modules: modules.all },
          exports: Object.fromEntries(
            Object.values(objects).map((exportName) => [exportName, { type: "durable-object", storage: "sqlite" }]),
          ),
          env: {
            ...Object.fromEntries(Object.entries(vars).map(([name, value]) => [name, { type: "json", value }])),
            ...Object.fromEntries(
              Object.entries(objects).map(([binding, exportName]) => [
                binding,
                { type: "durable-object", worker: "deployed", exportName },
              ]),
            ),
          },
        },
      },
    ],
  });
  const origin = await miniflare.ready;
  return {
    origin: origin.origin,
    fetch: (path, init) => fetch(new URL(path, origin), init),
    [Symbol.asyncDispose]: () => miniflare.dispose(),
  };
}

/** What a Worker is made of. */
export interface Modules {
  readonly main: string;
  readonly all: Record<string, Module>;
}

type Module = { type: "esm"; contents: string } | { type: "wasm"; contents: Uint8Array<ArrayBuffer> };

/** What `wrangler deploy` would send. */
export async function build(folder: string, script?: string, cwd = root): Promise<Modules> {
  const wrangler = path.join(root, "node_modules/wrangler/bin/wrangler.js");
  const args = ["deploy", ...(script ? [script] : []), "--dry-run", "--outdir", folder];
  const { code, stdout, stderr } = await command(process.execPath, [wrangler, ...args], {
    cwd,
    timeout: 60_000,
    env: { WRANGLER_SEND_METRICS: "false", CI: "true" },
  });
  if (code !== 0) throw new Error(`wrangler could not build the Worker:\n${stdout}${stderr}`);
  const all: Record<string, Module> = {};
  for (const file of await readdir(folder)) {
    const bytes = await readFile(path.join(folder, file));
    if (file.endsWith(".js")) all[file] = { type: "esm", contents: bytes.toString() };
    if (file.endsWith(".wasm")) all[file] = { type: "wasm", contents: new Uint8Array(bytes) };
  }
  const main = Object.keys(all).find((file) => file.endsWith(".js"));
  if (!main) throw new Error(`wrangler built no module: ${stdout}`);
  return { main, all };
}

/** The one that wrangler.toml asks for. */
async function compatibilityDate(): Promise<string> {
  const config = await readFile(path.join(root, "wrangler.toml"), "utf8");
  const date = /^compatibility_date = "(.+)"$/m.exec(config)?.[1];
  if (!date) throw new Error("wrangler.toml has no compatibility_date");
  return date;
}
