import { ConfigError } from "edgear";
import { loadConfig } from "edgear/config";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { rejection } from "../conformance/case.ts";
import { Folder } from "./folder.ts";

beforeEach(() => {
  for (const name of ["EDGEAR_CONFIG", "EDGEAR_ENV", "NODE_ENV"]) vi.stubEnv(name, "");
});

afterEach(() => vi.unstubAllEnvs());

/** What is said of a configuration: by key. */
async function mistakesIn(config: unknown, environment?: string): Promise<Record<string, string>> {
  await using folder = await Folder.make({ "edgear.config.json": config as object });
  const error = await rejection(loadConfig({ cwd: folder.path, environment }), ConfigError);
  const { mistakes, message, file } = error;
  expect(file).toBe(folder.at("edgear.config.json"));
  // All is in the message, too: a log has nothing else.
  for (const { path, message: words } of mistakes) expect(message).toContain(path ? `${path}: ${words}` : words);
  return Object.fromEntries(mistakes.map(({ path, message }) => [path, message]));
}

const text = (settings: unknown) => ({ groups: { text: { functions: { reverse: settings } } } });
const at = "groups.text.functions.reverse";

test("all that is wrong is said at once, with file, key and what is allowed", async () => {
  await using folder = await Folder.make({
    "edgear.config.yaml": `
conections: {}
connections:
  local: [jobs1, "x y", { host: jobs2, prt: 1 }, jobs1]
groups:
  text:
    connection: lokal
    concurrency: many
    functions:
      reverse: { handler: 5, timout: 3s, timeout: "3", retry: 1 }
    pool: { maxMemory: lots, workers: 0.5, resuscitate: "yes", metrics: here }
$production:
  groups: { text: { functions: { reverse: { concurrency: -1 } } } }
`,
  });
  const error = await rejection(loadConfig({ cwd: folder.path }), ConfigError);
  const allowed =
    'give "host", "host:port", "[::1]:4730", "gearman://host:port", "gearmans://host:port" or { host, port, tls }';
  expect(error.message.split("\n").sort()).toEqual(
    [
      `${folder.at("edgear.config.yaml")} has 14 mistakes:`,
      '  conections: there is no such key (did you mean "connections"?); allowed: connections, groups',
      `  connections.local[1]: "x y" is no server: ${allowed}`,
      '  connections.local[2]: a server has no option "prt"; it knows host, port, tls',
      "  connections.local[3]: the server jobs1:4730 is listed twice",
      '  groups.text.connection: there is no connection "lokal" (did you mean "local"?); there are: default, local',
      '  groups.text.concurrency: must be a whole number from 1, not "many"',
      `  ${at}.handler: must be a module and its export, "./workers/text.ts#reverse", not 5`,
      `  ${at}.timout: there is no such key (did you mean "timeout"?); allowed: handler, concurrency, timeout, retry, priority`,
      `  ${at}.timeout: must be a time of 1 ms to 24 days: milliseconds as a number, or "500ms", "30s", "5m", "2h", "1d", not "3"`,
      `  ${at}.retry: must be a whole number from 2, not 1`,
      '  groups.text.pool.maxMemory: must be a size: bytes as a number, or "512KB", "256MB", "2GB", not "lots"',
      "  groups.text.pool.workers: must be a whole number from 1, not 0.5",
      '  groups.text.pool.resuscitate: must be true or false, not "yes"',
      '  groups.text.pool.metrics: must be a port, ":9464" or "127.0.0.1:9464", not "here"',
      "  $production.groups.text.functions.reverse.concurrency: must be a whole number from 1, not -1",
    ]
      .sort()
      .map((line) => line.replace("14", "15")),
  );
});

test.each([
  ["a number for a handler", text(5), at, 'must be a handler, "./workers/text.ts#reverse", or { handler, … }, not 5'],
  [
    "no handler",
    text({ timeout: 5 }),
    `${at}.handler`,
    'is missing: it must be a module and its export, "./workers/text.ts#reverse"',
  ],
  ["an empty handler", text(""), at, 'must be a module and its export, "./workers/text.ts#reverse", not ""'],
  [
    "a handler of two exports",
    text("./a.ts#b#c"),
    at,
    'must be a module and its export, "./workers/text.ts#reverse", not "./a.ts#b#c"',
  ],
  [
    "attempts that are missing",
    text({ handler: "./a.ts", retry: {} }),
    `${at}.retry.attempts`,
    "is missing: it must be a whole number from 2",
  ],
  [
    "a wrong retry",
    text({ handler: "./a.ts", retry: "often" }),
    `${at}.retry`,
    'must be a number of attempts, or { attempts, backoff, deadLetter }, not "often"',
  ],
  [
    "dead letters to itself",
    text({ handler: "./a.ts", retry: { attempts: 2, deadLetter: "reverse" } }),
    `${at}.retry.deadLetter`,
    "the dead letters of reverse can't go to itself",
  ],
  [
    "a time of more than 24 days",
    text({ handler: "./a.ts", timeout: "25d" }),
    `${at}.timeout`,
    expect.stringContaining('not "25d"'),
  ],
  [
    "no functions",
    { groups: { text: {} } },
    "groups.text.functions",
    "is missing: it must be an object: functions by name",
  ],
  [
    "functions of nothing",
    { groups: { text: { functions: {} } } },
    "groups.text.functions",
    "a group needs a function at least",
  ],
  [
    "a group's name",
    { groups: { "a b": { functions: { x: "./a.ts" } } } },
    'groups["a b"]',
    '"a b" must be a name of letters, digits, "_", "-" and "."',
  ],
  [
    "a function's name",
    { groups: { a: { functions: { "": "./a.ts" } } } },
    'groups.a.functions[""]',
    expect.stringMatching(/must be a function's name, of 1 to \d+ bytes/),
  ],
  ["a connection that is null", { connections: { a: null } }, "connections.a", expect.stringContaining("is no server")],
  ["a connection of no servers", { connections: { a: [] } }, "connections.a", "no server is in the list"],
  ["lists in lists", { connections: { a: [["b"]] } }, "connections.a[0]", "a list in a list is no server"],
  [
    "a wrong port",
    { connections: { a: "b:70000" } },
    "connections.a",
    "b:70000 has the port 70000: a port is a whole number from 1 to 65535",
  ],
  [
    "an unknown option of TLS",
    { connections: { a: { host: "b", tls: { cа: "" } } } },
    "connections.a",
    expect.stringContaining("tls has no option"),
  ],
  ["a list for the whole", [], "", "it must have connections, groups or environments ($production, …) in it"],
  [
    "an environment that is none",
    { $production: 5 },
    "$production",
    "must be an object: { connections, groups }, not 5",
  ],
  [
    "an environment in an environment",
    { $a: { $b: {} } },
    "$a.$b",
    "there is no such key; allowed: connections, groups",
  ],
])("%s is a mistake", async (_what, config, path, message) => {
  expect(await mistakesIn(config)).toEqual({ [path]: message });
});

test("a mistake that only the environment makes is said of it, once", async () => {
  const config = { ...text("./a.ts"), $production: { groups: { other: { concurrency: 0 } } } };
  expect(await mistakesIn(config, "production")).toEqual({
    "$production.groups.other.concurrency": "must be a whole number from 1, not 0",
    "groups.other.functions": "is missing: it must be an object: functions by name",
  });
});

test("no key of a server appears in what is said", async () => {
  const config = { connections: { a: { host: "b", tls: { key: "SECRET", passphrase: 5 } } } };
  const mistakes = await mistakesIn(config);
  expect(Object.keys(mistakes)).toEqual(["connections.a"]);
  expect(JSON.stringify(mistakes)).not.toContain("SECRET");
});

test("a wrong variable is named", async () => {
  vi.stubEnv("EDGEAR_CONNECTION_JOBS_EU", "a b");
  expect(await mistakesIn({ connections: { "jobs-eu": "jobs1" } })).toEqual({
    EDGEAR_CONNECTION_JOBS_EU: expect.stringMatching(/^the variable: "a b" is no server/),
  });
});
