import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { Admin, Client, JobExceptionError, JobFailedError } from "edgear";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { findProgram } from "../../scripts/programs.mjs";
import { rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { CliProcess, edgear, systemNode } from "../support/cli.ts";
import { command } from "../support/command.ts";

const env = { GEARMAN_SERVERS: inject("servers")[0]?.address };
const READY = /knows that this worker can do/;
let folder: string;
let client: Client;

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "edgear-work-"));
  client = new Client(env.GEARMAN_SERVERS);
});

afterAll(async () => {
  await client?.close();
  await rm(folder, { recursive: true, force: true });
});

/** Starts a worker, and waits until its server knows. */
async function start(args: readonly string[], node?: string): Promise<CliProcess> {
  const worker = new CliProcess(["work", ...args], { env, ...(node && { node }) });
  try {
    await worker.says(READY);
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

describe.each([
  ["this Node", process.execPath],
  ["the system's Node", systemNode],
])("a command on %s", (_name, node) => {
  test("gets the workload, and its output is the result, byte for byte", async () => {
    const name = fresh("work");
    await using worker = await start([name, "--", "cat"], node);
    const bytes = Uint8Array.from({ length: 1_000_000 }, (_, index) => index * 13);
    expect(Buffer.from((await client.run(name, bytes)).bytes).equals(Buffer.from(bytes))).toBe(true);
    expect((await client.run(name)).bytes).toHaveLength(0);
    worker.kill("SIGTERM");
    expect(await worker.ended()).toMatchObject({ code: 0, stdout: "" });
  });
});

describe("a command", () => {
  test("that ends with another exit code than 0, or by a signal, fails its job, and is heard on the standard error", async () => {
    const name = fresh("work");
    await using worker = await start([name, "--", "sh", "-c", 'read -r line; echo "oops: $line" >&2; eval "$line"']);
    await rejection(client.run(name, "exit 3\n"), JobFailedError);
    await rejection(client.run(name, "kill -9 $$\n"), JobFailedError);
    expect((await client.run(name, "exit 0\n")).text()).toBe("");
    expect(worker.stderr).toMatch(/^oops: exit 3$/m);
    expect(worker.stderr).toMatch(/failed after .* ms: sh ended with the exit code 3$/m);
    expect(worker.stderr).toMatch(/sh ended with the signal SIGKILL$/m);
  });

  test("works jobs of gearman's own client off", async () => {
    const name = fresh("work");
    await using _worker = await start([name, "--", "rev"]);
    const [host = "", port = ""] = (env.GEARMAN_SERVERS ?? "").split(":");
    const gearman = findProgram("gearman") ?? "gearman";
    const { code, stdout } = await command(gearman, ["-h", host, "-p", port, "-f", name, "abc"]);
    expect({ code, stdout }).toEqual({ code: 0, stdout: "cba" });
  });

  test("need not read its workload", async () => {
    const name = fresh("work");
    await using _worker = await start([name, "--", "echo", "-n", "well"]);
    expect((await client.run(name, new Uint8Array(3_000_000))).text()).toBe("well");
  });

  test("finds its job in the environment, and its own options are its own", async () => {
    const name = fresh("work");
    const words = "$EDGEAR_HANDLE $EDGEAR_FUNCTION $EDGEAR_UNIQUE $EDGEAR_SERVER";
    await using _worker = await start([name, "--", "sh", "-c", `echo -n "$0 $1 ${words}"`, "--json", "--help"]);
    const unique = fresh("unique");
    const task = client.submit(name, "", { unique });
    const { handle } = await task.handle;
    expect((await task.result).text()).toBe(`--json --help ${handle} ${name} ${unique} ${env.GEARMAN_SERVERS}`);
  });

  test("runs for as many jobs at once as it is told", async () => {
    const name = fresh("work");
    const file = path.join(folder, name);
    // Each waits for the others.
    const script = `touch '${file}'.$$; until [ $(ls '${file}'.* | wc -l) -eq 4 ]; do sleep 0.05; done`;
    await using _worker = await start([name, "--concurrency", "4", "--", "sh", "-c", script]);
    await Promise.all(Array.from({ length: 4 }, () => client.run(name, "", { timeout: 15_000 })));
  });

  test("is ended with all that it has started when its job's time is over", async () => {
    const name = fresh("work");
    const file = path.join(folder, name);
    const script = `trap '' TERM; sleep 60 & echo "$! $$" >'${file}'; wait; sleep 60`;
    await using worker = await start([name, "--timeout", "300ms", "--", "bash", "-c", script]);
    await rejection(client.run(name), JobFailedError);
    const pids = (await readFile(file, "utf8")).split(" ").map(Number);
    expect(pids).toHaveLength(2);
    // The shell doesn't heed a SIGTERM, and is killed.
    await expect.poll(() => pids.map(lives), { timeout: 5_000 }).toEqual([false, false]);
    worker.kill("SIGTERM");
    expect(await worker.ended()).toMatchObject({ code: 0 });
  });

  test("is finished before the worker leaves, and ended when it is told twice", async () => {
    const [gentle, hasty] = [fresh("work"), fresh("work")];
    const file = path.join(folder, hasty);
    await using first = await start([gentle, "--", "sh", "-c", "sleep 0.5; echo -n done"]);
    // It takes its time to clean up, and is given it.
    const cleaned = `${file}-cleaned`;
    const script = `trap "sleep 1.3; echo yes >'${cleaned}'; exit 1" TERM; echo $$ >'${file}'; sleep 60 & wait`;
    await using second = await start([hasty, "--", "sh", "-c", script]);
    const result = client.run(gentle);
    const job = await client.background(hasty);
    await using admin = new Admin(env.GEARMAN_SERVERS);
    const running = async () => {
      const names: string[] = [gentle, hasty];
      return (await admin.status()).filter((entry) => names.includes(entry.function) && entry.running === 1).length;
    };
    await expect.poll(running).toBe(2);
    first.kill("SIGINT");
    expect((await result).text()).toBe("done");
    expect(await first.ended()).toMatchObject({ code: 0 });

    await expect.poll(() => readFile(file, "utf8").catch(() => "")).toMatch(/\d+/);
    second.kill("SIGTERM");
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(second.child.exitCode).toBe(null);
    second.kill("SIGTERM");
    expect(await second.ended()).toMatchObject({ code: 1 });
    expect(second.stderr).toMatch(/closed; 1 job was aborted/);
    expect(lives(Number(await readFile(file, "utf8")))).toBe(false);
    expect(await readFile(cleaned, "utf8")).toBe("yes\n");
    // Another worker would get it.
    expect((await client.status(job)).state).toBe("queued");
    await admin.cancel(job);
  });

  test("has only so much time to finish with --grace", async () => {
    const name = fresh("work");
    await using worker = await start([name, "--grace", "100ms", "--", "sleep", "60"]);
    const job = await client.background(name);
    await expect.poll(async () => (await client.status(job)).state).toBe("running");
    worker.kill("SIGTERM");
    expect(await worker.ended()).toMatchObject({ code: 1 });
    await using admin = new Admin(env.GEARMAN_SERVERS);
    await admin.cancel(job);
  });

  test("works off what waits with --drain, so many with --max-jobs, and leaves with --idle-timeout", async () => {
    const name = fresh("work");
    for (let job = 0; job < 5; job++) await client.background(name, "x");
    const left = async () => {
      await using admin = new Admin(env.GEARMAN_SERVERS);
      return (await admin.status()).find((entry) => entry.function === name)?.total;
    };
    expect(await edgear(["work", name, "--max-jobs", "2", "--quiet", "--", "cat"], { env })).toMatchObject({
      code: 0,
      stdout: "",
      stderr: "",
    });
    expect(await left()).toBe(3);
    expect(await edgear(["work", name, "--drain", "--", "cat"], { env })).toMatchObject({ code: 0 });
    expect(await left()).toBe(0);
    expect(await edgear(["work", name, "--idle-timeout", "200ms", "--", "cat"], { env })).toMatchObject({ code: 0 });
  });
});

describe("a module", () => {
  test("has handlers by function, with their options, and may leave things open", async () => {
    const [reverse, slow, throws] = [fresh("work"), fresh("work"), fresh("work")];
    const file = path.join(folder, "handlers.mjs");
    await writeFile(
      file,
      `setInterval(() => {}, 1_000);
      export default {
        ${JSON.stringify(reverse)}: (job) => [...job.workload.text()].reverse().join(""),
        ${JSON.stringify(slow)}: { handler: () => new Promise(() => {}), timeout: 100 },
        ${JSON.stringify(throws)}: () => { throw new Error("no way"); },
      };`,
    );
    await using worker = await start([file, "--concurrency", "3"]);
    expect((await client.run(reverse, "abc")).text()).toBe("cba");
    await rejection(client.run(slow), JobFailedError);
    expect((await rejection(client.run(throws), JobExceptionError)).message).toBe("no way");
    worker.kill("SIGTERM");
    expect(await worker.ended()).toMatchObject({ code: 0 });
  });

  test.each<[string, string, number, RegExp]>([
    ["empty.mjs", "", 2, /the default export of .*empty\.mjs must have handlers/],
    [
      "number.mjs",
      "export default { f: 3 };",
      2,
      /^edgear: f in .*number\.mjs must be a function, or \{ handler, … \}$/m,
    ],
    ["option.mjs", "export default { f: { handler() {}, tmieout: 3 } };", 2, /no option "tmieout"/],
    ["syntax.mjs", "export default {", 1, /syntax\.mjs could not be loaded: [\s\S]*SyntaxError/],
    [
      "throws.mjs",
      'throw new Error("not today");',
      1,
      /throws\.mjs could not be loaded: Error: not today\n\s+at .*throws\.mjs:1/,
    ],
    ["imports.mjs", 'import "no-such-package";', 1, /imports\.mjs could not be loaded: [\s\S]*no-such-package/],
  ])("that is wrong says so: %s", async (name, text, code, words) => {
    const file = path.join(folder, name);
    await writeFile(file, text);
    const outcome = await edgear(["work", file], { env });
    expect(outcome.stderr).toMatch(words);
    expect(outcome).toMatchObject({ code, stdout: "" });
  });
});
