import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { obstacles } from "../../scripts/publish.mjs";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { manifestOf } from "./manifest.ts";

let folder = "";

const write = (name: string, text: string) => writeFileSync(path.join(folder, name), text);
const git = (...args: string[]) =>
  execFileSync("git", ["-c", "user.name=a", "-c", "user.email=a@localhost", "-c", "commit.gpgsign=false", ...args], {
    cwd: folder,
    stdio: "pipe",
  });
const manifest = (more: object = {}) =>
  JSON.stringify({
    name: "x",
    version: "1.2.3",
    repository: "github:x/x",
    publishConfig: { provenance: true },
    ...more,
  });

beforeEach(() => {
  folder = mkdtempSync(path.join(tmpdir(), "edgear-publish-"));
  write("package.json", manifest());
  write("CHANGELOG.md", "# Changelog\n\n## Unreleased\n\n## 1.2.3\n\n- All of it.\n");
  git("init", "--quiet");
  git("add", ".");
  git("commit", "--quiet", "--message=all");
  git("tag", "v1.2.3");
});

afterEach(() => rmSync(folder, { recursive: true, force: true }));

test("a commit that is what its version says can be published", () => {
  expect(obstacles(folder)).toEqual([]);
});

test.each([
  ["a change that is not committed", "changes that are not committed", () => write("package.json", `${manifest()} `)],
  ["a file that git doesn't know", "changes that are not committed", () => write("more", "")],
  ["no tag", "no tag v1.2.3", () => git("tag", "--delete", "v1.2.3")],
  ["a tag elsewhere", "no tag v1.2.3", () => git("commit", "--quiet", "--allow-empty", "--message=more")],
  ["another version", "no tag v1.2.4", () => write("package.json", manifest({ version: "1.2.4" }))],
  ["a version that the changelog lacks", "no section 1.2.3", () => write("CHANGELOG.md", "## 1.2.30\n\n1.2.3\n")],
  ["no repository", "names no repository", () => write("package.json", manifest({ repository: undefined }))],
  ["no provenance", "doesn't ask for provenance", () => write("package.json", manifest({ publishConfig: {} }))],
])("%s keeps it from being published", (_name, words, spoil) => {
  spoil();
  assert.ok(
    obstacles(folder).some((obstacle) => obstacle.includes(words)),
    obstacles(folder).join("; "),
  );
});

/** Publishes for nobody: the registry is an address where nothing listens. */
const released = async (ci: string, ...args: string[]) => {
  mkdirSync(path.join(folder, ".ci"));
  write(".ci/run", `#!/bin/sh\n${ci}\n`);
  chmodSync(path.join(folder, ".ci/run"), 0o755);
  mkdirSync(path.join(folder, "scripts"));
  copyFileSync(path.join(root, "scripts/publish.mjs"), path.join(folder, "scripts/publish.mjs"));
  git("add", ".");
  git("commit", "--quiet", "--message=CI");
  git("tag", "--force", "v1.2.3");
  return command(process.execPath, ["scripts/publish.mjs", ...args], {
    cwd: folder,
    timeout: 60_000,
    env: { npm_config_registry: "http://127.0.0.1:9", npm_config_fetch_retries: "0", npm_config_provenance: "false" },
  });
};

test("nothing is published when the checks fail", async () => {
  const { code, stdout, stderr } = await released("echo 5 passed, 1 failed; exit 1");
  assert.equal(code, 1);
  assert.match(stdout, /^5 passed, 1 failed$/m);
  assert.match(stderr, /^nothing is published: \.ci\/run has failed$/m);
  assert.doesNotMatch(stderr, /npm/);
});

test("nothing is published when the checks have changed something", async () => {
  const { code, stderr } = await released("touch left-behind");
  assert.equal(code, 1);
  assert.match(stderr, /^since \.ci\/run, there are changes that are not committed$/m);
  assert.doesNotMatch(stderr, /npm/);
});

test("what has passed the checks goes to npm", async () => {
  const { code, stderr } = await released("echo 5 passed, 0 failed", "--dry-run");
  assert.equal(code, 0, stderr);
  assert.match(stderr, /x@1\.2\.3/);
});

test("npm publish --dry-run takes the package, public, with what it needs and no more", {
  timeout: 90_000,
}, async () => {
  const { publishConfig, version } = await manifestOf();
  assert.deepEqual(publishConfig, { access: "public", provenance: true });
  // The build is there, and is not made again under the other tests.
  const args = ["publish", "--dry-run", "--json", "--ignore-scripts", "--fetch-retries=0", "--fetch-timeout=20000"];
  const { code, stdout, stderr } = await command("npm", args, { cwd: root, timeout: 80_000 });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /public access \(dry-run\)/);
  const { edgear } = JSON.parse(stdout);
  assert.equal(edgear.version, version);
  const files = edgear.files.map((file: { path: string }) => file.path) as string[];
  for (const needed of [
    "LICENSE",
    "README.md",
    "CHANGELOG.md",
    "build/src/index.js",
    "build/codec.wasm",
    "docs/security.md",
  ])
    assert.ok(files.includes(needed), needed);
  assert.deepEqual(
    files.filter((file) => !/^(build|src|assembly|docs)\/|^[A-Z]+(\.md)?$|^package\.json$/.test(file)),
    [],
  );
  assert.deepEqual(
    files.filter((file) => /\.jsonl$|\.test\.|^\.|\.env|\.tgz$/.test(file)),
    [],
  );
});
