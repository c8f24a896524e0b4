import assert from "node:assert/strict";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, test } from "vitest";
import { type Runtime, root, runtimes } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { startEnvironment } from "./environment.ts";
import { options } from "./options.ts";

let environment: Awaited<ReturnType<typeof startEnvironment>>;
let folder: string;

beforeAll(async () => {
  environment = await startEnvironment();
  folder = await mkdtemp(path.join(tmpdir(), "edgear-tls-"));
  await writeFile(path.join(folder, "ca.pem"), environment.certificates.ca);
  await build({
    entryPoints: [path.join(root, "test/tls/run-cases.ts")],
    outfile: path.join(folder, "cases.mjs"),
    bundle: true,
    format: "esm",
    platform: "node",
    // Node 20 doesn't know `await using` yet.
    target: "node20",
    logLevel: "silent",
  });
}, 30_000);

afterAll(async () => {
  await environment?.[Symbol.asyncDispose]();
  if (folder) await rm(folder, { recursive: true });
});

/** Runs the cases whose names have a word in them. @returns the last line, when none has failed */
async function passed({ program, args }: Pick<Runtime, "program" | "args">, only = ""): Promise<string> {
  const ca = path.join(folder, "ca.pem");
  const { certificates, ports } = environment;
  const { code, stdout, stderr } = await command(
    program,
    // Certificates are for names, too.
    [
      ...args.map((arg) => arg.replace(/^--allow-net=.*/, "$&,localhost")),
      "cases.mjs",
      JSON.stringify({ certificates, ports }),
      only,
    ],
    // An authority that the runtime trusts, besides those it comes with.
    { cwd: folder, timeout: 90_000, env: { NODE_EXTRA_CA_CERTS: ca, DENO_CERT: ca } },
  );
  assert.equal(code, 0, stdout + stderr);
  return stdout.trim().split("\n").at(-1) ?? "";
}

test.each(runtimes)("TLS on $name", { timeout: 100_000 }, async (runtime) => {
  assert.match(await passed(runtime), /^\d{2,} passed, 0 failed$/);
});

test("a Node that has no process.getBuiltinModule yet (before 20.16) reads certificates all the same", async () => {
  const args = ["--import", "data:text/javascript,delete process.getBuiltinModule"];
  const line = await passed({ program: process.execPath, args }, "refused in words");
  assert.equal(line, `${options.length} passed, 0 failed`);
});
