import assert from "node:assert/strict";
import { test } from "vitest";
import { type Locked, locked, manifestOf, read } from "./manifest.ts";

/** A program for some platforms, for development only: docs/dependencies.md, "The lockfile". */
function forSomePlatforms({ dev, optional, os }: Locked): boolean {
  return dev === true && optional === true && os !== undefined;
}

test("every locked package has the hash of its content, but for programs of platforms that nobody has locked on", async () => {
  const packages = await locked();
  assert.ok(packages.length > 100);
  for (const [place, entry] of packages) {
    if (entry.integrity === undefined) assert.ok(forSomePlatforms(entry), `${place} has no integrity`);
    else assert.match(entry.integrity, /^sha512-[\w+/]{86}==$/, place);
  }
});

test("the lockfile is of this package.json", async () => {
  const { packages } = JSON.parse(await read("package-lock.json"));
  const { name, version, dependencies, devDependencies } = await manifestOf();
  const own = packages[""];
  assert.deepEqual([own.name, own.version], [name, version]);
  assert.deepEqual(own.dependencies, dependencies);
  assert.deepEqual(own.devDependencies, devDependencies);
});
