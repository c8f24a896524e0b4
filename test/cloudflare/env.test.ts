import { describe, expect, test } from "vitest";
import { clientSettings, type GearmanEnv, netConnect, readHubEnv } from "../../build/src/cloudflare/env.js";

const GEARMAN_SERVERS = "jobs1:4730, jobs2:4730";

test("nothing but the servers is the client's own defaults, ten minutes and fifteen", () => {
  expect(readHubEnv({ GEARMAN_SERVERS })).toEqual({
    ...{ servers: GEARMAN_SERVERS, options: {}, interval: 600_000, runTimeout: 900_000 },
  });
});

test("numbers may be text, and an empty text is none", () => {
  const env = { GEARMAN_SERVERS, CONNECT_TIMEOUT: "1000", REQUEST_TIMEOUT: 2_000, GEARMAN_HUB_INTERVAL: "" };
  expect(readHubEnv({ ...env, GEARMAN_HUB_RUN_TIMEOUT: "3000" })).toEqual({
    servers: GEARMAN_SERVERS,
    options: { connectTimeout: 1_000, requestTimeout: 2_000 },
    ...{ interval: 600_000, runTimeout: 3_000 },
  });
});

test("a hub takes nothing of what limits the door's own runs", () => {
  const env = { GEARMAN_SERVERS, RUN_TIMEOUT: 30_000 };
  expect(readHubEnv(env).runTimeout).toBe(900_000);
});

test.each([
  [{ GEARMAN_HUB_INTERVAL: 840_001 }, "GEARMAN_HUB_INTERVAL may be 840000 milliseconds at most, not 840001"],
  [{ GEARMAN_HUB_INTERVAL: "soon" }, /^GEARMAN_HUB_INTERVAL must be a number of milliseconds .*, not "soon"$/],
  [{ GEARMAN_HUB_INTERVAL: " " }, /^GEARMAN_HUB_INTERVAL must be a number of milliseconds/],
  [{ GEARMAN_HUB_RUN_TIMEOUT: 900_001 }, "GEARMAN_HUB_RUN_TIMEOUT may be 900000 milliseconds at most, not 900001"],
  [{ CONNECT_TIMEOUT: 0 }, /^CONNECT_TIMEOUT must be a number of milliseconds from 1 /],
])("%j is refused in words, of a hub", (env, words) => {
  const read = () => readHubEnv({ GEARMAN_SERVERS, ...env });
  expect(read).toThrow(TypeError);
  expect(read).toThrow(words);
});

test.each([
  [{ GEARMAN_SERVERS: "" }, /^GEARMAN_SERVERS must name the job servers/],
  [{ GEARMAN_SERVERS: ["jobs1"] }, /^GEARMAN_SERVERS must name the job servers, separated by commas, not an array/],
  [{ GEARMAN_SERVERS, GEARMAN_NET: {} }, /^GEARMAN_NET must be a VPC network binding: it has no connect\(\)/],
  [{ GEARMAN_SERVERS, GEARMAN_NET: null }, /^GEARMAN_NET must be a VPC network binding/],
  [{ GEARMAN_SERVERS, CONNECT_TIMEOUT: true }, /^CONNECT_TIMEOUT must be a number of milliseconds from 1 .*, not true/],
  [{ GEARMAN_SERVERS, REQUEST_TIMEOUT: "1e3" }, /^REQUEST_TIMEOUT must be .*, not "1e3"/],
  [{ GEARMAN_SERVERS, REQUEST_TIMEOUT: null }, /^REQUEST_TIMEOUT must be .*, not null/],
])("%j is refused in words", (env, words) => {
  const read = () => clientSettings(env as unknown as GearmanEnv);
  expect(read).toThrow(TypeError);
  expect(read).toThrow(words);
});

describe("a VPC network binding", () => {
  const dialled: object[] = [];
  const connect = netConnect({ connect: (address) => dialled.push(address) as never });

  test("is given the address alone", () => {
    connect({ hostname: "10.0.0.1", port: 4730, secureTransport: "off" });
    expect(dialled.splice(0)).toEqual([{ hostname: "10.0.0.1", port: 4730 }]);
  });

  test("is given nothing that was to be encrypted", () => {
    const dial = () => connect({ hostname: "10.0.0.1", port: 4730, secureTransport: "on" });
    expect(dial).toThrow(/a VPC network carries no TLS/);
    expect(dialled).toEqual([]);
  });
});
