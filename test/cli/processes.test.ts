import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Admin, Client, JobFailedError } from "edgear";
import { afterAll, beforeAll, expect, inject, test } from "vitest";
import { MAX_RESULT } from "../../build/src/cli/commands.js";
import { rejection } from "../conformance/case.ts";
import { AWAY, fresh } from "../conformance/names.ts";
import { CliProcess, edgear } from "../support/cli.ts";

const env = { GEARMAN_SERVERS: inject("servers")[0]?.address };
let folder: string;
let client: Client;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "edgear-processes-"));
  client = new Client(env.GEARMAN_SERVERS);
});

afterAll(async () => {
  await client?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a worker, and waits until its server knows. */
async function start(args: readonly string[]): Promise<CliProcess> {
  const worker = new CliProcess(["work", ...args], { env });
  try {
    await worker.says(/knows that this worker can do/);
    return worker;
  } catch (error) {
    await worker[Symbol.asyncDispose]();
    throw error;
  }
}

/** Whether there is a process of that number. */
function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a shortage of descriptors harms nobody: jobs wait for its end", async () => {
  const name = fresh("work");
  const enough = path.join(folder, name);
  // In a group of its own, as what was wrong here was a signal to all of its group. bash sees how it ended.
  const program = ["setsid", "--wait", "bash", "-c", 'ulimit -n 50; "$0" "$@"; echo "ended $?"', process.execPath];
  // They stay until there was a shortage, however slowly a busy machine starts them. One that runs takes one descriptor.
  const wait = `until [ -e '${enough}' ]; do sleep 0.05; done; echo -n well`;
  await using worker = new CliProcess(["work", name, "-c", "40", "--max-jobs", "40", "--", "sh", "-c", wait], {
    env,
    program,
  });
  const results = Promise.all(Array.from({ length: 40 }, () => client.run(name, "", { timeout: 19_000 })));
  try {
    await worker.says(/warning: sh could not be run: spawn \S+ EMFILE; it is tried again/);
  } finally {
    await writeFile(enough, "");
  }
  expect((await results).map((result) => result.text())).toEqual(Array.from({ length: 40 }, () => "well"));
  await worker.ended();
  expect(worker.stdout).toBe("ended 0\n");
});

test("what a command leaves behind holds up neither its result nor the worker", async () => {
  const name = fresh("work");
  await using worker = await start([name, "--", "sh", "-c", "setsid sleep 20 2>/dev/null & echo ok"]);
  expect((await client.run(name, "", { timeout: 5_000 })).text()).toBe("ok\n");
  worker.kill("SIGTERM");
  expect(await worker.ended()).toMatchObject({ code: 0 });
});

test.each<[string, NodeJS.Signals[], string]>([
  ["SIGQUIT", ["SIGQUIT"], ":"],
  // Its process is deaf to the second one: it would be over, and so would the worker, before the third.
  ["a third signal", ["SIGTERM", "SIGTERM", "SIGTERM"], "trap '' TERM"],
])("%s ends the worker, and its processes with it", async (_name, signals, first) => {
  const name = fresh("work");
  const file = path.join(folder, name);
  await using worker = await start([name, "--", "sh", "-c", `${first}; echo $$ >'${file}'; sleep 60`]);
  const job = await client.background(name);
  await expect.poll(() => readFile(file, "utf8").catch(() => "")).toMatch(/\d+\n/);
  const pid = Number(await readFile(file, "utf8"));
  for (const signal of signals) {
    worker.kill(signal);
    // Two that come before the worker has its processor are one.
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  const { code, stderr } = await worker.ended();
  expect(code).toBe(1);
  // It takes leave of its server when it waits for what is aborted, and not when it ends at once.
  if (signals.length > 2) expect(stderr).not.toMatch(/ closed\n/);
  await expect.poll(() => lives(pid), { timeout: 10_000 }).toBe(false);
  await using admin = new Admin(env.GEARMAN_SERVERS);
  await admin.cancel(job);
});

test("the largest result arrives, and a larger one fails its job alone", async () => {
  const name = fresh("work");
  await using _worker = await start([name, "--", "sh", "-c", "head -c $(cat) /dev/zero"]);
  expect((await client.run(name, String(MAX_RESULT))).bytes).toHaveLength(MAX_RESULT);
  await rejection(client.run(name, String(MAX_RESULT + 1)), JobFailedError);
  expect((await client.run(name, "3")).bytes).toHaveLength(3);
});

test("a worker that no server has answered has failed, and says once why", async () => {
  const away = { env: { GEARMAN_SERVERS: AWAY } };
  expect(await edgear(["work", "f", "--idle-timeout", "300ms", "--", "cat"], away)).toMatchObject({ code: 1 });
  const drained = await edgear(["work", "f", "--drain", "--quiet", "--", "cat"], away);
  expect(drained.code).toBe(1);
  expect(drained.stderr.match(/nothing listens there/g)).toHaveLength(1);
});
