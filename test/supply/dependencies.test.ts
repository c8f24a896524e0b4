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

/** All that users install, what the dependencies bring along included: a number that is to be noticed when it grows. */
const MOST = 24;

test("what users install has no install script, and is no more than it was", async () => {
  const users = (await locked()).filter(([place, { dev }]) => place !== "" && !dev);
  assert.ok(users.length <= MOST, `${users.length}: ${users.map(([place]) => place).join(" ")}`);
  for (const [place, { hasInstallScript }] of users) assert.ok(!hasInstallScript, place);
  for (const folder of [".", ...users.map(([place]) => place)]) {
    const { scripts = {} } = await manifestOf(folder);
    // A registry's packages are installed without "prepare"; what depends on this one by git would run it.
    const found = INSTALL_SCRIPTS.filter((script) => script in scripts && (script !== "prepare" || folder === "."));
    assert.deepEqual(found, [], folder);
  }
});
