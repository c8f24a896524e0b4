import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { checkPackage, createPackageFromTarballData } from "@arethetypeswrong/core";
import { publint } from "publint";
import { formatMessage } from "publint/utils";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type Installation, install } from "../runtimes/installed.ts";

let installation: Installation;
let tarball: Uint8Array;

beforeAll(async () => {
  installation = await install();
  const files = await readdir(installation.folder);
  const name = files.find((file) => /^edgear-.*\.tgz$/.test(file)) ?? "";
  tarball = await readFile(path.join(installation.folder, name));
}, 120_000);

afterAll(() => installation?.[Symbol.asyncDispose]());

test("publint finds nothing in the package as it is packed", async () => {
  const { buffer, byteOffset, byteLength } = tarball;
  const { messages, pkg } = await publint({
    pack: { tarball: (buffer as ArrayBuffer).slice(byteOffset, byteOffset + byteLength) },
    strict: true,
  });
  expect(messages.map((message) => formatMessage(message, pkg))).toEqual([]);
});

test("are the types wrong? finds nothing, but that CommonJS can't require what is ESM only", {
  timeout: 120_000,
}, async () => {
  const analysis = await checkPackage(createPackageFromTarballData(tarball), { excludeEntrypoints: ["./codec.wasm"] });
  if (!analysis.types) throw new Error("the package has no types");
  expect(Object.keys(analysis.entrypoints)).toEqual(
    expect.arrayContaining([".", "./cloudflare", "./server", "./codec", "./scheduler", "./scheduler/redis"]),
  );
  const problems = analysis.problems.filter(
    (problem) =>
      // The profile "esm-only" of its command line, and the resolution of TypeScript before 4.7, which knows no exports.
      problem.kind !== "CJSResolvesToESM" &&
      !(
        "resolutionKind" in problem &&
        (problem.resolutionKind === "node10" || problem.resolutionKind === "node16-cjs")
      ),
  );
  expect(problems).toEqual([]);
});
