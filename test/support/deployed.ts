import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import {
  Log,
  LogLevel,
  Miniflare,
  type MiniflareOptions,
  type Request as MiniflareRequest,
  type Response as MiniflareResponse,
} from "miniflare";
import { command } from "./command.ts";
import { TOKEN, TOKENS } from "./tokens.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));

/** A Cloudflare Worker, built as `wrangler deploy` builds it, running in workerd. */
export interface Deployed extends AsyncDisposable {
  /** Where it listens: `http://127.0.0.1:<port>`. */
  readonly origin: string;
  /** Asks it, by the token for everything unless `init` has another. */
  fetch(path: string, init?: RequestInit): Promise<Response>;
  /** Sends messages to a queue that `env` binds. */
  send(binding: string, bodies: readonly unknown[]): Promise<void>;
}

type WorkerConfig = MiniflareOptions["workers"][number]["config"];

/** What wrangler.toml would set besides [vars]. */
export interface DeployOptions {
  /** Default: the one of wrangler.toml. */
  script?: string;
  env?: NonNullable<WorkerConfig["env"]>;
  triggers?: NonNullable<WorkerConfig["triggers"]>;
  /** The Internet: what `fetch` of the Worker reaches. Default: the real one. */
  internet?: (request: MiniflareRequest) => Promise<MiniflareResponse>;
}

/** Builds a Worker and runs what came out. `vars` are what [vars] and secrets would set. */
export async function deploy(
  vars: Record<string, string | number | readonly string[]>,
  { script, env, triggers, internet }: DeployOptions = {},
): Promise<Deployed> {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-deploy-"));
  try {
    const modules = await build(folder, script);
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
            ...(await compatibility()),
            manifest: { mainModule: modules.main, modules: modules.all },
            env: {
              ...Object.fromEntries(
                Object.entries({ GEARMAN_TOKENS: TOKENS, ...vars }).map(([name, value]) => [
                  name,
                  { type: "json" as const, value: value as string },
                ]),
              ),
              ...env,
            },
            ...(triggers && { triggers }),
          },
          ...(internet && { dev: { outboundService: { type: "fetcher" as const, handler: internet } } }),
        },
      ],
    });
    const origin = await miniflare.ready;
    return {
      origin: origin.origin,
      fetch(path, init) {
        const headers = new Headers(init?.headers);
        if (!headers.has("authorization")) headers.set("authorization", `Bearer ${TOKEN}`);
        return fetch(new URL(path, origin), { ...init, headers });
      },
      async send(binding, bodies) {
        const queue = await miniflare.getQueueProducer(binding);
        for (const body of bodies) await queue.send(body);
      },
      [Symbol.asyncDispose]: () => miniflare.dispose(),
    };
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

type Module = { type: "esm"; contents: string } | { type: "wasm"; contents: Uint8Array<ArrayBuffer> };

async function build(folder: string, script?: string): Promise<{ main: string; all: Record<string, Module> }> {
  const wrangler = path.join(root, "node_modules/wrangler/bin/wrangler.js");
  const args = ["deploy", ...(script ? [script] : []), "--dry-run", "--outdir", folder];
  const { code, stdout, stderr } = await command(process.execPath, [wrangler, ...args], {
    cwd: root,
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

/** What wrangler.toml asks for. */
async function compatibility(): Promise<{ compatibilityDate: string; compatibilityFlags: string[] }> {
  const config = await readFile(path.join(root, "wrangler.toml"), "utf8");
  const date = /^compatibility_date = "(.+)"$/m.exec(config)?.[1];
  if (!date) throw new Error("wrangler.toml has no compatibility_date");
  const flags = /^compatibility_flags = (\[.*\])$/m.exec(config)?.[1] ?? "[]";
  return { compatibilityDate: date, compatibilityFlags: JSON.parse(flags) };
}
