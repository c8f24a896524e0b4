import { fileURLToPath } from "node:url";
import { Client, JobExceptionError } from "edgear";
import { traced } from "edgear/otel";
import { expect, test } from "vitest";
import { eventually, rejection } from "../conformance/case.ts";
import { fresh } from "../conformance/names.ts";
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

test("without an SDK nothing is made, nothing travels, and envelopes come off all the same", async () => {
  await using gearmand = await startGearmand();
  const name = fresh("bare");
  const { code, stdout, stderr } = await command(NODE[0], [NODE[1], here("no-sdk.ts"), gearmand.address, name]);
  expect(code, stderr).toBe(0);
  expect(JSON.parse(stdout)).toEqual({ raw: "plain", taken: "enveloped", bulk: ["a", "b"], span: false });
});
