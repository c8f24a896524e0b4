/**
 * Publishes the package, if it is what its version says: nothing uncommitted, the version's tag on this commit, and the
 * version in CHANGELOG.md. With provenance (package.json, publishConfig), which npm gives only where a CI service vouches
 * for the build, and for the repository that package.json names.
 *
 *     npm run release -- --dry-run
 */

import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/**
 * What keeps a checkout from being published, in words.
 * @param {string} folder
 * @returns {string[]}
 */
export function obstacles(folder) {
  /** @param {string[]} args */
  const git = (...args) => spawnSync("git", args, { cwd: folder, encoding: "utf8" }).stdout.trim();
  /** @param {string} name */
  const read = (name) => readFileSync(path.join(folder, name), "utf8");
  const manifest = JSON.parse(read("package.json"));
  const tag = `v${manifest.version}`;
  const found = [];
  if (git("status", "--porcelain") !== "") found.push("there are changes that are not committed");
  if (!git("tag", "--points-at", "HEAD").split("\n").includes(tag)) found.push(`this commit has no tag ${tag}`);
  if (
    !read("CHANGELOG.md")
      .split("\n")
      .some((line) => line.match(/^## \[?([^\]\s]+)/)?.[1] === manifest.version)
  )
    found.push(`CHANGELOG.md has no section ${manifest.version}`);
  if (!manifest.repository) found.push("package.json names no repository, which provenance is about");
  if (!manifest.publishConfig?.provenance) found.push("package.json doesn't ask for provenance");
  return found;
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const dry = process.argv.includes("--dry-run");
  const found = obstacles(root);
  for (const obstacle of found) console.error(obstacle);
  if (found.length > 0 && !dry) process.exit(1);
  const { status } = spawnSync("npm", ["publish", ...(dry ? ["--dry-run"] : [])], { cwd: root, stdio: "inherit" });
  process.exitCode = status ?? 1;
}
