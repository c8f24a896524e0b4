import assert from "node:assert/strict";
import { test } from "vitest";
import { locked, manifestOf, read, section } from "./manifest.ts";

/** Scripts that npm runs where a package is installed. */
const INSTALL_SCRIPTS = ["preinstall", "install", "postinstall", "prepare"];

const page = await read("docs/dependencies.md");

test("each run-time dependency has its reason in docs/dependencies.md, and no other one has", async () => {
  const { dependencies, optionalDependencies, peerDependencies } = await manifestOf();
  const rows = [...section(page, "At run time").matchAll(/^\| `([^`]+)` *\| (.+) \|$/gm)];
  assert.deepEqual(
    rows.map(([, name]) => name),
    Object.keys({ ...dependencies, ...optionalDependencies, ...peerDependencies }),
  );
  for (const [, name, reason = ""] of rows) assert.ok(reason.trim().length > 40, `the reason for ${name}: ${reason}`);
});

test("each development dependency is in a group", async () => {
  const { devDependencies } = await manifestOf();
  const named = [...section(page, "For development").matchAll(/^\| [^|`]+\| (.+) \|$/gm)].flatMap(([, cell = ""]) =>
    [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name),
  );
  assert.deepEqual(named.sort(), Object.keys(devDependencies).sort());
});

test("what users install has no install script, and brings nothing along", async () => {
  const { dependencies } = await manifestOf();
  const users = (await locked()).filter(([, { dev }]) => !dev);
  assert.deepEqual(
    users.map(([place]) => place),
    Object.keys(dependencies).map((name) => `node_modules/${name}`),
  );
  for (const [place, { hasInstallScript }] of users) assert.ok(!hasInstallScript, place);
  for (const folder of [".", ...users.map(([place]) => place)]) {
    const { scripts = {} } = await manifestOf(folder);
    // A registry's packages are installed without "prepare"; what depends on this one by git would run it.
    const found = INSTALL_SCRIPTS.filter((script) => script in scripts && (script !== "prepare" || folder === "."));
    assert.deepEqual(found, [], folder);
  }
});
