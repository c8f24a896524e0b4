import { Admin, Client } from "edgear";
import { describe, expect, inject, test } from "vitest";
import { AWAY, fresh } from "../conformance/names.ts";
import { edgear } from "../support/cli.ts";
import { startGearmand } from "../support/gearmand.ts";
import { startPerlGearmand } from "../support/perl-gearmand.ts";
import { startWorker } from "../support/worker.ts";

const [{ address } = { address: "" }] = inject("servers");
const env = { GEARMAN_SERVERS: address };
const admin = (...args: string[]) => edgear(["admin", ...args], { env });

/** The row of a table that begins with a word, as words. */
function row(stdout: string, first: string): string[] | undefined {
  return stdout
    .split("\n")
    .map((line) => line.trim().split(/ +/))
    .find(([word]) => word === first);
}

describe("admin", () => {
  test("status is a table of functions, or JSON", async () => {
    const name = fresh("cli");
    await using client = new Client(address);
    for (const priority of ["high", "low", "low"] as const) await client.background(name, "x", { priority });
    const { code, stdout } = await admin("status");
    expect(code).toBe(0);
    expect(stdout).toMatch(/^FUNCTION +QUEUED +RUNNING +TOTAL +WORKERS\n/);
    expect(row(stdout, name)).toEqual([name, "3", "0", "3", "0"]);
    expect(row((await admin("status", "--priorities")).stdout, name)).toEqual([name, "1", "0", "2", "0"]);
    const json = JSON.parse((await admin("status", "--json")).stdout);
    expect(json).toContainEqual({ server: address, function: name, queued: 3, running: 0, total: 3, workers: 0 });
  });

  test("workers has those with functions, or all connections", async () => {
    const [name, id] = [fresh("cli"), fresh("id")];
    await using _worker = startWorker(address, { [name]: () => {} }, { id });
    await expect.poll(async () => (await admin("workers")).stdout).toContain(name);
    const some = JSON.parse((await admin("workers", "--json")).stdout);
    expect(some).toContainEqual(expect.objectContaining({ server: address, id, functions: [name] }));
    expect(some).not.toContainEqual(expect.objectContaining({ functions: [] }));
    const all = JSON.parse((await admin("workers", "--all", "--json")).stdout);
    expect(all).toContainEqual(expect.objectContaining({ functions: [] }));
  });

  test("jobs, cancel: a job that was cancelled is gone for workers", async () => {
    await using client = new Client(address);
    const unique = fresh("unique");
    const { handle } = await client.background(fresh("cli"), "x", { unique });
    expect(row((await admin("jobs")).stdout, handle)).toEqual([handle, "0", "no", "yes"]);
    expect((await admin("jobs", "--uniques")).stdout).toContain(unique);
    expect(await admin("cancel", handle)).toMatchObject({ code: 0, stdout: `${address} cancelled ${handle}\n` });
    const unknown = await admin("cancel", handle, "H:nowhere:1");
    expect(unknown).toMatchObject({ code: 1, stderr: "edgear: no server knows the job H:nowhere:1\n" });
  });

  test("create, maxqueue, drop", async () => {
    const name = fresh("cli");
    await using client = new Client(address);
    expect(await admin("create", name)).toMatchObject({ code: 0, stdout: `${address} created ${name}\n` });
    expect(await admin("maxqueue", name, "1")).toMatchObject({ code: 0, stdout: `${address} limited ${name}\n` });
    await client.background(name);
    await expect(client.background(name)).rejects.toThrow("QUEUE_ERROR");
    expect(await admin("maxqueue", name, "--high", "2", "--normal", "1")).toMatchObject({ code: 0 });
    await client.background(name, "x", { priority: "high" });
    await expect(client.background(name)).rejects.toThrow("QUEUE_ERROR");
    expect(await admin("maxqueue", name, "none")).toMatchObject({
      code: 0,
      stdout: `${address} lifted the limits of ${name}\n`,
    });
    await client.background(name);
    const refused = await admin("drop", name);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused.stderr).toMatch(/has 3 jobs, which no worker could get any more/);
    expect(await admin("drop", name, "--force", "--json")).toMatchObject({
      code: 0,
      stdout: `[{"server":"${address}","ok":true}]\n`,
    });
    expect(await admin("drop", name)).toMatchObject({ code: 1, stderr: expect.stringContaining("function not found") });
  });

  test("version, and how this server is shut down", async () => {
    const [found] = JSON.parse((await admin("version", "--json")).stdout);
    expect(found).toEqual({
      server: address,
      version: expect.stringMatching(/^\d/),
      pid: expect.any(Number),
      verbosity: "ERROR",
    });
    const { code, stderr } = await admin("shutdown");
    expect(code).toBe(1);
    expect(stderr).toMatch(/SIGTERM.*SIGUSR1/);
  });
});

test("several servers are asked at once; one that is away is said, and holds up none", async () => {
  await using other = await startGearmand();
  const name = fresh("cli");
  await using first = new Admin(address);
  await first.createFunction(name);
  await using second = new Admin(other.address);
  await second.createFunction(name);
  const { code, stdout, stderr } = await edgear([
    "admin",
    "status",
    "--servers",
    `${address},${AWAY},${other.address}`,
  ]);
  expect(code).toBe(1);
  expect(stdout).toMatch(/^SERVER +FUNCTION/);
  const lines = stdout.split("\n").filter((line) => line.includes(name));
  expect(lines.map((line) => line.split(" ")[0])).toEqual([address, other.address]);
  expect(stderr).toMatch(/^edgear: could not connect to the job server 127\.0\.0\.1:1: .*\n$/);
  // A handle is at one of them.
  await using client = new Client(other.address);
  const { handle } = await client.background(name, "x");
  const servers = ["--servers", `${address},${other.address}`];
  const cancelled = await edgear(["admin", "cancel", handle, ...servers]);
  expect(cancelled.stdout).toContain(`${other.address} cancelled ${handle}`);
});

test("Perl's gearmand says what it can", async () => {
  await using perl = await startPerlGearmand();
  const servers = ["--servers", perl.address];
  expect((await edgear(["admin", "version", ...servers])).stdout).toMatch(/^VERSION\nv1\.\d/);
  expect(await edgear(["admin", "status", ...servers])).toMatchObject({ code: 0, stdout: "none\n" });
  expect(await edgear(["admin", "jobs", ...servers])).toMatchObject({
    code: 1,
    stderr: expect.stringContaining(`this server doesn't know "show jobs"`),
  });
  expect(await edgear(["admin", "shutdown", ...servers])).toMatchObject({ code: 0 });
});

test("names that would steer a terminal are shown, not obeyed", async () => {
  const name = `${fresh("cli")}\x1b[2J`;
  await using client = new Client(address);
  await client.background(name);
  const { stdout } = await admin("status");
  expect(stdout).not.toContain("\x1b");
  expect(stdout).toContain("\\x1b[2J");
});
