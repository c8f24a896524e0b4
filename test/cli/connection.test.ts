import { readFileSync } from "node:fs";
import path from "node:path";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { Folder } from "../config/folder.ts";
import { edgear, main } from "../support/cli.ts";
import { freePort } from "../support/ports.ts";

const address = inject("servers")[0]?.address ?? "";
const NOT_CHOSEN = { EDGEAR_CONFIG: undefined, EDGEAR_ENV: undefined, NODE_ENV: undefined };
let folder: Folder;
let away: string;

beforeAll(async () => {
  away = `127.0.0.1:${await freePort()}`;
  folder = await Folder.make({
    "edgear.config.yaml": `
connections: { default: "${away}", here: "${address}" }
$there: { connections: { default: "${address}" } }
`,
    "broken/edgear.config.yaml": "connections: 5",
    "none/empty.txt": "",
  });
});

afterAll(() => folder?.[Symbol.asyncDispose]());

/** Whom a command talks to. */
async function asked(args: string[], env: Record<string, string | undefined> = {}, cwd = folder.path) {
  const { code, stdout, stderr } = await edgear(["ping", "--json", ...args], { cwd, env: { ...NOT_CHOSEN, ...env } });
  return code === 0 ? (JSON.parse(stdout) as { server: string }).server : `${code}: ${stderr}${stdout}`;
}

test("--connection names servers of the configuration", async () => {
  expect(await asked(["--connection", "here"])).toBe(address);
  const { code, stderr } = await edgear(["admin", "status", "--connection", "her"], {
    cwd: folder.path,
    env: NOT_CHOSEN,
  });
  expect({ code, stderr }).toEqual({
    code: 2,
    stderr: `edgear: ${folder.at("edgear.config.yaml")}: there is no connection "her" (did you mean "here"?); there are: default, here\n`,
  });
});

test("--servers comes before it, then GEARMAN_SERVERS, then the configuration's default", async () => {
  expect(await asked(["--servers", address, "--connection", "default"])).toBe(address);
  expect(await asked(["--connection", "here"], { GEARMAN_SERVERS: away })).toBe(address);
  expect(await asked([], { GEARMAN_SERVERS: address })).toBe(address);
  expect(await asked([])).toMatch(new RegExp(`^1: .*${away}`, "s"));
  expect(await asked([], { EDGEAR_ENV: "there" })).toBe(address);
  expect(await asked([], { EDGEAR_CONNECTION_DEFAULT: address })).toBe(address);
});

test("a configuration that isn't needed is not read; one that is, says what is wrong", async () => {
  const broken = folder.at("broken");
  expect(await asked(["--servers", address], {}, broken)).toBe(address);
  expect(await asked([], { GEARMAN_SERVERS: address }, broken)).toBe(address);
  expect(await asked([], {}, broken)).toMatch(/^2: .*edgear\.config\.yaml: connections: must be an object/);
});

test("every command that talks to servers has it", async () => {
  const commands = ["submit", "status", "work", "top", "ping", "admin status", "admin shutdown", "admin cancel"];
  for (const command of commands) {
    const { stdout } = await edgear([...command.split(" "), "--help"]);
    expect(stdout, command).toContain("--connection <name>");
  }
});

test("the program starts without what reads configurations", () => {
  const seen = new Set<string>();
  const packages = new Set<string>();
  const visit = (file: string) => {
    if (seen.has(file)) return;
    seen.add(file);
    for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/^(?:import|export)\b[^;]*?"([^"]+)";$/gm)) {
      if (name.startsWith(".")) visit(path.resolve(path.dirname(file), name));
      else if (!/^(node:|#)/.test(name)) packages.add(name);
    }
  };
  visit(main);
  expect(seen.size).toBeGreaterThan(3);
  expect([...packages]).toContain("commander");
  for (const name of ["zod", "yaml", "jiti"]) expect([...packages]).not.toContain(name);
});
