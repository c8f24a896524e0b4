import { spawn } from "node:child_process";
import { once } from "node:events";
import { Client } from "edgear";
import { JobServer } from "edgear/server";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { table } from "../../build/src/cli/table.js";
import { fresh } from "../conformance/names.ts";
import { CliProcess, main } from "../support/cli.ts";
import { command } from "../support/command.ts";
import { type RunningWorker, startWorker } from "../support/worker.ts";

const [{ address } = { address: "" }] = inject("servers");
const [late, fails] = [fresh("late"), fresh("fails")];
let worker: RunningWorker;

beforeAll(() => {
  const steps = async (job: { data(part: string): void }) => {
    for (let step = 0; step < 4; step++) {
      job.data(`part ${step}\n`);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  };
  worker = startWorker(
    address,
    {
      [late]: steps,
      [fails]: async (job) => {
        await steps(job);
        throw new Error("after all");
      },
    },
    { concurrency: 4 },
  );
});

afterAll(() => worker?.[Symbol.asyncDispose]());

/** Runs a line of the shell, in which `edgear` is ours. */
function shell(line: string, servers = address) {
  const script = `edgear() { "${process.execPath}" "${main}" "$@"; }; ${line}`;
  return command("bash", ["-c", script], { env: { GEARMAN_SERVERS: servers } });
}

test("a slow reader gets everything", async () => {
  await using server = await JobServer.listen({ port: 0 });
  await using client = new Client(server.address);
  const jobs = Array.from({ length: 6_000 }, () => ["f", "x"] as const);
  await Promise.all(jobs.map(([name, workload]) => client.background(name, workload)));
  const { stdout } = await shell("edgear admin jobs --json | (sleep 3; cat)", server.address);
  expect(stdout.length).toBeGreaterThan(400_000);
  expect(JSON.parse(stdout)).toHaveLength(6_000);
});

test("a foreground job's outcome is the exit code, also when nobody reads its data any more", async () => {
  const { stdout, stderr } = await shell(
    `edgear submit ${fails} | head -c 1; echo " $\{PIPESTATUS[0]}"; edgear submit ${late} | head -c 1; echo " $\{PIPESTATUS[0]}"`,
  );
  expect(stdout).toBe("p 1\np 0\n");
  expect(stderr).toMatch(/ended with an exception: after all/);
});

test("who closes the standard error of a worker doesn't end it", async () => {
  const name = fresh("work");
  const child = spawn(process.execPath, [main, "work", name, "--verbose", "--", "cat"], {
    env: { ...process.env, GEARMAN_SERVERS: address },
  });
  try {
    await once(child.stderr, "data");
    child.stderr.destroy();
    await using client = new Client(address);
    for (let job = 0; job < 5; job++) expect((await client.run(name, "x", { timeout: 5_000 })).text()).toBe("x");
    expect(child.exitCode).toBe(null);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
});

test("a table may have any number of rows", () => {
  const rows = Array.from({ length: 200_000 }, (_, index) => [`H:vm:${index}`, index]);
  const lines = table([{ title: "HANDLE" }, { title: "RETRIES", right: true }], rows);
  expect(lines).toHaveLength(200_001);
  expect(lines.at(-1)).toBe("H:vm:199999   199999");
});

test("columns stand under each other, whatever the script", () => {
  const lines = table(
    [{ title: "NAME" }, { title: "N", right: true }],
    [
      ["日本語", 1],
      ["e\u0301te\u0301", 2],
      ["plain", 3],
    ],
  );
  expect(lines).toEqual(["NAME    N", "日本語  1", "e\u0301te\u0301     2", "plain   3"]);
});

test("a directory is no workload", async () => {
  const { code, stdout, stderr } = await shell(`edgear submit ${late} - </tmp`);
  expect({ code, stdout, stderr }).toEqual({
    code: 1,
    stdout: "",
    stderr: "edgear: the standard input is a directory, which is no workload\n",
  });
});

test("an empty GEARMAN_SERVERS is none", async () => {
  await using server = new CliProcess(["ping", "--timeout", "300ms"], { env: { GEARMAN_SERVERS: "" } });
  const { stdout, stderr } = await server.ended();
  expect(stdout + stderr).toContain("127.0.0.1:4730");
});
