import { spawn } from "node:child_process";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "edgear";
import { afterAll, beforeAll, describe, expect, inject, test, vi } from "vitest";
import { fresh } from "../conformance/names.ts";
import { main } from "../support/cli.ts";
import { lives, PoolFolder } from "../support/pool.ts";
import { Terminal } from "../support/pty.ts";

// Each starts several processes, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

const address = inject("servers")[0]?.address ?? "";
let client: Client;

beforeAll(() => {
  client = new Client(address);
});

afterAll(() => client?.close());

describe("what is wrong has words and an exit code of its own", () => {
  test("a second start, a stop of nothing, a status of nothing", async () => {
    await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
    expect(await folder.run("stop")).toMatchObject({
      code: 4,
      stderr: expect.stringMatching(/doesn't run: there is no .*pool\.pid/),
    });
    expect(await folder.run("status")).toMatchObject({ code: 4, stdout: "" });
    await using pool = await folder.start([]);
    expect(await folder.run("start")).toMatchObject({
      code: 3,
      stderr: expect.stringContaining(`the pool of group runs already: process ${pool.child.pid} `),
    });
    // The first has noticed nothing.
    expect(await folder.run("status", ["--json"])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/"state":"ready"/),
    });
    expect(await folder.run("stop")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^group has stopped/) });
    expect((await pool.ended()).code).toBe(0);
    expect(await folder.run("stop")).toMatchObject({ code: 4 });
  });

  test("starts at the same moment: one runs, and can be asked; the others say so", async () => {
    await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
    for (let round = 0; round < 3; round++) {
      const starts = [folder.begin("start"), folder.begin("start"), folder.begin("start")];
      try {
        const codes: (number | null)[] = [];
        const ended = starts.map(async (start) => codes.push((await start.ended(30_000)).code));
        await expect.poll(() => codes, { timeout: 20_000 }).toEqual([3, 3]);
        const { pid } = await folder.until(({ workers }) => workers.some(({ state }) => state === "ready"));
        expect(starts.find(({ child }) => child.exitCode === null)?.child.pid).toBe(pid);
        expect((await readFile(folder.pidFile, "utf8")).trim()).toBe(String(pid));
        expect(await folder.run("stop")).toMatchObject({ code: 0 });
        await Promise.all(ended);
        expect(codes).toEqual([3, 3, 0]);
      } finally {
        for (const start of starts) await start[Symbol.asyncDispose]();
      }
    }
    // One that finds another at it waits until that is through.
    const busy = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "pool"], { stdio: "ignore" });
    try {
      await writeFile(`${folder.pidFile}.lock`, `${busy.pid}\n`);
      await using waits = folder.begin("start");
      await delay(2_000);
      expect([await folder.status(), waits.child.exitCode]).toEqual([undefined, null]);
      busy.kill("SIGKILL");
      await folder.until(({ workers }) => workers.some(({ state }) => state === "ready"), waits);
      waits.kill("SIGTERM");
      expect((await waits.ended()).code).toBe(0);
    } finally {
      busy.kill("SIGKILL");
    }
    // What one that was killed meanwhile has left.
    await writeFile(`${folder.pidFile}.lock`, "4194304\n");
    await using pool = await folder.start([]);
    pool.kill("SIGTERM");
    expect((await pool.ended()).code).toBe(0);
  });

  test("a pool that doesn't answer, and what is no pool", async () => {
    await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
    await using pool = await folder.start([]);
    pool.kill("SIGSTOP");
    try {
      const [status, ping, stop, restart, start] = await Promise.all([
        ...[folder.run("status"), folder.run("ping", ["--timeout", "100ms"]), folder.run("stop")],
        ...[folder.run("restart"), folder.run("start")],
      ]);
      for (const asked of [status, ping, stop, restart])
        expect(asked).toMatchObject({
          code: 7,
          stderr: expect.stringMatching(new RegExp(`process ${pool.child.pid}, doesn't answer`)),
        });
      expect(start).toMatchObject({
        code: 3,
        stderr: expect.stringMatching(/^edgear: process \d+ of .*pool\.pid is a pool that doesn't answer: .*\n$/),
      });
    } finally {
      pool.kill("SIGCONT");
    }
    // It was not stopped by what it could not answer.
    await folder.until(({ workers }) => workers.some(({ state }) => state === "ready"), pool);
    expect(await folder.run("stop")).toMatchObject({ code: 0 });
    const other = createServer((socket) => socket.end("hello\n"));
    await new Promise<void>((resolve) => other.listen(`${folder.pidFile}.sock`, resolve));
    try {
      const words = { stderr: expect.stringMatching(/isn't a pool/) };
      expect(await folder.run("status")).toMatchObject({ code: 1, ...words });
      expect(await folder.run("start")).toMatchObject({ code: 3, ...words });
    } finally {
      other.close();
    }
  });

  test("a pid file that was left behind is said, and harms nothing", async () => {
    await using folder = await PoolFolder.make(address, { slow: fresh("pool") });
    await using killed = await folder.start([]);
    killed.kill("SIGKILL");
    await killed.ended();
    expect(await folder.run("status")).toMatchObject({
      code: 5,
      stderr: expect.stringMatching(/has ended without removing .*pool\.pid/),
    });
    expect(await folder.run("stop")).toMatchObject({ code: 4 });
    // A number that is another program's by now.
    await writeFile(folder.pidFile, "1\n");
    await using pool = await folder.start([]);
    expect(pool.stderr).toMatch(/pool\.pid was left behind by process 1, which is no pool/);
    pool.kill("SIGTERM");
    expect((await pool.ended()).code).toBe(0);
  });

  test("handlers that don't load: nothing is started, and in a restart the old ones go on", async () => {
    const name = fresh("pool");
    await using folder = await PoolFolder.make(address, { quick: name });
    const handlers = await readFile(folder.file("handlers.mjs"), "utf8");
    await folder.write("handlers.mjs", "export const other = 1;");
    expect(await folder.run("start")).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/handlers\.mjs has no export "quick"/),
    });
    await folder.write("handlers.mjs", "export const quick = () => {}; throw new Error('not today');");
    expect(await folder.run("start", ["--daemon"])).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/handlers\.mjs.*not today/),
    });
    await folder.write("handlers.mjs", "process.exit(9)");
    expect(await folder.run("start")).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/the exit code 9 while it loaded/),
    });
    await folder.write("handlers.mjs", handlers);
    await using pool = await folder.start([]);
    await folder.write("handlers.mjs", "throw new Error('broken')");
    expect(await folder.run("restart")).toMatchObject({
      code: 6,
      stderr: expect.stringMatching(/handlers\.mjs.*broken/),
    });
    expect((await client.run(name, "", { timeout: 15_000 })).text()).toBe("");
    expect(await folder.run("stop")).toMatchObject({ code: 0 });
    expect(pool.stderr).toMatch(/not restarted, the old workers go on: /);
  });

  test("groups and options that aren't there", async () => {
    await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
    expect(await folder.run("start", ["nope"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/no group "nope"; there are: group/),
    });
    expect(await folder.run("start", ["--workers", "0"])).toMatchObject({ code: 2 });
    expect(await folder.run("start", ["--max-memory", "much"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/256MB/),
    });
    expect(await folder.run("start", ["--connection", "far"])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/connection "far"/),
    });
    expect(await folder.run("start", ["--atomic", "--count", "3"])).toMatchObject({ code: 2 });
  });
});

describe("a daemon", () => {
  test("runs in the background, logs to a file, answers pings and signals, and is stopped", async () => {
    const name = fresh("pool");
    await using folder = await PoolFolder.make(address, { quick: name, fails: `${name}-fails` });
    const log = folder.file("pool.log");
    const started = await folder.run("start", ["--daemon", "--log", log, "-vv", "--json"]);
    expect(started).toMatchObject({ code: 0, stderr: "" });
    const { pid } = JSON.parse(started.stdout);
    try {
      expect((await readFile(folder.pidFile, "utf8")).trim()).toBe(String(pid));
      const ping = JSON.parse((await folder.run("ping", ["--json"])).stdout);
      expect(ping).toEqual({ worker: 1, pid: expect.any(Number), milliseconds: expect.any(Number) });
      expect(ping.milliseconds).toBeGreaterThan(0);
      await client.run(name, "a workload");
      await expect(client.run(`${name}-fails`, "x")).rejects.toThrow("no luck");
      process.kill(pid, "SIGUSR2");
      const entry = (event: string) => expect.stringMatching(new RegExp(`"event":"${event}"`));
      await expect
        .poll(async () => (await readFile(log, "utf8")).split("\n"), { timeout: 15_000 })
        .toEqual(expect.arrayContaining([entry("state")]));
      // logrotate moves the file, and has the pool open it anew.
      expect(await folder.run("restart")).toMatchObject({ code: 0 });
      expect(await folder.run("stop", ["--json"])).toMatchObject({
        code: 0,
        stdout: expect.stringMatching(/"complete":1,"failure":0,"exception":1/),
      });
    } finally {
      if (lives(pid)) process.kill(pid, "SIGKILL");
    }
    await expect.poll(() => lives(pid), { timeout: 15_000 }).toBe(false);
    const lines = (await readFile(log, "utf8"))
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    const of = (event: string) => lines.filter((line) => line.event === event);
    expect(of("job:start")[0]).toMatchObject({ group: "group", worker: 1, function: name, workload: "a workload" });
    expect(of("job:end").map(({ outcome }) => outcome)).toEqual(["complete", "exception"]);
    expect(of("job:end")[1]).toMatchObject({ level: "error", error: "no luck" });
    // A worker's life, in the order in which it comes.
    const first = of("worker:ready")[0].pid;
    const life = lines.filter((line) => line.pid === first && !["no-jobs", "idle", "state"].includes(line.event));
    expect(life.map(({ event }) => event)).toEqual([
      ...["worker:start", "connect:before", "connect", "register:before", "register", "worker:ready"],
      ...["job:start", "job:end", "job:start", "job:end", "worker:leave", "disconnect", "worker:exit"],
    ]);
  });
});

test("workers whose pool is killed finish their jobs, and leave", async () => {
  const name = fresh("pool");
  await using folder = await PoolFolder.make(address, { slow: name });
  await using pool = await folder.start(["--workers", "2"], 2);
  await client.background(name, "1");
  const { workers } = await folder.until(({ workers }) => workers.some(({ running }) => running === 1), pool);
  pool.kill("SIGKILL");
  await expect.poll(() => workers.some(({ pid }) => lives(pid)), { timeout: 15_000 }).toBe(false);
  expect(await folder.done()).toEqual(["begin 1", "end 1"]);
});

test("a job that takes longer than --grace is left to other workers, and the exit code says so", async () => {
  const name = fresh("pool");
  await using folder = await PoolFolder.make(address, { stuck: name });
  await using pool = await folder.start(["--grace", "300ms"]);
  await client.background(name, "", { unique: fresh("unique") });
  await folder.until(({ workers }) => workers.some(({ running }) => running === 1), pool);
  pool.kill("SIGTERM");
  const { code, stderr } = await pool.ended();
  expect(code).toBe(1);
  expect(stderr).toMatch(/given to another worker .*: it was not waited for/);
  expect(stderr).toMatch(/stopped, after 0 jobs; 1 more was aborted, for other workers to do/);
  // It is there again.
  await using other = await folder.start(["--grace", "0"]);
  await folder.until(({ workers }) => workers.some(({ running }) => running === 1), other);
  await folder.write("handlers.mjs", "export const stuck = () => {};");
  await folder.run("stop");
  await using last = folder.begin("start", ["--count", "1", "--no-resuscitate"]);
  expect((await last.ended()).code).toBe(0);
});

test("SIGQUIT stops a pool at once", async () => {
  const name = fresh("pool");
  await using folder = await PoolFolder.make(address, { stuck: name });
  await using pool = await folder.start([]);
  await client.background(name, "", { unique: fresh("unique") });
  await folder.until(({ workers }) => workers.some(({ running }) => running === 1), pool);
  pool.kill("SIGQUIT");
  const { code, stderr } = await pool.ended();
  expect(code).toBe(1);
  expect(stderr).toMatch(/stopped, after 0 jobs; 1 more was aborted/);
  // The job isn't left to others.
  await folder.write("handlers.mjs", "export const stuck = () => {};");
  await using last = folder.begin("start", ["--count", "1", "--no-resuscitate"]);
  expect((await last.ended()).code).toBe(0);
});

describe("workers leave", () => {
  test("after so many jobs, and so much memory; each is replaced", async () => {
    const name = fresh("pool");
    await using folder = await PoolFolder.make(address, { pid: name, grows: `${name}-grows` });
    await using pool = await folder.start(["--count", "3", "--max-memory", "300MB"]);
    const pids: string[] = [];
    for (let job = 0; job < 6; job++) pids.push((await client.run(name, "", { timeout: 15_000 })).text());
    expect([new Set(pids.slice(0, 3)).size, new Set(pids.slice(3)).size, new Set(pids).size]).toEqual([1, 1, 2]);
    await pool.says(/leaves: it has done its share of jobs/);
    pool.kill("SIGTERM");
    await pool.ended();
    await using greedy = await folder.start(["--max-memory", "200MB"]);
    for (let job = 0; job < 4; job++) await client.run(`${name}-grows`, "", { timeout: 15_000 });
    await greedy.says(/leaves: it took too much memory \(\d+ bytes of 209715200\)/);
    greedy.kill("SIGTERM");
    expect((await greedy.ended()).code).toBe(0);
  });

  test("after so long; --limit ends the pool", async () => {
    await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
    await using pool = folder.begin("start", ["--max-lifetime", "200ms", "--limit", "3"]);
    const { code, stderr } = await pool.ended();
    expect(code).toBe(0);
    expect(stderr.match(/leaves: it has lived long enough/g)).toHaveLength(3);
  });

  test("by dying again and again: it is said, and each waits longer", async () => {
    const name = fresh("pool");
    await using folder = await PoolFolder.make(address, { dies: name });
    await using pool = await folder.start([]);
    await client.background(name);
    await pool.says(/workers die again and again, 6 so far: the next one is started in 1600 ms/);
    expect(pool.stderr).toMatch(/ended with the exit code 7/);
    await folder.write("handlers.mjs", "export const dies = () => {};");
    await folder.until(({ jobs }) => jobs.complete === 1, pool);
    pool.kill("SIGTERM");
    expect((await pool.ended()).code).toBe(0);
  });
});

test("--watch replaces the workers when a handler, or the folder that it is in, changes", async () => {
  const name = fresh("pool");
  await using folder = await PoolFolder.make(address, { "./watched.mjs#default": name });
  await folder.write("watched.mjs", 'export default () => "old";');
  await using pool = await folder.start(["--watch", "--threads"]);
  expect((await client.run(name, "", { timeout: 15_000 })).text()).toBe("old");
  await delay(100);
  await folder.write("watched.mjs", 'export default () => "new";');
  await pool.says(/restarted: 1 worker was replaced/);
  expect((await client.run(name, "", { timeout: 15_000 })).text()).toBe("new");
  // A handler in a folder that was not there when the pool was started.
  await mkdir(folder.file("later"));
  await folder.write("later/new.mjs", 'export default () => "later";');
  const config = JSON.parse(await readFile(folder.file("edgear.config.json"), "utf8"));
  config.groups.group.functions[name] = "./later/new.mjs#default";
  await folder.write("edgear.config.json", JSON.stringify(config));
  const restarts = (count: number) =>
    expect
      .poll(() => pool.stderr.match(/restarted: 1 worker was replaced/g)?.length, { timeout: 15_000 })
      .toBeGreaterThanOrEqual(count);
  await restarts(2);
  expect((await client.run(name, "", { timeout: 15_000 })).text()).toBe("later");
  await folder.write("later/new.mjs", 'export default () => "latest";');
  await restarts(3);
  expect((await client.run(name, "", { timeout: 15_000 })).text()).toBe("latest");
  // Its folder is removed, and there is another one in its place, at once or after a while.
  const gives = (words: string) =>
    expect
      .poll(async () => (await client.run(name, "", { timeout: 15_000 })).text(), { timeout: 15_000, interval: 100 })
      .toBe(words);
  for (const away of [0, 2_500]) {
    await rm(folder.file("later"), { recursive: true });
    await delay(away);
    await mkdir(folder.file("later"));
    await folder.write("later/new.mjs", `export default () => "anew ${away}";`);
    await gives(`anew ${away}`);
    await folder.write("later/new.mjs", `export default () => "changed ${away}";`);
    await gives(`changed ${away}`);
  }
  pool.kill("SIGINT");
  expect((await pool.ended()).code).toBe(0);
});

test("a restart stays with its group, also where none was named, and the configuration has more by now", async () => {
  const name = fresh("pool");
  await using folder = await PoolFolder.make(address, { quick: name });
  await using pool = await folder.start([]);
  const config = JSON.parse(await readFile(folder.file("edgear.config.json"), "utf8"));
  config.groups.default = { functions: { [`${name}-other`]: "./handlers.mjs#quick" } };
  await folder.write("edgear.config.json", JSON.stringify(config));
  expect(await folder.run("restart")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^group has 1 new/) });
  expect((await client.run(name, "", { timeout: 15_000 })).text()).toBe("");
  expect(await folder.run("stop")).toMatchObject({ code: 0, stdout: expect.stringMatching(/^group has stopped/) });
  expect((await pool.ended()).code).toBe(0);
});

test("status is a live table on a terminal", async () => {
  await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
  await using pool = await folder.start(["--workers", "2"], 2);
  const words = [process.execPath, main, "pool", "status", "--pid", folder.pidFile, "--interval", "100ms"];
  await using terminal = await Terminal.start(words);
  await terminal.until("the table", ({ screen }) => /2 of 2 workers ready[\s\S]*WORKER +PID +STATE/.test(screen));
  const { workers } = await folder.until(({ workers }) => workers.length === 2, pool);
  process.kill(workers[0]?.pid as number, "SIGKILL");
  const { workers: after } = await folder.until(
    ({ workers: now }) => now.filter(({ pid, state }) => pid !== workers[0]?.pid && state === "ready").length === 2,
    pool,
  );
  const fresher = after.find(({ pid }) => !workers.some((worker) => worker.pid === pid));
  await terminal.until("the new worker", ({ screen }) => screen.includes(` ${fresher?.pid}  ready`));
  terminal.press("q");
  expect(await terminal.ended()).toBe(0);
  pool.kill("SIGTERM");
  expect((await pool.ended()).code).toBe(0);
});
