import { Client, type Servers } from "edgear";
import { describe, expect, test } from "vitest";
// What a client makes of its servers isn't seen from outside before it connects.
import { parseServers, serverName } from "../../build/src/connection/address.js";

const plain = (host: string, port = 4730) => ({ host, port, tls: undefined });
const tls = (host: string, port = 4730, options = {}) => ({ host, port, tls: options });

test.each<[Servers, object[]]>([
  ["jobs1", [plain("jobs1")]],
  ["jobs1:4731", [plain("jobs1", 4731)]],
  ["jobs_1.example.org", [plain("jobs_1.example.org")]],
  ["münchen.example", [plain("münchen.example")]],
  ["127.0.0.1:1", [plain("127.0.0.1", 1)]],
  ["[::1]", [plain("::1")]],
  ["[::1]:65535", [plain("::1", 65535)]],
  ["[::ffff:10.0.0.1]:4731", [plain("::ffff:10.0.0.1", 4731)]],
  ["[2001:DB8::7]", [plain("2001:DB8::7")]],
  ["[fe80::1%eth0]:4731", [plain("fe80::1%eth0", 4731)]],
  ["gearman://jobs1", [plain("jobs1")]],
  ["gearman://jobs1:4731/", [plain("jobs1", 4731)]],
  ["gearmans://jobs1", [tls("jobs1")]],
  ["GearmanS://[::1]:4731/", [tls("::1", 4731)]],
  ["jobs1, jobs2:4731 ,gearmans://jobs3", [plain("jobs1"), plain("jobs2", 4731), tls("jobs3")]],
  [
    ["jobs1", { host: "jobs2" }],
    [plain("jobs1"), plain("jobs2")],
  ],
  [{ host: "jobs1" }, [plain("jobs1")]],
  [{ host: "::1", port: 4731 }, [plain("::1", 4731)]],
  [{ host: "[::1]" }, [plain("::1")]],
  [{ host: "fe80::1%eth0" }, [plain("fe80::1%eth0")]],
  [{ host: "jobs1", tls: false }, [plain("jobs1")]],
  [{ host: "jobs1", tls: true }, [tls("jobs1")]],
  [{ host: "jobs1", tls: { servername: "jobs" } }, [tls("jobs1", 4730, { servername: "jobs" })]],
  [
    ["jobs1:4730", "jobs1:4731"],
    [plain("jobs1"), plain("jobs1", 4731)],
  ],
])("%j", (servers, addresses) => {
  expect(parseServers(servers)).toEqual(addresses);
  expect(() => new Client(servers)).not.toThrow();
});

test("a server's name has its port, and an IPv6 address its brackets", () => {
  expect(parseServers("jobs1, [::1]:1, gearmans://jobs2:2").map(serverName)).toEqual([
    "jobs1:4730",
    "[::1]:1",
    "jobs2:2",
  ]);
});

describe("refused in words", () => {
  const ALLOWED =
    'give "host", "host:port", "[::1]:4730", "gearman://host:port", "gearmans://host:port" or { host, port, tls }';

  test.each([
    ...["", " ", "jobs 1", "jobs1:", "jobs1:port", "jobs1:-1", "jobs1:4730:4730", "::1", "[::1", "::1]", "[jobs1]"],
    ...["[]", "[:]", "[::1]4730", "[::1%]", "[::g]", "http://jobs1", "//jobs1", "gearman:jobs1", "gearman://"],
    ...[
      "gearman://user@jobs1",
      "gearman://user:secret@jobs1",
      "gearman://jobs1/queue",
      "jobs1?tls",
      "jobs1#1",
      "jobs%31",
    ],
  ])("%j", (server) => {
    const message = `${JSON.stringify(server.trim())} is no server: ${ALLOWED}`;
    expect(() => new Client(server)).toThrow(new TypeError(message));
    expect(() => new Client([server])).toThrow(new TypeError(message));
  });

  test.each<[string, unknown, string]>([
    ["an empty list", [], `no server was given: ${ALLOWED}`],
    ["null", null, `null is no server: ${ALLOWED}`],
    ["a number", 4730, `4730 is no server: ${ALLOWED}`],
    ["a list in a list", [["jobs1"]], `an array is no server: ${ALLOWED}`],
    ["nothing between commas", "jobs1,,jobs2", `"" is no server: ${ALLOWED}`],
    ["a comma in a list's string", ["jobs1,jobs2"], `"jobs1,jobs2" is no server: ${ALLOWED}`],
    ["no host", { port: 4731 }, `{ host: undefined, port: 4731 } is no server: ${ALLOWED}`],
    ["an empty host", { host: "" }, `{ host: "", port: undefined } is no server: ${ALLOWED}`],
    ["a host with a port", { host: "jobs1:4730" }, `{ host: "jobs1:4730", port: undefined } is no server: ${ALLOWED}`],
    ["a host with a space", { host: "jobs 1" }, `{ host: "jobs 1", port: undefined } is no server: ${ALLOWED}`],
    ["a URL", new URL("gearman://jobs1:4731"), `{ host: "jobs1:4731", port: "4731" } is no server: ${ALLOWED}`],
    [
      "an option that there isn't",
      { host: "jobs1", tsl: true },
      'a server has no option "tsl"; it knows host, port, tls',
    ],
    [
      "a tls that is neither",
      { host: "jobs1", tls: "yes" },
      'the tls of { host: "jobs1", port: undefined } must be true, false or an object, not "yes"',
    ],
    ["a port of 0", "jobs1:0", "jobs1:0 has the port 0: a port is a whole number from 1 to 65535"],
    ["a port too high", "jobs1:65536", "jobs1:65536 has the port 65536: a port is a whole number from 1 to 65535"],
    [
      "a port as text",
      { host: "jobs1", port: "4730" },
      '{ host: "jobs1", port: "4730" } has the port "4730": a port is a whole number from 1 to 65535',
    ],
    ["a server twice", "jobs1, jobs1:4730", "the server jobs1:4730 is listed twice"],
  ])("%s", (_, servers, message) => {
    expect(() => new Client(servers as Servers)).toThrow(new TypeError(message));
  });

  test("without a key that stands next to what is wrong", () => {
    const servers = { host: "jobs1", port: -1, tls: { key: "-----BEGIN PRIVATE KEY-----" } };
    expect(() => new Client(servers)).toThrow(
      new TypeError('{ host: "jobs1", port: -1 } has the port -1: a port is a whole number from 1 to 65535'),
    );
  });
});
