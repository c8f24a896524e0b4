import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client } from "edgear";
import { Pool, type PoolEvents, PoolLoadError } from "edgear/pool";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { findProgram } from "../../scripts/programs.mjs";
import { fresh } from "../conformance/names.ts";
import { root } from "../runtimes/installed.ts";
import { PoolFolder } from "../support/pool.ts";

// Each starts several processes, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

const address = inject("servers")[0]?.address ?? "";
let client: Client;
let folder: string;

const HOOKS = `
import { appendFileSync } from "node:fs";
const told = (name) => async (context) => {
  const { group, worker, jobs, running, server, job } = context;
  if (!(context.memory > 1e6) || !(context.idle >= 0)) throw new Error("memory and idle time are missing");
  const about = job ? [job.workload.text()] : server ? [server] : [];
  appendFileSync(new URL("./told.txt", import.meta.url), [name, group, worker, jobs, running, ...about].join(" ") + "\\n");
};
const names = ["beforeConnect", "afterConnect", "beforeRegister", "afterRegister", "noJobs", "beforeFunction", "failure", "afterFunction"];
export const all = Object.fromEntries(names.map((name) => [name, told(name)]));
export const tired = { afterFunction: ({ jobs, stop }) => { if (jobs === 2) stop("two are enough"); } };
export const idle = { idle: ({ idle, stop }) => { if (idle > 300) stop("nothing to do"); } };
const later = (name, time) => async () => {
  await new Promise((resolve) => setTimeout(resolve, time));
  appendFileSync(new URL("./late.txt", import.meta.url), name + "\\n");
};
export const late = { failure: later("failure", 200), afterFunction: later("afterFunction", 100), afterRun: later("afterRun", 0) };
export const stuck = { idle: () => new Promise(() => {}), beforeConnect: () => new Promise(() => {}) };
export const wrong = { beforeConect() {} };
export const throws = { afterConnect() { throw new Error("oh no"); } };
`;

beforeAll(async () => {
  client = new Client(address);
  folder = await mkdtemp(path.join(tmpdir(), "edgear-hooks-"));
  await writeFile(path.join(folder, "hooks.mjs"), HOOKS);
  await writeFile(
    path.join(folder, "handlers.mjs"),
    'export default (job) => { if (job.workload.text() === "fail") throw new Error("no"); return process.pid; };',
  );
});

afterAll(async () => {
  await client?.close();
  await rm(folder, { recursive: true, force: true });
});

function poolOf(name: string, hooks: string, pool: Record<string, unknown> = {}): Pool {
  const functions = { [name]: { file: path.join(folder, "handlers.mjs"), name: "default" } };
  const settings = { hooks: { file: path.join(folder, "hooks.mjs"), name: hooks }, ...pool };
  return new Pool({ name: "hooked", connection: "default", functions, pool: settings }, { servers: address });
}

function next<Name extends keyof PoolEvents>(pool: Pool, name: Name): Promise<PoolEvents[Name]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`no ${name} event came`)), 10_000);
    pool.once(name, (event) => {
      clearTimeout(timer);
      resolve(event);
    });
  });
}

describe("hooks", () => {
  test("are told of a worker's life, in its order", async () => {
    const name = fresh("pool");
    await using pool = poolOf(name, "all");
    const ready = next(pool, "worker:ready");
    await pool.start();
    await ready;
    await client.run(name, "well");
    await expect(client.run(name, "fail")).rejects.toThrow("no");
    await pool.stop();
    const lines = (await readFile(path.join(folder, "told.txt"), "utf8")).trim().split("\n");
    expect(lines.filter((line) => !line.startsWith("noJobs"))).toEqual([
      `beforeConnect hooked 1 0 0 ${address}`,
      `afterConnect hooked 1 0 0 ${address}`,
      `beforeRegister hooked 1 0 0 ${address}`,
      `afterRegister hooked 1 0 0 ${address}`,
      "beforeFunction hooked 1 0 1 well",
      "afterFunction hooked 1 1 0 well",
      "beforeFunction hooked 1 1 1 fail",
      "failure hooked 1 2 0 fail",
      "afterFunction hooked 1 2 0 fail",
    ]);
    expect(lines).toContainEqual(expect.stringMatching(/^noJobs hooked 1 \d 0 127\.0\.0\.1:/));
  });

  test.each([
    ["processes", false],
    ["threads", true],
  ])("stop a worker, and another takes its place: %s", async (_name, threads) => {
    const name = fresh("pool");
    await using pool = poolOf(name, "tired", { threads });
    await pool.start();
    const left = next(pool, "worker:leave");
    await client.run(name);
    await client.run(name);
    expect(await left).toMatchObject({ worker: 1, reason: "hook", why: "two are enough" });
    await client.run(name, "", { timeout: 15_000 });
    await expect.poll(() => pool.counts.complete, { timeout: 15_000 }).toBe(3);
  });

  test("stop one that idles", async () => {
    await using pool = poolOf(fresh("pool"), "idle", { resuscitate: false });
    const exit = next(pool, "worker:exit");
    await pool.start();
    expect(await exit).toMatchObject({ reason: "hook", code: 0 });
    await pool.ended;
  });

  test("that are under way when a worker ends are waited for", async () => {
    const name = fresh("pool");
    await using pool = poolOf(name, "late", { atomic: true, limit: 1 });
    await pool.start();
    await expect(client.run(name, "fail", { timeout: 15_000 })).rejects.toThrow("no");
    await pool.ended;
    const lines = (await readFile(path.join(folder, "late.txt"), "utf8")).trim().split("\n");
    expect(lines).toEqual(["afterFunction", "failure", "afterRun"]);
  });

  test("that never end don't delay the worker's end", async () => {
    const name = fresh("pool");
    await using pool = poolOf(name, "stuck", { count: 1 });
    const left = new Map<number, number>();
    const took: number[] = [];
    pool.on("worker:leave", ({ pid }) => void left.set(pid, performance.now()));
    pool.on("worker:exit", ({ pid }) => void took.push(performance.now() - (left.get(pid) ?? 0)));
    await pool.start();
    for (let job = 0; job < 5; job++) await client.run(name, "", { timeout: 15_000 });
    await expect.poll(() => took.length, { timeout: 15_000 }).toBe(5);
    // Were they waited for, each would take half a second; a busy machine takes that long for one or the other.
    expect(Math.min(...took)).toBeLessThan(400);
  });

  test("that throw are told, and harm nothing; those with unknown names aren't taken", async () => {
    const name = fresh("pool");
    await using pool = poolOf(name, "throws");
    const error = next(pool, "error");
    await pool.start();
    expect((await error).error.message).toBe("the hook afterConnect threw: oh no");
    await client.run(name, "", { timeout: 15_000 });
    await using wrong = poolOf(name, "wrong");
    const failure = await wrong.start().catch((reason: unknown) => reason);
    expect(failure).toBeInstanceOf(PoolLoadError);
    expect((failure as Error).message).toMatch(/have "beforeConect", which is none: there are beforeConnect, /);
  });
});

test("a pool checks what it is given", async () => {
  const group = { name: "g", connection: "default", functions: {}, pool: {} };
  expect(() => new Pool(group)).toThrow('the group "g" has no functions');
  const functions = { f: { file: "/nowhere.mjs", name: "default" } };
  expect(() => new Pool({ ...group, functions, pool: { workers: 0 } })).toThrow(
    /workers must be a whole number from 1/,
  );
  expect(() => new Pool({ ...group, functions, pool: { atomic: true, count: 2 } })).toThrow(/leave count out/);
  const pool = new Pool({ ...group, functions });
  await expect(pool.restart()).rejects.toThrow("start it first");
  await expect(pool.start()).rejects.toThrow(/there is no file \/nowhere\.mjs/);
  expect(pool.workers).toEqual([]);
  await pool.ended;
});

const bin = (name: string) => path.join(root, "node_modules/.bin", name);

test.each([
  ["Bun", [bin("bun"), "run"]],
  ["Deno", [bin("deno"), "run", "--no-lock", "--node-modules-dir=manual", "-A"]],
])("edgear pool runs on %s", async (_name, program) => {
  const name = fresh("pool");
  await using files = await PoolFolder.make(address, { pid: name, slow: `${name}-slow` });
  await using pool = await files.start(["--workers", "2"], 2, program);
  const before = new Set((await files.status())?.workers.map(({ pid }) => String(pid)));
  expect(before).toContain((await client.run(name, "", { timeout: 15_000 })).text());
  expect(await files.run("ping")).toMatchObject({ code: 0 });
  const [victim] = before;
  process.kill(Number(victim), "SIGKILL");
  await files.until(
    ({ workers }) => workers.filter(({ pid, state }) => String(pid) !== victim && state === "ready").length === 2,
    pool,
  );
  expect(await files.run("restart")).toMatchObject({ code: 0, stdout: expect.stringMatching(/2 new workers/) });
  await client.background(`${name}-slow`, "1");
  await files.until(({ workers }) => workers.some(({ running }) => running === 1), pool);
  pool.kill("SIGTERM");
  expect((await pool.ended()).code).toBe(0);
  expect(await files.done()).toEqual(["begin 1", "end 1"]);
});

test("the log goes to the system's log, by its socket", async () => {
  const perl = findProgram("perl") ?? "perl";
  await using files = await PoolFolder.make(address, { quick: fresh("pool") });
  const socket = files.file("log");
  const script =
    "use IO::Socket::UNIX; use Socket; $| = 1; my $s = IO::Socket::UNIX->new(Type => SOCK_DGRAM, Local => $ARGV[0]) or die $!;" +
    'print "listens\\n"; while (defined $s->recv(my $line, 9000)) { print "$line\\n"; }';
  const listener = spawn(perl, ["-e", script, socket], { stdio: ["ignore", "pipe", "inherit"] });
  try {
    let heard = "";
    listener.stdout.setEncoding("utf8").on("data", (text) => {
      heard += text;
    });
    await expect.poll(() => heard, { timeout: 15_000 }).toContain("listens");
    await using pool = await files.start(["--log", `syslog:${socket}`]);
    pool.kill("SIGTERM");
    expect((await pool.ended()).code).toBe(0);
    await expect.poll(() => heard, { timeout: 15_000 }).toMatch(/"event":"stop"/);
    expect(heard).toMatch(/^<30>.*edgear\[\d+\]: \{"level":"info",.*"event":"worker:ready"/m);
  } finally {
    listener.kill("SIGKILL");
    if (listener.exitCode === null && listener.signalCode === null) await once(listener, "exit");
  }
});
