import { spawn } from "node:child_process";
import { once } from "node:events";
import { Client } from "edgear";
import { afterAll, beforeAll, describe, expect, inject, test } from "vitest";
import { fresh, NOBODY } from "../conformance/names.ts";
import { CliProcess, edgear, main, systemNode } from "../support/cli.ts";
import { Terminal } from "../support/pty.ts";
import { type RunningWorker, startWorker } from "../support/worker.ts";

const [{ address } = { address: "" }] = inject("servers");
const env = { GEARMAN_SERVERS: address };
const talks = fresh("talks");
const throws = fresh("throws");
const stays = fresh("stays");
/** Ends the job of `stays`. */
let leave = () => {};
const steps = fresh("steps");
const binary = Uint8Array.from({ length: 100_000 }, (_, index) => index * 7);
let worker: RunningWorker;

beforeAll(() => {
  worker = startWorker(
    address,
    {
      [talks]: async (job) => {
        for (let step = 1; step <= 4; step++) {
          job.status(step, 4);
          job.data(`part ${step}\n`);
          await new Promise((resolve) => setTimeout(resolve, 150));
        }
        job.warn("careful\x1b[31m");
        return binary;
      },
      [stays]: async (job) => {
        job.status(3, 4);
        await new Promise<void>((resolve) => {
          leave = resolve;
        });
      },
      [steps]: async (job) => {
        for (let step = 1; step <= 4; step++) {
          job.status(step, 4);
          await new Promise((resolve) => setTimeout(resolve, 150));
        }
        job.data("one part\n");
        return "the result";
      },
      [throws]: () => {
        throw new Error("no way\x1b[2J");
      },
    },
    { concurrency: 10 },
  );
});

afterAll(() => worker?.[Symbol.asyncDispose]());

describe.each([
  ["this Node", process.execPath],
  ["the system's Node", systemNode],
])("submit on %s", (_name, node) => {
  test("prints the result, and nothing else", async () => {
    expect(await edgear(["submit", "reverse", "Hello"], { env, node })).toMatchObject({
      code: 0,
      stdout: "olleH",
      stderr: "",
    });
  });

  test("takes bytes and gives bytes", async () => {
    const { code, bytes } = await edgear(["submit", "echo", "-"], { env, node, input: binary });
    expect(code).toBe(0);
    expect(bytes.equals(binary)).toBe(true);
  });
});

describe("submit", () => {
  test("gives data as it comes, and warnings on the standard error, harmless to a terminal", async () => {
    const { code, bytes, stderr } = await edgear(["submit", talks], { env });
    expect(code).toBe(0);
    expect(bytes.equals(Buffer.concat([Buffer.from("part 1\npart 2\npart 3\npart 4\n"), binary]))).toBe(true);
    expect(stderr).toBe("edgear: warning: careful\\x1b[31m\n");
  });

  test("without a workload sends an empty one, and doesn't wait for its input", async () => {
    const child = new CliProcess(["submit", "echo"], { env });
    expect(await child.ended()).toMatchObject({ code: 0, stdout: "" });
  });

  test("says that a job failed, or what it threw, and ends with 1", async () => {
    const failed = await edgear(["submit", "fail"], { env });
    expect(failed).toMatchObject({ code: 1, stdout: "" });
    expect(failed.stderr).toMatch(/^edgear: the job H:.+:\d+ failed/);
    const threw = await edgear(["submit", throws], { env });
    expect(threw).toMatchObject({ code: 1, stdout: "" });
    expect(threw.stderr).toMatch(/^edgear: the job H:.+:\d+ ended with an exception: no way\\x1b\[2J\n$/);
  });

  test("gives up at its timeout", async () => {
    const { code, stderr } = await edgear(["submit", NOBODY, "--timeout", "200ms"], { env });
    expect(code).toBe(1);
    expect(stderr).toMatch(/did not come in time \(timeout: 200 ms\)/);
  });

  test("prints JSON: text as text, other bytes as base64", async () => {
    const text = await edgear(["submit", "reverse", "abc", "--json", "--unique", fresh("json")], { env });
    expect(JSON.parse(text.stdout)).toMatchObject({ server: address, function: "reverse", result: "cba" });
    const bytes = JSON.parse((await edgear(["submit", talks, "--json"], { env })).stdout);
    expect(Buffer.from(bytes.resultBase64, "base64").equals(binary)).toBe(true);
    expect(bytes.data).toEqual(["part 1\n", "part 2\n", "part 3\n", "part 4\n"]);
  });

  test("in the background prints the handle, with priority, unique and delay as they are told", async () => {
    await using client = new Client(address);
    const unique = fresh("cli");
    const args = ["submit", NOBODY, "x", "--background", "--unique", unique, "--priority", "low"];
    const { code, stdout } = await edgear(args, { env });
    expect(code).toBe(0);
    expect(await client.status(stdout.trim())).toMatchObject({ state: "queued" });
    expect(await client.statusOf(unique)).toMatchObject({ state: "queued", waiting: 0 });
    const delayed = await edgear(["submit", "reverse", "x", "--delay", "1h", "--json"], { env });
    const { handle } = JSON.parse(delayed.stdout);
    expect(await client.status(handle)).toMatchObject({ state: "queued" });
  });

  test("can wait for a job in the background", async () => {
    const { code, stdout } = await edgear(["submit", "slow", "x", "--wait"], { env });
    expect(code).toBe(0);
    await using client = new Client(address);
    expect(await client.status(stdout.trim())).toMatchObject({ state: "unknown" });
    const late = await edgear(["submit", NOBODY, "--wait", "--timeout", "300ms"], { env });
    expect(late.code).toBe(1);
    expect(late.stderr).toMatch(/is still queued/);
  });

  test("leaves quietly when nobody reads the result any more", async () => {
    const script = `"$1" "$2" submit ${talks} | head -c 1; echo " \${PIPESTATUS[0]}"`;
    const shell = spawn("bash", ["-c", script, "sh", process.execPath, main], { env: { ...process.env, ...env } });
    let output = "";
    let errors = "";
    shell.stdout.on("data", (chunk) => (output += chunk));
    shell.stderr.on("data", (chunk) => (errors += chunk));
    await once(shell, "close");
    // What goes to the standard error is still read.
    expect({ output, errors }).toEqual({ output: "p 0\n", errors: "edgear: warning: careful\\x1b[31m\n" });
  });

  test("shows how far a job is on a terminal, and ends what it printed with a line", async () => {
    await using terminal = await Terminal.start([process.execPath, main, "submit", steps], { env });
    await terminal.until("a bar", ({ output }) => output.includes("50 % 2 of 4"));
    expect(await terminal.ended()).toBe(0);
    expect(terminal.output).toContain("█");
    // The bar is gone before anything else is written.
    expect(terminal.output.replaceAll(/\r+\n/g, "\n").endsWith("\r\x1b[Kone part\nthe result\n")).toBe(true);
  });
});

describe("status", () => {
  test("says how far jobs are, in the order in which they are asked for", async () => {
    await using client = new Client(address);
    const unique = fresh("cli");
    const job = await client.background(NOBODY, "x", { unique });
    const args = ["status", "H:nowhere:1", job.handle, "--unique", unique];
    const { code, stdout } = await edgear(args, { env });
    expect(code).toBe(0);
    expect(stdout.split("\n")).toEqual([
      "H:nowhere:1 unknown: done, failed, cancelled, or never there (gearmand can't tell)",
      `${job.handle} queued`,
      `${unique} queued`,
      "",
    ]);
    const json = (await edgear([...args, "--json"], { env })).stdout.trim().split("\n");
    expect(json.map((line) => JSON.parse(line))).toMatchObject([
      { handle: "H:nowhere:1", state: "unknown" },
      { handle: job.handle, state: "queued" },
      { unique, state: "queued", waiting: 0 },
    ]);
  });

  test("follows a job to its end, a line for each change", async () => {
    await using client = new Client(address);
    const { handle } = await client.background(stays);
    await using following = new CliProcess(["status", handle, "--follow", "--interval", "20ms"], { env });
    await following.says(/ 75 % /);
    leave();
    const { code, stdout } = await following.ended();
    expect(code).toBe(0);
    const lines = stdout.trim().split("\n");
    expect(lines).toContain(`${handle} running 75 % (3 of 4)`);
    expect(lines.at(-1)).toMatch(/ unknown: done/);
    expect(new Set(lines).size).toBe(lines.length);
  });

  test("follows a job on a terminal by a bar", async () => {
    await using client = new Client(address);
    const { handle } = await client.background(stays);
    const args = [process.execPath, main, "status", handle, "--follow", "--interval", "20ms"];
    await using terminal = await Terminal.start(args, { env });
    await terminal.until("a bar", ({ output }) => output.includes(" 75 % running"));
    leave();
    expect(await terminal.ended()).toBe(0);
    expect(terminal.output).toContain(`${handle} unknown: done, failed, cancelled, or never there`);
    expect(terminal.output).not.toContain("gone");
  });

  test("follows by unique id, and gives up at its timeout", async () => {
    await using client = new Client(address);
    const unique = fresh("cli");
    await client.background(NOBODY, "x", { unique });
    const args = ["status", "--unique", unique, "--follow", "--timeout", "300ms"];
    expect(await edgear(args, { env })).toMatchObject({
      code: 1,
      stdout: `${unique} queued\n`,
      stderr: expect.stringContaining(`the job ${unique} is still queued`),
    });
  });
});

test("ping says how fast each server answers, and which doesn't", async () => {
  const servers = `${address}, 127.0.0.1:1`;
  const { code, stdout, stderr } = await edgear(["ping", "--count", "2", "--servers", servers]);
  expect(code).toBe(1);
  expect(stdout).toMatch(new RegExp(`^(${address} \\d+\\.\\d\\d ms\n){2}$`));
  expect(stderr).toContain("127.0.0.1:1: nothing listens there");
  const json = await edgear([
    "ping",
    "--json",
    "--servers",
    `${address},${inject("faulty").silent}`,
    "--timeout",
    "200ms",
  ]);
  const lines = json.stdout.trim().split("\n");
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    { server: address, ok: true, milliseconds: expect.any(Number) },
    { server: inject("faulty").silent, ok: false, error: expect.stringContaining("200 ms") },
  ]);
});
