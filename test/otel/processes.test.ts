import { readFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client, JobExceptionError } from "edgear";
import { traced } from "edgear/otel";
import { expect, test } from "vitest";
import { eventually, rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
import { root } from "../runtimes/installed.ts";
import { command } from "../support/command.ts";
import { startGearmand } from "../support/gearmand.ts";
import { BackgroundProcess } from "../support/process.ts";
import { ended, register } from "./tracing.ts";

const exporter = register();
const here = (file: string) => fileURLToPath(new URL(file, import.meta.url));
/** Node runs TypeScript by itself: the one that the tests run on, and newer. */
const NODE = [process.execPath, "--disable-warning=ExperimentalWarning"] as const;

interface Told {
  name: string;
  parent: { traceId: string; spanId: string; isRemote: boolean };
  status: { code: number; message?: string };
}

test("parent here, child in another process: of a job that is done, and of one that fails", async () => {
  await using gearmand = await startGearmand();
  const name = fresh("far");
  await using worker = await BackgroundProcess.start(NODE[0], [
    NODE[1],
    here("traced-worker.ts"),
    gearmand.address,
    name,
  ]);
  await using client = traced(new Client(gearmand.address), { envelope: [name] });
  expect((await client.run(name, "good", { timeout: 15_000 })).text(), worker.output).toBe("GOOD");
  const error = await rejection(client.run(name, "bad", { timeout: 15_000 }), JobExceptionError);
  expect(error.message).toMatch("bad indeed");
  await ended(exporter, `run ${name}`);
  const told = () => worker.output.split("\n").filter(Boolean);
  await eventually("both spans of the worker", async () => told().length === 2);
  const spans = told().map((line) => JSON.parse(line) as Told);
  const parents = exporter.getFinishedSpans().map((span) => span.spanContext());
  expect(spans.map(({ parent }) => [parent.traceId, parent.spanId, parent.isRemote])).toEqual(
    parents.map(({ traceId, spanId }) => [traceId, spanId, true]),
  );
  expect(spans.map(({ status }) => status.message)).toEqual([undefined, "bad indeed"]);
});

const BIN = path.join(root, "node_modules/.bin");

test.each([
  ["node", [...NODE]],
  ["deno", [path.join(BIN, "deno"), "run", "-A", "--no-lock", "--node-modules-dir=manual"]],
  ["bun", [path.join(BIN, "bun"), "run"]],
])("on %s without an SDK nothing is made, nothing travels, and envelopes come off all the same", async (_, run) => {
  await using gearmand = await startGearmand();
  const name = fresh("bare");
  const [program = "", ...args] = [...run, here("no-sdk.ts"), gearmand.address, name];
  const { code, stdout, stderr } = await command(program, args, { cwd: root, timeout: 20_000 });
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ raw: "plain", taken: "enveloped", bulk: ["a", "b"], span: false });
});

test("a worker in PHP that takes the envelope off as docs/observability.md says", async () => {
  await using gearmand = await startGearmand();
  const name = fresh("php");
  const page = await readFile(path.join(root, "docs/observability.md"), "utf8");
  const [, code = ""] = /^```php\n(.*?)^```$/ms.exec(page) ?? [];
  const program = `${code}
    $worker = new GearmanWorker();
    $worker->addServer('127.0.0.1', ${gearmand.port});
    $worker->addFunction('${name}', fn(GearmanJob $job) => strrev(workload($job)));
    while ($worker->work());`;
  await using worker = await BackgroundProcess.start("php", ["-r", program]);
  await using plain = new Client(gearmand.address);
  await using client = traced(new Client(gearmand.address), { envelope: [name] });
  for (const each of [plain, client])
    expect((await each.run(name, "abc", { timeout: 15_000 })).text(), worker.output).toBe("cba");
  expect((await client.run(name, undefined, { timeout: 15_000 })).bytes.length).toBe(0);
});
