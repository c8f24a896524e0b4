import assert from "node:assert/strict";
import { Client, JobFailed, Worker } from "edgear";
import { describe, inject, test } from "vitest";
import { findProgram } from "../../scripts/programs.mjs";
import { command, type Outcome } from "../support/command.ts";
import { startGearmand } from "../support/gearmand.ts";
import { startWorker as startEdgearWorker } from "../support/worker.ts";
import { startWorker } from "../support/workers.ts";

describe.each(inject("servers"))("gearman's own tool, over $name", ({ address }) => {
  const [host = "", port = ""] = address.split(":");

  /** Runs `gearman` as a client. */
  function gearman(args: readonly string[], input: string): Promise<Outcome> {
    const program = findProgram("gearman");
    assert.ok(program, "gearman is not installed: run node scripts/peers.mjs");
    return command(program, ["-h", host, "-p", port, ...args], { input });
  }

  test("its worker works off a job that Client submitted", async () => {
    await using _worker = await startWorker(Number(port), "tools-reverse", ["rev"]);
    await using client = new Client(address);
    assert.equal((await client.run("tools-reverse", "hello\n")).text(), "olleh\n");
    const job = await client.background("tools-reverse", "hello\n");
    await client.completed(job, { interval: 20, timeout: 10_000 });
  });

  test("its client gets results from Worker", async () => {
    const name = "tools-upper";
    await using worker = new Worker(address, { concurrency: 4 });
    worker.add(name, (job) => job.workload.text().toUpperCase());
    const working = worker.run();
    const answers = await Promise.all(["one", "two", "three"].map((word) => gearman(["-f", name], word)));
    assert.deepEqual(
      answers.map(({ code, stdout }) => [code, stdout]),
      [
        [0, "ONE"],
        [0, "TWO"],
        [0, "THREE"],
      ],
    );
    const background = await gearman(["-b", "-f", name], "later");
    assert.equal(background.code, 0, background.stderr);
    await worker.close();
    await working;
  });

  test("its client sees data, warnings and failures of Worker", async () => {
    await using worker = new Worker(address);
    worker.add("tools-parts", (job) => {
      job.status(1, 2);
      job.data("a");
      job.warn("careful");
      job.data("b");
      return "c";
    });
    worker.add("tools-fail", () => {
      throw new JobFailed();
    });
    const working = worker.run();
    const told = await gearman(["-f", "tools-parts"], "");
    // Warnings go to its standard error.
    assert.match(told.stdout.replace("50% Complete\n", ""), /^abc/);
    assert.equal(told.stderr, "careful");
    assert.match(told.stdout, /50% Complete/);
    const failed = await gearman(["-f", "tools-fail"], "");
    assert.match(failed.stdout + failed.stderr, /Job failed/);
    // An exception would leave this client waiting for ever: it doesn't ask for exceptions, and gearmand then sends a
    // WORK_FAIL whose handle ends in a NUL, which the client takes for another job's.
    await worker.close();
    await working;
  });
});

test("its client sees exceptions of Worker, from a gearmand that sends them to everybody", async () => {
  await using server = await startGearmand({ args: ["--exceptions"] });
  await using started = startEdgearWorker(server.address, {
    "tools-throw": () => {
      throw new Error("out of paper");
    },
  });
  assert.equal(started.worker.running, 0);
  const program = findProgram("gearman") ?? "";
  const args = ["-h", "127.0.0.1", "-p", String(server.port), "-f", "tools-throw"];
  const { stdout, stderr } = await command(program, args, { input: "" });
  assert.match(stdout + stderr, /out of paper/);
});
