import { mkdir } from "node:fs/promises";
import path from "node:path";
import { Client } from "edgear";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Installation, install, root } from "../runtimes/installed.ts";
import { command, type Outcome } from "../support/command.ts";
import { type Gearmand, startGearmand } from "../support/gearmand.ts";
import { BackgroundProcess } from "../support/process.ts";
import { writeExamples } from "./examples.ts";

const DENO = path.join(root, "node_modules/.bin/deno");
const BUN = path.join(root, "node_modules/.bin/bun");
/** Where the package lies here; not part of what a reader types. */
const HERE = ["--no-lock", "--node-modules-dir=manual"];

let installation: Installation;
let gearmand: Gearmand;

beforeAll(async () => {
  gearmand = await startGearmand();
  installation = await install();
}, 120_000);

afterAll(async () => {
  await installation?.[Symbol.asyncDispose]();
  await gearmand?.stop();
});

/** A folder with a page's examples, in which the package is to be found. */
async function examples(page: string): Promise<{ folder: string; names: string[] }> {
  const folder = path.join(installation.folder, path.parse(page).name);
  await mkdir(folder, { recursive: true });
  return { folder, names: await writeExamples(page, folder, gearmand.address) };
}

describe.each([
  {
    ...{ page: "deno.md", names: ["submit.ts", "work.ts", "resize_test.ts"] },
    run: (file: string) => [DENO, "run", ...HERE, `--allow-net=${gearmand.address}`, file],
    test: (file: string) => [DENO, "test", ...HERE, "--allow-net=127.0.0.1", file],
  },
  {
    ...{ page: "bun.md", names: ["submit.ts", "serve.ts", "work.ts", "resize.test.ts"] },
    run: (file: string) => [BUN, "run", file],
    test: (file: string) => [BUN, "test", file],
  },
])("the examples of docs/$page", ({ page, names, run, test: runTest }) => {
  let folder: string;

  beforeAll(async () => {
    const written = await examples(page);
    expect(written.names).toEqual(names);
    folder = written.folder;
  });

  const execute = ([program = "", ...args]: string[]): Promise<Outcome> =>
    command(program, args, { cwd: folder, timeout: 30_000 });

  test("submit a job, with the permissions that the page names", async () => {
    const { code, stdout, stderr } = await execute(run("submit.ts"));
    expect(code, stderr).toBe(0);
    expect(stdout).toMatch(/^H:.+:\d+ queued\n$/);
  });

  test("work jobs off until a signal comes", async () => {
    const [program = "", ...args] = run(path.join(folder, "work.ts"));
    await using worker = await BackgroundProcess.start(program, args);
    await using client = new Client(gearmand.address);
    expect((await client.run("reverse", "abc", { timeout: 15_000 })).text(), worker.output).toBe("cba");
    await worker.stop(15_000);
    // One that is killed has none.
    expect(worker.exitCode, worker.output).toBe(0);
  });

  test("test with a job server of their own", async () => {
    const { code, stdout, stderr } = await execute(runTest(names.at(-1) as string));
    expect(code, stdout + stderr).toBe(0);
    expect(stdout + stderr).toMatch(/1 pass/);
  });
});

test("on Deno, without the permission, the error says so", async () => {
  const { folder } = await examples("deno.md");
  const { code, stderr } = await command(DENO, ["run", ...HERE, "--no-prompt", "submit.ts"], { cwd: folder });
  expect(code).not.toBe(0);
  expect(stderr).toMatch(/ConnectionError: could not connect to the job server .*net access/s);
});

test("Bun makes one file of the example, and serves requests with one client", async () => {
  const { folder } = await examples("bun.md");
  const out = path.join(folder, "alone");
  await mkdir(out, { recursive: true });
  const built = await command(BUN, ["build", "--target=bun", "submit.ts", `--outfile=${out}/submit.js`], {
    cwd: folder,
  });
  expect(built.code, built.stderr).toBe(0);
  expect((await command(BUN, ["run", "submit.js"], { cwd: out })).stdout).toMatch(/ queued\n$/);

  await using server = await BackgroundProcess.start(BUN, ["run", path.join(folder, "serve.ts")]);
  await expect.poll(() => server.output, { timeout: 10_000 }).toMatch(/listens on http/);
  const url = /http:\S+/.exec(server.output)?.[0] ?? "";
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => fetch(new URL("/jobs/resize", url), { method: "POST", body: "x" })),
  );
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([202]));
});
