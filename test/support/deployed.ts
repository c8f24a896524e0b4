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
  /** Has its cron trigger fire; resolves with what came of it when that is over. */
  cron(): Promise<string>;
}

type WorkerConfig = MiniflareOptions["workers"][number]["config"];

/** What wrangler.toml would set besides [vars]. */
export interface RunOptions {
  env?: NonNullable<WorkerConfig["env"]>;
  triggers?: NonNullable<WorkerConfig["triggers"]>;
  /** The Durable Objects that it exports, by the names of their bindings. */
  objects?: Record<string, string>;
  /** The Internet: what `fetch` of the Worker reaches. Default: the real one. */
  internet?: (request: MiniflareRequest) => Promise<MiniflareResponse>;
}

export interface DeployOptions extends RunOptions {
  /** Default: the one of wrangler.toml. */
  script?: string;
}

type Vars = Record<string, string | number | readonly string[]>;

/** What was built, by script: the sources stay as they are while tests run. */
const built = new Map<string | undefined, Promise<Modules>>();

/** Builds a Worker and runs what came out. `vars` are what [vars] and secrets would set. */
export async function deploy(vars: Vars, { script, ...options }: DeployOptions = {}): Promise<Deployed> {
  const modules = built.get(script) ?? buildAside(script);
  built.set(script, modules);
  return runModules(await modules, vars, options);
}

async function buildAside(script: string | undefined): Promise<Modules> {
  const folder = await mkdtemp(path.join(tmpdir(), "edgear-deploy-"));
  try {
    return await build(folder, script);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Runs a Worker that is built. */
export async function runModules(
  modules: Modules,
  vars: Vars,
  { env, triggers, objects = {}, internet }: RunOptions = {},
): Promise<Deployed> {
  const json = Object.entries({ GEARMAN_TOKENS: TOKENS, ...vars }).map(([name, value]) => [
    name,
    { type: "json" as const, value: value as string },
  ]);
  const bindings = Object.entries(objects).map(([binding, exportName]) => [
    binding,
    { type: "durable-object" as const, worker: "deployed", exportName },
  ]);
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
          exports: Object.fromEntries(
            Object.values(objects).map((name) => [name, { type: "durable-object", storage: "sqlite" }]),
          ),
          env: { ...Object.fromEntries(json), ...Object.fromEntries(bindings), ...env },
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
    async cron() {
      const worker = (await miniflare.getWorker()) as unknown as {
        scheduled(options: { cron: string }): Promise<{ outcome: string }>;
      };
      const { outcome } = await worker.scheduled({ cron: "* * * * *" });
      return outcome;
    },
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

/** What wrangler.toml asks for. */
async function compatibility(): Promise<{ compatibilityDate: string; compatibilityFlags: string[] }> {
  const config = await readFile(path.join(root, "wrangler.toml"), "utf8");
  const date = /^compatibility_date = "(.+)"$/m.exec(config)?.[1];
  if (!date) throw new Error("wrangler.toml has no compatibility_date");
  const flags = /^compatibility_flags = (\[.*\])$/m.exec(config)?.[1] ?? "[]";
  return { compatibilityDate: date, compatibilityFlags: JSON.parse(flags) };
}
