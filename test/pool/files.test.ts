import { spawn } from "node:child_process";
import { mkdir, readFile, rename, rm, stat, symlink, writeFile } from "node:fs/promises";
import { Client } from "edgear";
import { expect, inject, test, vi } from "vitest";
import { lock } from "../../build/src/cli/pool/lock.js";
import { createPid, writePid } from "../../build/src/cli/pool/place.js";
import { fresh } from "../conformance/names.ts";
import { main } from "../support/cli.ts";
import { command } from "../support/command.ts";
import { lives, PoolFolder } from "../support/pool.ts";

// Each starts several processes, which a busy machine takes its time for.
vi.setConfig({ testTimeout: 60_000 });

const address = inject("servers")[0]?.address ?? "";

const mode = async (file: string) => ((await stat(file)).mode & 0o777).toString(8);

test("whatever the umask is, others don't write a pool's files, and don't read its log", async () => {
  await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
  const [pid, log] = [folder.file("run/pool.pid"), folder.file("log/deep/pool.log")];
  const words = ["pool", "start", "--config", folder.file("edgear.config.json"), "--pid", pid, "--daemon"];
  // In the background, and its log's folder isn't there yet.
  const start = `umask 0; exec "$0" "$@"`;
  const started = await command("sh", ["-c", start, process.execPath, main, ...words, "--log", log, "--json"]);
  expect(started).toMatchObject({ code: 0, stderr: "" });
  const daemon = JSON.parse(started.stdout).pid as number;
  try {
    const modes = await Promise.all(
      [pid, `${pid}.sock`, log, folder.file("run"), folder.file("log"), folder.file("log/deep")].map(mode),
    );
    expect(modes).toEqual(["644", "600", "640", "755", "755", "755"]);
  } finally {
    process.kill(daemon, "SIGTERM");
  }
  await expect.poll(() => lives(daemon), { timeout: 15_000 }).toBe(false);
});

test("a link that somebody has put in the place of a file isn't followed", async () => {
  await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
  const [victim, file] = [folder.file("victim"), folder.file("own.pid")];
  await writeFile(victim, "precious");
  await symlink(victim, `${file}.${process.pid}`);
  writePid(file);
  expect(await readFile(file, "utf8")).toBe(`${process.pid}\n`);
  await rm(file);
  await symlink(victim, file);
  expect(() => createPid(file)).toThrow("EEXIST");
  await symlink(folder.file("nothing"), `${file}.lock`);
  const held = lock(`${file}.lock`);
  await rm(`${file}.lock`);
  // Only now is there a place for it.
  (await held)();
  await expect(stat(folder.file("nothing"))).rejects.toThrow("ENOENT");
  expect(await readFile(victim, "utf8")).toBe("precious");
});

test("a number in a pid file that is another program's by now is no pool's, whatever its title says", async () => {
  await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
  const other = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)", "php-fpm: pool www"]);
  try {
    await writeFile(folder.pidFile, `${other.pid}\n`);
    await using pool = await folder.start([]);
    expect(pool.stderr).toContain(`was left behind by process ${other.pid}, which is no pool`);
    pool.kill("SIGTERM");
    expect((await pool.ended()).code).toBe(0);
  } finally {
    other.kill("SIGKILL");
  }
});

test("a log that can't be written, or opened anew, is said once, and harms nothing", async () => {
  await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
  const [link, there, away] = [folder.file("logs/pool.log"), folder.file("logs"), folder.file("away")];
  await mkdir(there);
  await writeFile(folder.file("first.log"), "");
  await symlink(folder.file("first.log"), link);
  const pointTo = async (target: string) => {
    await symlink(target, `${link}.new`);
    await rename(`${link}.new`, link);
  };
  const restarted = () => folder.run("restart");
  await using pool = await folder.start(["--log", link]);
  // What is written there finds no room.
  await pointTo("/dev/full");
  expect(await restarted()).toMatchObject({ code: 0 });
  for (let round = 0; round < 2; round++) pool.kill("SIGUSR2");
  expect(await restarted()).toMatchObject({ code: 0 });
  expect(pool.stderr.match(/the log .*pool\.log can't be written: ENOSPC/g)).toHaveLength(1);
  // Nor is a folder where there was one: it goes on into the file that it has.
  await pointTo(folder.file("second.log"));
  expect(await restarted()).toMatchObject({ code: 0 });
  await rename(there, away);
  await writeFile(there, "");
  expect(await restarted()).toMatchObject({ code: 0 });
  await pool.says(/the log .*pool\.log can't be opened anew: E/);
  expect(await folder.run("stop")).toMatchObject({ code: 0 });
  expect((await pool.ended()).code).toBe(0);
  const lines = (await readFile(folder.file("second.log"), "utf8")).trim().split("\n");
  const events = lines.map((line) => JSON.parse(line).event);
  expect(events.filter((event) => event === "restart")).toHaveLength(2);
  expect(events.at(-1)).toBe("stop");
});

test("a line that is too long for the log on the standard output is missed there, which is said once", async () => {
  const name = fresh("pool");
  await using folder = await PoolFolder.make(address, { "./long.mjs#default": name });
  await folder.write("long.mjs", 'export default () => { throw new Error("x".repeat(2 ** 20)); };');
  await using pool = await folder.start(["--log", "json"]);
  await using client = new Client(address);
  for (let job = 0; job < 2; job++) await expect(client.run(name, "", { timeout: 15_000 })).rejects.toThrow("xxx");
  expect(await folder.run("stop")).toMatchObject({ code: 0 });
  const { code, stdout, stderr } = await pool.ended();
  expect(code).toBe(0);
  expect(stderr.match(/the log has lost a line, .* 1048576 bytes/g)).toHaveLength(1);
  const lines = stdout.trim().split("\n");
  const last = JSON.parse(lines.at(-1) ?? "");
  expect(last).toMatchObject({ event: "stop", jobs: { exception: 2 } });
});

test("the log of a daemon that could not be started is JSON, and says why", async () => {
  await using folder = await PoolFolder.make(address, { quick: fresh("pool") });
  await folder.write("handlers.mjs", "throw new Error('not today')");
  const log = folder.file("pool.log");
  expect(await folder.run("start", ["--daemon", "--log", log])).toMatchObject({
    code: 6,
    stderr: expect.stringContaining("not today"),
  });
  const lines = (await readFile(log, "utf8")).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line)).at(-1)).toMatchObject({
    level: "error",
    msg: expect.stringContaining("not today"),
  });
});
