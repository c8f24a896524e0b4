import path from "node:path";
import { ConfigError } from "edgear";
import { loadConfig } from "edgear/config";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { rejection } from "../conformance/case.ts";
import { Folder } from "./folder.ts";

beforeEach(() => {
  for (const name of ["EDGEAR_CONFIG", "EDGEAR_ENV", "NODE_ENV"]) vi.stubEnv(name, "");
});

afterEach(() => vi.unstubAllEnvs());

const CONFIG = {
  connections: { local: "jobs1:4731" },
  groups: { text: { functions: { reverse: "./text.js#reverse" } } },
};
const MODULE = `export default ${JSON.stringify(CONFIG)};`;
const TYPESCRIPT = `
  import { defineConfig, type EdgearConfig } from "edgear/config";
  const config: EdgearConfig = ${JSON.stringify(CONFIG)};
  export default defineConfig(config);`;
const YAML = `
connections:
  local: jobs1:4731
groups:
  text: { functions: { reverse: "./text.js#reverse" } }
`;

test.each([
  ["edgear.config.ts", TYPESCRIPT],
  ["edgear.config.js", MODULE],
  ["edgear.config.mjs", MODULE],
  ["edgear.config.json", `\uFEFF${JSON.stringify({ $schema: "./edgear.schema.json", ...CONFIG })}`],
  ["edgear.config.yaml", YAML],
  ["edgear.config.yml", YAML],
])("%s is found from folders below it, and says the same", async (name, content) => {
  await using folder = await Folder.make({ [name]: content, "deep/er/empty.txt": "" });
  const config = await loadConfig({ cwd: folder.at("deep/er") });
  expect(config).toEqual({
    file: folder.at(name),
    environment: undefined,
    connections: {
      default: { name: "default", servers: [{ host: "127.0.0.1", port: 4730 }] },
      local: { name: "local", servers: [{ host: "jobs1", port: 4731 }] },
    },
    groups: {
      text: {
        name: "text",
        connection: "default",
        functions: { reverse: { file: folder.at("text.js"), name: "reverse" } },
        pool: {},
      },
    },
  });
});

test("the nearest is taken, and TypeScript before the others", async () => {
  await using folder = await Folder.make({
    "edgear.config.ts": MODULE,
    "a/edgear.config.json": "{}",
    "a/edgear.config.mjs": MODULE,
    "a/edgear.config.yaml": YAML,
  });
  expect((await loadConfig({ cwd: folder.at("a") })).file).toBe(folder.at("a/edgear.config.mjs"));
  expect((await loadConfig({ cwd: folder.path })).file).toBe(folder.at("edgear.config.ts"));
});

test("a file can be named, by the call or by EDGEAR_CONFIG, under any name", async () => {
  await using folder = await Folder.make({ "one.yaml": YAML, "etc/two.json": CONFIG, "edgear.config.json": CONFIG });
  vi.stubEnv("EDGEAR_CONFIG", folder.at("one.yaml"));
  expect((await loadConfig({ cwd: "/" })).file).toBe(folder.at("one.yaml"));
  const { file, groups } = await loadConfig({ cwd: folder.path, file: "etc/two.json" });
  expect(file).toBe(folder.at("etc/two.json"));
  // Handlers are where the file is, not where the program was started.
  expect(groups.text?.functions.reverse?.file).toBe(folder.at("etc/text.js"));
  vi.stubEnv("EDGEAR_CONFIG", "nowhere.yaml");
  const error = await rejection(loadConfig({ cwd: folder.path }), ConfigError);
  expect(error).toMatchObject({
    code: "CONFIG",
    message: `there is no configuration ${folder.at("nowhere.yaml")}, which EDGEAR_CONFIG names`,
  });
});

test("without a file there is the connection default, and nothing else", async () => {
  const { root } = path.parse(process.cwd());
  expect(await loadConfig({ cwd: root })).toEqual({
    file: undefined,
    environment: undefined,
    connections: { default: { name: "default", servers: [{ host: "127.0.0.1", port: 4730 }] } },
    groups: {},
  });
});

test("a program that runs for long sees what was changed", async () => {
  await using folder = await Folder.make({ "edgear.config.mjs": `export default { connections: { a: "one" } };` });
  const hosts = async () => (await loadConfig({ cwd: folder.path })).connections.a?.servers.map(({ host }) => host);
  expect(await hosts()).toEqual(["one"]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  await folder.write("edgear.config.mjs", `export default { connections: { a: "two" } };`);
  expect(await hosts()).toEqual(["two"]);
});

test.each([
  ["edgear.config.json", "{ nonsense", /edgear\.config\.json does not load: SyntaxError: .*JSON/],
  ["edgear.config.yaml", "a: [1", /edgear\.config\.yaml: Flow sequence .* line 1/],
  ["edgear.config.yaml", "a: 1\na: 2", /edgear\.config\.yaml: Map keys must be unique at line 2/],
  ["edgear.config.yaml", "", /edgear\.config\.yaml: it must have connections, groups or environments/],
  ["edgear.config.mjs", "export const config = {};", /edgear\.config\.mjs: it must have a default export/],
  [
    "edgear.config.mjs",
    "\nthrow new RangeError('too far');",
    /edgear\.config\.mjs does not load: RangeError: too far \(at .*edgear\.config\.mjs:2:7\)/,
  ],
  [
    "edgear.config.ts",
    'import "./nowhere.ts"; export default {};',
    /edgear\.config\.ts does not load: Error: Cannot find module '.*nowhere\.ts'/,
  ],
])("%s that is %j can't be read, and says why", async (name, content, words) => {
  await using folder = await Folder.make({ [name]: content });
  const error = await rejection(loadConfig({ cwd: folder.path }), ConfigError);
  expect(error.message).toMatch(words);
  expect(error.file).toBe(folder.at(name));
});
