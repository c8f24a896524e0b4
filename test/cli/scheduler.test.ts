import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Redis as Client } from "ioredis";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { findNode20 } from "../../scripts/programs.mjs";
import { fresh } from "../conformance/names.ts";
import { CliProcess, edgear } from "../support/cli.ts";
import { Redis } from "../support/redis.ts";
import { startWorker } from "../support/worker.ts";

const [{ address } = { address: "" }] = inject("servers");
let folder: string;
let redis: Redis;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "edgear-scheduler-"));
  redis = await Redis.start();
});

afterAll(async () => {
  await redis?.[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

test("jobs are added, listed and cancelled, in the store that EDGEAR_STORE names", async () => {
  const env = { EDGEAR_STORE: `sqlite:${path.join(folder, "jobs.db")}`, GEARMAN_SERVERS: "nowhere" };
  const run = (...args: string[]) => edgear(["scheduler", ...args], { env, input: Uint8Array.of(0, 255, 10) });
  for (const command of [["list"], ["cancel", "launch"]]) {
    const { code, stdout, stderr } = await run(...command);
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).toMatch(/^edgear: the store .*jobs\.db: there is no such file/);
  }
  // Neither has made it.
  expect(await readdir(folder)).toEqual([]);
  const added = await run("add", "launch", "mail", "hello", "--at", "2100-01-01T00:00:00Z", "--priority", "high");
  expect(added).toMatchObject({ code: 0, stdout: "launch runs 2100-01-01T00:00:00.000Z\n", stderr: "" });
  const cron = ["--cron", "0 3 * * *", "--time-zone", "Europe/Berlin", "--missed", "skip", "--json"];
  const { code, stdout } = await run("add", "nightly", "report", "-", ...cron);
  expect(code).toBe(0);
  expect(JSON.parse(stdout)).toEqual({
    ...{ name: "nightly", function: "report", priority: "normal", missed: "skip", bytes: 3 },
    ...{
      next: expect.stringMatching(/T0[12]:00:00\.000Z$/),
      repetition: { cron: "0 3 * * *", timeZone: "Europe/Berlin" },
    },
  });
  expect((await run("add", "beat", "f", "--every", "90s")).code).toBe(0);
  expect((await run("add", "soon", "f", "--delay", "1d")).code).toBe(0);
  const { stdout: listed } = await run("list");
  expect(listed).toMatch(/^launch +mail +2100-01-01T00:00:00\.000Z +high$/m);
  expect(listed).toMatch(/^nightly +report +20\S+Z +0 3 \* \* \* Europe\/Berlin +normal$/m);
  expect(listed).toMatch(/^beat +f +20\S+Z +every 90 s +normal$/m);
  const lines = (await run("list", "--json")).stdout
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line).name);
  expect(lines).toEqual(["beat", "launch", "nightly", "soon"]);
  expect(await run("cancel", "beat", "soon")).toMatchObject({ code: 0, stdout: "cancelled beat\ncancelled soon\n" });
  expect(await run("cancel", "beat", "launch")).toMatchObject({
    ...{ code: 1, stdout: "cancelled launch\n", stderr: 'edgear: there is no scheduled job "beat"\n' },
  });
});

test("a job that one command adds is submitted by another, with Redis between them", { timeout: 40_000 }, async () => {
  const name = fresh("scheduled");
  const got: string[] = [];
  await using _worker = startWorker(address, { [name]: (job) => void got.push(job.workload.text()) });
  const store = ["--store", redis.url, "--prefix", "{cli}:"];
  await using scheduler = new CliProcess(["scheduler", ...store, "--servers", address]);
  await scheduler.says(/Waiting for scheduled tasks/);
  expect((await edgear(["scheduler", "add", "job", name, "from afar", "--delay", "100ms", ...store])).code).toBe(0);
  await scheduler.says(/job \(\S+, .*\) is H:/);
  await expect.poll(() => got).toEqual(["from afar"]);
  const client = new Client(redis.port, "127.0.0.1");
  expect(await client.keys("*")).toEqual([]);
  client.disconnect();
  await redis.stop();
  await scheduler.says(/the store is away, and is tried again in \d/);
  await redis.start();
  await scheduler.says(/the store is back after \d/);
  scheduler.kill("SIGINT");
  expect(await scheduler.ended()).toMatchObject({ code: 0, stdout: "" });
});

test("a job server that is away is said, and waited for until a signal comes", { timeout: 40_000 }, async () => {
  const store = ["--store", `sqlite:${path.join(folder, "away.db")}`];
  await edgear(["scheduler", "add", "job", "f", "--delay", "0", ...store]);
  await using scheduler = new CliProcess(["scheduler", ...store, "--servers", "127.0.0.1:1"]);
  await scheduler.says(/the job server is away, and is tried again in .*nothing listens there/);
  scheduler.kill("SIGTERM");
  expect(await scheduler.ended()).toMatchObject({ code: 0, stdout: "" });
  expect((await edgear(["scheduler", "list", ...store])).stdout).toMatch(/^job /m);
});

test("a store that can't be had is said in words", async () => {
  const nowhere = await edgear(["scheduler", "add", "x", "f", "--delay", "1d", "--store", "sqlite:/nowhere/at/all.db"]);
  expect(nowhere).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^edgear: the store .*unable to open.*\n$/),
  });
  const away = await edgear(["scheduler", "list", "--store", "redis://127.0.0.1:1"]);
  expect(away).toMatchObject({
    code: 1,
    stdout: "",
    stderr: expect.stringMatching(/^edgear: the store .*ECONNREFUSED.*\n$/),
  });
  const plan = ["scheduler", "add", "x", "f", "--delay", "1d"];
  const old = await edgear([...plan, "--store", `sqlite:${path.join(folder, "20.db")}`], {
    node: findNode20() ?? "",
  });
  expect(old).toMatchObject({ code: 1, stdout: "", stderr: expect.stringMatching(/use Node 22\.13 or newer/) });
});

test("a store that is none is said without its password", async () => {
  for (const url of [
    "valkey://:s3cret@h:1",
    "valkey://me:s3/c@r:e?t@h:1",
    "s3cret@h",
    "valkey://h:1?password=s3cret",
  ]) {
    for (const options of [["--store", url], []]) {
      const { code, stdout, stderr } = await edgear(["scheduler", ...options], { env: { EDGEAR_STORE: url } });
      expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
      expect(stderr).toMatch(/must be sqlite:FILE, redis:\/\/host:port or .*, not "/);
      expect(stderr).not.toMatch(/s3|c@r|e\?t/);
    }
  }
  const database = await edgear(["outbox", "status", "--database", "oracle://me:s3/c@ret@h/db"]);
  expect(database.code).toBe(2);
  expect(database.stderr).toMatch(/not "oracle:\/\/…@h\/db"/);
});
