/*
 * The C library and its tools, PHP's extension and Perl's modules, with all they can do: what they get from gearmand
 * they get from JobServer.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Client } from "edgear";
import { describe, inject, test } from "vitest";
import { findProgram } from "../../scripts/programs.mjs";
import { eventually } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { command } from "../support/command.ts";
import { BackgroundProcess } from "../support/process.ts";
import { textLines } from "../support/text-command.ts";
import { startWorker } from "../support/worker.ts";
import { startWorker as startTool } from "../support/workers.ts";

function peer(name: string): string {
  return fileURLToPath(new URL(`peers/${name}`, import.meta.url));
}

/** Runs a script that prints JSON values, a line each, and gives them by their first word. */
async function say(program: string, args: readonly string[]): Promise<Record<string, unknown>> {
  const { code, stdout, stderr } = await command(program, args);
  assert.equal(code, 0, stderr);
  const lines = stdout.trim().split("\n");
  return Object.fromEntries(lines.map((line) => JSON.parse(line)).map(([what, ...more]) => [what, more]));
}

/** Starts a worker in another language, and waits until it works. */
async function startPeer(program: string, script: string, args: readonly string[]): Promise<BackgroundProcess> {
  const worker = await BackgroundProcess.start(program, [peer(script), ...args]);
  await eventually(`${script} is ready`, async () => {
    if (!worker.running) throw worker.error("ended");
    return worker.output.includes("ready");
  });
  return worker;
}

/** What a client is told of a job. */
async function follow(client: Client, name: string, workload: string): Promise<unknown[]> {
  const task = client.submit(name, workload);
  const told: unknown[] = [];
  try {
    for await (const event of task) {
      told.push(
        event.type === "status" ? ["status", event.numerator, event.denominator] : [event.type, event.payload.text()],
      );
    }
    return [...told, (await task.result).text()];
  } catch (error) {
    const { name, message } = error as Error;
    // Perl's exceptions are frozen objects: the message comes last.
    return [
      ...told,
      [
        name,
        message
          .replace(/H:\S+/, "H")
          .replace(/^.*?(?=out of)/s, "")
          .trim(),
      ],
    ];
  }
}

describe.each(inject("servers"))("over $name", ({ address }) => {
  const port = address.split(":")[1] ?? "";

  describe.each([
    ["php", "worker.php"],
    ["perl", "worker.pl"],
  ])("a worker in %s", (program, script) => {
    test("tells all that can be told of a job", async () => {
      const prefix = fresh("worker");
      await using worker = await startPeer(program, script, [port, prefix]);
      await using client = new Client(address);
      assert.deepEqual(await follow(client, `${prefix}-everything`, "hello"), [
        ["status", 1, 2],
        ["data", "part"],
        ["warning", "careful"],
        "HELLO",
      ]);
      const failed = ["JobFailedError", "the job H failed: its worker sent WORK_FAIL, which carries no reason"];
      assert.deepEqual(await follow(client, `${prefix}-failing`, ""), [failed]);
      assert.equal((await client.run(`${prefix}-timed`, "")).text(), "in time");
      const lines = await textLines(Number(port), "workers");
      assert.ok(
        lines.some((line) => line.includes(` ${program}-${prefix} :`)),
        lines.join("\n"),
      );
      assert.ok(!lines.some((line) => line.includes("-unregistered")));
      assert.ok(worker.running, worker.output);
      // Last: Perl's worker doesn't get over the answer to the WORK_FAIL that it sends behind an exception.
      assert.deepEqual(await follow(client, `${prefix}-throwing`, ""), [["JobExceptionError", "out of paper"]]);
    });
  });

  test("a worker in php knows the job's function and unique", async () => {
    const prefix = fresh("about");
    await using _worker = await startPeer("php", "worker.php", [port, prefix]);
    await using client = new Client(address);
    const about = await client.run(`${prefix}-about`, "four", { unique: "its unique" });
    assert.deepEqual(about.json(), [`${prefix}-about`, "its unique", 4, true]);
  });

  test("a client in php: echo, priorities, background, unique, status, tasks, exceptions", async () => {
    const prefix = fresh("php");
    const order: string[] = [];
    await using _worker = startWorker(address, {
      [`${prefix}-upper`]: (job) => job.workload.text().toUpperCase(),
      [`${prefix}-throw`]: () => {
        throw new Error("out of paper");
      },
    });
    const queued = [true, false, 0, 0];
    assert.deepEqual(await say("php", [peer("client.php"), port, prefix]), {
      ping: [true],
      doLow: ["HELLO DOLOW"],
      doNormal: ["HELLO DONORMAL"],
      doHigh: ["HELLO DOHIGH"],
      doLowBackground: [queued],
      doBackground: [queued],
      doHighBackground: [queued],
      unique: [true],
      "status by unique": [queued],
      unknown: [[false, false, 0, 0]],
      tasks: [["ONE", "THREE", "TWO"]],
      exception: ["out of paper"],
    });
    const record = (job: { workload: { text(): string } }) => void order.push(job.workload.text());
    await using _later = startWorker(address, { [`${prefix}-queue`]: record });
    await eventually("the queue is empty", async () => order.length === 3);
    await using _last = startWorker(address, { [`${prefix}-tasks`]: record });
    await eventually("the tasks are done", async () => order.length === 6);
    assert.deepEqual(order, ["doHighBackground", "doBackground", "doLowBackground", "high", "normal", "low"]);
  });

  test("a client in perl: priorities, background, unique, status, task sets, exceptions", async () => {
    const prefix = fresh("perl");
    const order: string[] = [];
    await using _worker = startWorker(address, {
      [`${prefix}-upper`]: (job) => job.workload.text().toUpperCase(),
      [`${prefix}-throw`]: () => {
        throw new Error("out of paper");
      },
    });
    assert.deepEqual(await say("perl", [peer("client.pl"), port, prefix]), {
      do_task: ["HELLO"],
      low: [1, 0],
      normal: [1, 0],
      high: [1, 0],
      unique: [1],
      workload: [1, 1, 0],
      "task set": ["ONE", "THREE", "TWO"],
      "server status": [3],
      exception: ["out of paper"],
      failed: [0],
    });
    const record = (job: { workload: { text(): string } }) => void order.push(job.workload.text());
    await using _later = startWorker(address, { [`${prefix}-queue`]: record });
    await eventually("the queue is empty", async () => order.length === 3);
    assert.deepEqual(order, ["high", "normal", "low"]);
  });

  test("libgearman's jobs with a time, and its reduce jobs", async () => {
    const prefix = fresh("c");
    const reduced: string[] = [];
    const late: number[] = [];
    await using _mapper = await startPeer("php", "worker.php", [port, prefix]);
    await using _reducer = startWorker(
      address,
      {
        [`${prefix}-reduce`]: (job) => void reduced.push(job.workload.text()),
        [`${prefix}-later`]: (job) => void late.push(Date.now() / 1000 - Number(job.workload.text())),
      },
      { pollInterval: 200 },
    );
    assert.deepEqual(await say("php", [peer("libgearman.php"), port, prefix]), { epoch: [0], reduce: [0] });
    assert.deepEqual(reduced.toSorted(), ["one", "two"]);
    await eventually("the job with a time is done", async () => late.length === 1);
    assert.ok((late[0] ?? -1) >= 0, `${late[0]} s`);
  });

  describe("gearman's own tool", () => {
    const gearman = (args: readonly string[], input = "") =>
      command(findProgram("gearman") ?? "gearman", ["-h", "127.0.0.1", "-p", port, ...args], { input });

    test("priorities, uniques, background, a job a line, prefixes", async () => {
      const name = fresh("tool");
      for (const args of [["-L"], [], ["-I"], ["-u", "same"], ["-u", "same"]]) {
        const { code, stderr } = await gearman(["-b", ...args, "-f", name], args.join("") || "normal");
        assert.equal(code, 0, stderr);
      }
      const order: string[] = [];
      await using _worker = startWorker(address, {
        [name]: (job) => void order.push(job.workload.text()),
        [`${name}-upper`]: (job) => job.workload.text().toUpperCase(),
      });
      await eventually("all are done", async () => order.length === 4);
      assert.deepEqual(order, ["-I", "normal", "-usame", "-L"]);
      assert.equal((await gearman(["-N", "-f", `${name}-upper`], "one\ntwo\n")).stdout, "ONETWO");
      assert.equal((await gearman(["-n", "-P", "-f", `${name}-upper`], "one\n")).stdout, `${name}-upper: ONE\n`);
      assert.equal((await gearman(["-s", "-f", `${name}-upper`])).stdout, "");
    });

    test("its worker sends lines as data", async () => {
      const name = fresh("lines");
      await using _worker = await startTool(Number(port), name, ["cat"]);
      await using client = new Client(address);
      assert.equal((await client.run(name, "a\nb\n")).text(), "a\nb\n");
    });
  });

  test("gearadmin, all of it", async () => {
    const name = fresh("admin");
    const admin = async (...args: string[]) => {
      const { code, stdout, stderr } = await command(findProgram("gearadmin") ?? "gearadmin", [
        "-h",
        "127.0.0.1",
        "-p",
        port,
        ...args,
      ]);
      assert.equal(code, 0, stderr);
      return stdout + stderr;
    };
    assert.match(await admin("--server-version"), /^\d+\.\d+\.\d+\S*\n$/);
    assert.equal(await admin("--server-verbose"), "ERROR\n");
    assert.match(await admin("--getpid"), /^\d+\n$/);
    assert.match(await admin("--create-function", name), /^(OK)?\s*$/);
    await using client = new Client(address);
    const { handle } = await client.background(name, "x", { unique: name, priority: "high" });
    assert.match(await admin("--status"), new RegExp(`^${name}\t1\t0\t0$`, "m"));
    assert.match(await admin("--priority-status"), new RegExp(`^${name}\t1\t0\t0\t0$`, "m"));
    assert.match(await admin("--show-jobs"), new RegExp(`^${handle}\t0\t0\t1$`, "m"));
    assert.match(await admin("--show-unique-jobs"), new RegExp(`^${name}$`, "m"));
    assert.match(await admin("--workers"), /^\d+ 127\.0\.0\.1 \S* :/m);
    assert.match(await admin("--cancel-job", handle), /^(OK)?\s*$/);
    // What gearmand keeps of it goes when a worker asks.
    await using _worker = startWorker(address, { [name]: () => {} });
    await eventually("nothing is left of it", async () => (await admin("--status")).includes(`${name}\t0\t0\t1`));
    assert.match(await admin("--drop-function", name), /there are still connected workers/);
    assert.match(await admin("--drop-function", `${name}-no`), /function not found/);
  });
});
