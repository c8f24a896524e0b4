/**
 * Publishes the package, if it is what its version says: nothing uncommitted, the version's tag on this commit, and the
 * version in CHANGELOG.md; and if `.ci/run` passes. With provenance (package.json, publishConfig), which npm gives only
 * where a CI service vouches for the build, and for the repository that package.json names.
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

/**
 * Runs all that a change must pass, as a release must too; then publishes.
 * @param {string} folder
 * @param {boolean} dry only says what it would do. The checks are run all the same
 * @returns {number} an exit code
 */
export function publish(folder, dry) {
  const found = obstacles(folder);
  for (const obstacle of found) console.error(obstacle);
  if (found.length > 0 && !dry) return 1;
  /** @param {string} program @param {string[]} args */
  const run = (program, ...args) => spawnSync(program, args, { cwd: folder, stdio: "inherit" }).status ?? 1;
  if (run(path.join(folder, ".ci/run")) !== 0) {
    console.error("nothing is published: .ci/run has failed");
    return 1;
  }
  // What was checked is what is published: tests that leave something behind would have changed it.
  const changed = obstacles(folder).filter((obstacle) => !found.includes(obstacle));
  for (const obstacle of changed) console.error(`since .ci/run, ${obstacle}`);
  if (changed.length > 0) return 1;
  return run("npm", "publish", ...(dry ? ["--dry-run"] : []));
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  process.exitCode = publish(root, process.argv.includes("--dry-run"));
}
