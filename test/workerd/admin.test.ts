import { connect } from "cloudflare:sockets";
import { Admin, ConnectionError } from "edgear";
import { expect, inject, test } from "vitest";
import { AWAY, fresh } from "../conformance/names.ts";

const [{ address } = { address: "" }] = inject("servers");

test("an injected socket is used: cloudflare:sockets' own", async () => {
  const asked: string[] = [];
  await using admin = new Admin("jobs.internal", {
    connect: ({ hostname, port }) => {
      asked.push(`${hostname}:${port}`);
      return connect(address);
    },
  });
  const name = fresh("edge");
  await admin.createFunction(name);
  expect(await admin.status()).toContainEqual({ function: name, queued: 0, running: 0, total: 0, workers: 0 });
  expect(asked).toEqual(["jobs.internal:4730"]);
});

test("a server that is away is a ConnectionError", async () => {
  await using admin = new Admin(AWAY);
  await expect(admin.version()).rejects.toThrow(ConnectionError);
});

test("an answer of a megabyte is read", async () => {
  await using admin = new Admin(address);
  const names = Array.from({ length: 200 }, () => `${fresh("edge")}-${"x".repeat(5_000)}`);
  await Promise.all(names.map((name) => admin.createFunction(name)));
  const found = new Set((await admin.status()).map((entry) => entry.function));
  expect(names.every((name) => found.has(name))).toBe(true);
  await Promise.all(names.map((name) => admin.dropFunction(name, { force: true })));
});
