import { readFile, rm } from "node:fs/promises";
import path from "node:path";
import { loadConfig } from "edgear/config";
import { build } from "esbuild";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { writeExamples } from "../docs/examples.ts";
import { makeCertificates } from "../support/certificates.ts";
import { edgear } from "../support/cli.ts";
import { command } from "../support/command.ts";
import { Folder } from "./folder.ts";

const env = { EDGEAR_CONFIG: "", EDGEAR_ENV: "", NODE_ENV: "" };
let folder: Folder;

beforeAll(async () => {
  folder = await Folder.make();
  const written = await writeExamples("configuration.md", folder.path, inject("servers")[0]?.address ?? "");
  expect(written).toEqual(["edgear.config.ts", "text.ts", "program.ts", "edgear.config.yaml"]);
  // A certificate is needed to be read: any will do.
  await folder.write("tls/ca.pem", (await makeCertificates()).ca);
});

afterAll(() => folder?.[Symbol.asyncDispose]());

test("the program of docs/configuration.md does what it says", async () => {
  const { code, stdout, stderr } = await command(process.execPath, ["program.ts"], { cwd: folder.path, env });
  expect({ code, stdout, stderr }).toEqual({ code: 0, stdout: "!raegdE ,olleH\n", stderr: "" });
});

test("its YAML says the same of the functions", async () => {
  const yaml = await loadConfig({ file: folder.at("edgear.config.yaml"), environment: "none" });
  const typescript = await loadConfig({ file: folder.at("edgear.config.ts"), environment: "none" });
  expect(yaml.groups.text?.functions).toEqual(typescript.groups.text?.functions);
  expect(typescript.groups.text?.functions.shout).toEqual({
    ...{ file: folder.at("text.ts"), name: "shout" },
    ...{ timeout: 30_000, retry: { attempts: 3 }, priority: 1 },
  });
});

test("the mistakes of it are said as it says", async () => {
  await folder.write(
    "wrong/edgear.config.yaml",
    `
groups:
  text:
    concurrency: many
    functions: { shout: { handler: ./text.ts, timout: 3s } }
$production: { connections: { default: jobs1 jobs2 } }
`,
  );
  const { code, stderr } = await edgear(["ping"], {
    cwd: folder.at("wrong"),
    env: { ...env, EDGEAR_CONFIG: undefined },
  });
  const page = await readFile(new URL("../../docs/configuration.md", import.meta.url), "utf8");
  const said = /```text\n(edgear: [^`]*)```/.exec(page)?.[1] ?? "";
  expect(stderr.split("\n").sort()).toEqual(said.replace("/srv/app", folder.at("wrong")).split("\n").sort());
  expect(code).toBe(2);
});

test("a bundle doesn't take along what reads configurations, and says so where it is missed", async () => {
  const alone = await Folder.make();
  try {
    await rm(alone.at("node_modules"), { recursive: true });
    const outfile = alone.at("bundle.mjs");
    const contents = `
      import { Client } from "edgear";
      const error = await Client.for("local").catch((error) => error);
      process.stdout.write(error.name + ": " + error.message);`;
    const { warnings, metafile } = await build({
      ...{ stdin: { contents, resolveDir: folder.path }, outfile, metafile: true, logLevel: "silent" },
      ...{ bundle: true, platform: "node", format: "esm" },
    });
    expect(warnings).toEqual([]);
    const packages = Object.keys(metafile.inputs).filter((file) => /node_modules\/(zod|yaml|jiti)\//.test(file));
    expect(packages).toEqual([]);
    const { stdout } = await command(process.execPath, [path.basename(outfile)], { cwd: alone.path });
    expect(stdout).toMatch(
      /^ConfigError: edgear\/config could not be loaded, .*a bundled program must import it itself/,
    );
  } finally {
    await alone[Symbol.asyncDispose]();
  }
});
