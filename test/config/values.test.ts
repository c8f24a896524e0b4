import { loadConfig, planWorkers } from "edgear/config";
import { afterEach, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { type Certificates, makeCertificates } from "../support/certificates.ts";
import { Folder } from "./folder.ts";

beforeEach(() => {
  for (const name of ["EDGEAR_CONFIG", "EDGEAR_ENV", "NODE_ENV"]) vi.stubEnv(name, "");
});

afterEach(() => vi.unstubAllEnvs());

async function load(config: object, environment?: string) {
  await using folder = await Folder.make({ "edgear.config.json": config });
  return { folder, ...(await loadConfig({ cwd: folder.path, environment })) };
}

test("connections take servers in every form, mixed", async () => {
  const { connections } = await load({
    connections: {
      default: "jobs1, jobs2:4731",
      mixed: ["gearmans://a", { host: "::1", port: 5 }, "[::2]:6", { host: "b", tls: true }, "c,d"],
      one: { host: "e" },
    },
  });
  expect(connections).toEqual({
    default: {
      name: "default",
      servers: [
        { host: "jobs1", port: 4730 },
        { host: "jobs2", port: 4731 },
      ],
    },
    mixed: {
      name: "mixed",
      servers: [
        { host: "a", port: 4730, tls: {} },
        { host: "::1", port: 5 },
        { host: "::2", port: 6 },
        { host: "b", port: 4730, tls: {} },
        { host: "c", port: 4730 },
        { host: "d", port: 4730 },
      ],
    },
    one: { name: "one", servers: [{ host: "e", port: 4730 }] },
  });
});

test("functions and pools are read: times, sizes, modules", async () => {
  const { folder, groups } = await load({
    groups: {
      text: {
        concurrency: 4,
        functions: {
          reverse: { handler: "./w/text.ts#reverse", timeout: "1.5m", retry: 3, priority: -2, concurrency: 2 },
          shout: { handler: "w/shout.js", timeout: 250, retry: { attempts: 5, backoff: "2s", deadLetter: "dead" } },
        },
        pool: {
          ...{ workers: 4, limit: 100, resuscitate: false, atomic: true, count: 1000, timeout: "1h" },
          ...{
            maxMemory: "1.5GB",
            maxLifetime: "1d",
            threads: true,
            grace: 0,
            hooks: "../hooks.mjs#all",
            metrics: 9464,
          },
        },
      },
    },
  });
  expect(groups.text).toEqual({
    name: "text",
    connection: "default",
    concurrency: 4,
    functions: {
      reverse: {
        ...{ file: folder.at("w/text.ts"), name: "reverse" },
        ...{ timeout: 90_000, retry: { attempts: 3 }, priority: -2, concurrency: 2 },
      },
      shout: {
        ...{ file: folder.at("w/shout.js"), name: "default", timeout: 250 },
        retry: { attempts: 5, backoff: 2_000, deadLetter: "dead" },
      },
    },
    pool: {
      ...{ workers: 4, limit: 100, resuscitate: false, atomic: true, count: 1000, timeout: 3_600_000 },
      ...{ maxMemory: 1.5 * 2 ** 30, maxLifetime: 86_400_000, threads: true, grace: 0, metrics: ":9464" },
      hooks: { file: folder.at("../hooks.mjs"), name: "all" },
    },
  });
});

describe("an environment", () => {
  const config = {
    connections: { default: { host: "a", tls: { rejectUnauthorized: false } }, other: "b" },
    groups: {
      text: {
        concurrency: 1,
        functions: { reverse: "./a.js", shout: { handler: "./b.js", timeout: 5 } },
        pool: { workers: 1 },
      },
    },
    $production: {
      connections: { default: { host: "jobs" } },
      groups: { text: { functions: { reverse: { timeout: "1s" }, shout: "./c.js" }, pool: { workers: 8, count: 5 } } },
    },
    $test: { groups: { text: { concurrency: 2 } } },
  };

  test("is merged over what all have: objects key by key, connections and lists as a whole", async () => {
    const { folder, connections, groups, environment } = await load(config, "production");
    expect(environment).toBe("production");
    expect(connections).toEqual({
      default: { name: "default", servers: [{ host: "jobs", port: 4730 }] },
      other: { name: "other", servers: [{ host: "b", port: 4730 }] },
    });
    expect(groups.text).toEqual({
      ...{ name: "text", connection: "default", concurrency: 1, pool: { workers: 8, count: 5 } },
      functions: {
        reverse: { file: folder.at("a.js"), name: "default", timeout: 1_000 },
        shout: { file: folder.at("c.js"), name: "default", timeout: 5 },
      },
    });
  });

  test("is chosen by the call, by EDGEAR_ENV, by NODE_ENV, in this order", async () => {
    const concurrency = async (chosen?: string) => (await load(config, chosen)).groups.text?.concurrency;
    expect(await concurrency()).toBe(1);
    vi.stubEnv("NODE_ENV", "test");
    expect(await concurrency()).toBe(2);
    vi.stubEnv("EDGEAR_ENV", "production");
    expect(await concurrency()).toBe(1);
    expect(await concurrency("test")).toBe(2);
    expect(await concurrency("none")).toBe(1);
  });
});

test("a variable stands before a connection of the file", async () => {
  vi.stubEnv("EDGEAR_CONNECTION_JOBS_EU", "x:1,gearmans://y");
  vi.stubEnv("EDGEAR_CONNECTION_DEFAULT", "z");
  vi.stubEnv("EDGEAR_CONNECTION_OTHER", " ");
  const { connections } = await load({ connections: { "jobs-eu": "jobs1", other: "b" } });
  expect(Object.values(connections).map(({ name, servers }) => [name, servers.map(({ host }) => host)])).toEqual([
    ["default", ["z"]],
    ["jobs-eu", ["x", "y"]],
    ["other", ["b"]],
  ]);
});

test("names that every object has are nobody's connection or group", async () => {
  const { connections, groups } = await load({});
  for (const name of ["constructor", "toString", "__proto__"]) {
    expect(connections[name]).toBeUndefined();
    expect(groups[name]).toBeUndefined();
  }
});

describe("certificates in files", () => {
  let certificates: Certificates;

  beforeAll(async () => {
    certificates = await makeCertificates();
  });

  test("are read, relative to the configuration; those of another environment are not looked for", async () => {
    await using folder = await Folder.make({
      "edgear.config.json": {
        connections: { a: { host: "b", tls: { ca: [{ file: "tls/ca.pem" }], servername: "c" } } },
        $production: { connections: { a: { host: "b", tls: { ca: { file: "/nowhere/ca.pem" } } } } },
      },
      "tls/ca.pem": String(certificates.ca),
    });
    const { connections } = await loadConfig({ cwd: folder.path });
    expect(connections.a?.servers).toEqual([
      { host: "b", port: 4730, tls: { ca: [String(certificates.ca)], servername: "c" } },
    ]);
    await expect(loadConfig({ cwd: folder.path, environment: "production" })).rejects.toThrow(
      /\$production\.connections\.a: the file of tls\.ca can't be read: .*\/nowhere\/ca\.pem/,
    );
  });
});

test("a group's workers: one for what shares its concurrency, the most important function added last", async () => {
  const { groups } = await load({
    groups: {
      text: {
        concurrency: 3,
        functions: {
          ...{
            a: "./a.js",
            b: { handler: "./a.js", priority: 5 },
            c: "./a.js",
            d: { handler: "./a.js", priority: -1 },
          },
          ...{ own: { handler: "./a.js", concurrency: 1, priority: 9 } },
        },
      },
    },
  });
  const plans = planWorkers(groups.text as NonNullable<typeof groups.text>);
  expect(plans.map(({ concurrency, functions }) => [concurrency, functions.map(([name]) => name)])).toEqual([
    [3, ["d", "c", "a", "b"]],
    [1, ["own"]],
  ]);
});
