import { fstatSync } from "node:fs";
import { type Command, Option } from "commander";
import { strictText } from "../bytes.js";
import type { Client, ForegroundOptions, JobHandle, Payload, Priority, TaskEvent } from "../index.js";
import { withClient } from "./client.js";
import { Failure, UsageError } from "./exit.js";
import { follow } from "./follow.js";
import { type CommonOptions, duration, jsonOption, serversOption, timeLimit } from "./options.js";
import { note, say, sayJson } from "./output.js";
import { ProgressBar } from "./progress.js";
import { outliveReader, write } from "./streams.js";

interface SubmitOptions extends CommonOptions {
  background?: boolean;
  priority?: Priority;
  unique?: string;
  delay?: number;
  wait?: boolean;
  timeout?: number;
}

const LINE_FEED = 0x0a;

const EXAMPLES = `
The result goes to the standard output, byte for byte, and so does data that
the job sends on the way; warnings go to the standard error. The exit code says
how the job ended: 0 done, 1 failed. In the background nobody can know.

Examples:
  edgear submit reverse 'Hello, Edgear!'
  edgear submit thumbnail - < photo.jpg > thumbnail.jpg
  edgear submit report --background --priority low --unique report-2026
  edgear submit reindex --wait --timeout 10m
  edgear submit reminder 'wake up' --delay 2h`;

/** `edgear submit` */
export function submitCommand(parent: Command): void {
  parent
    .command("submit")
    .description("submit a job, and print its result")
    .argument("<function>", "the function to call")
    .argument("[workload]", 'the workload; "-" is the standard input; default: empty')
    .option("-b, --background", "don't wait: print the job's handle as soon as the server has it")
    .addOption(
      new Option("-p, --priority <priority>", "which jobs of a function go first").choices(["high", "normal", "low"]),
    )
    .option("-u, --unique <id>", "submissions with the same id are one job, as long as it is queued or runs")
    .option("-d, --delay <time>", "when the job may run, in whole seconds; implies --background", duration)
    .option("-w, --wait", "submit in the background, and wait until the job is done")
    .option("-t, --timeout <time>", "how long to wait for the end of the job; default: as long as it takes", timeLimit)
    .addOption(serversOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(submit);
}

async function submit(name: string, workload: string | undefined, options: SubmitOptions): Promise<void> {
  const { background, wait, delay, timeout } = options;
  if (background && wait) throw new UsageError("--background doesn't wait, and --wait does: give one of them");
  const waits = wait || (!background && delay === undefined);
  if (timeout !== undefined && !waits) throw new UsageError("--timeout limits a wait, and there is none: add --wait");
  const bytes = workload === "-" ? await readInput() : (workload ?? "");
  await withClient(options, async (client) => {
    if (background || wait || delay !== undefined) await submitBackground(client, name, bytes, options);
    else await submitForeground(client, name, bytes, options);
  });
}

async function submitBackground(
  client: Client,
  name: string,
  workload: string | Uint8Array,
  { priority, unique, delay, wait, timeout, json }: SubmitOptions,
): Promise<void> {
  const job = await client.background(name, workload, {
    ...(priority && { priority }),
    ...(unique !== undefined && { unique }),
    ...(delay !== undefined && { delay }),
  });
  if (json) await sayJson({ ...job.toJSON(), function: name });
  else await say(job.handle);
  if (wait) await follow(client, { job }, { json: false, lines: false, ...(timeout !== undefined && { timeout }) });
}

async function submitForeground(
  client: Client,
  name: string,
  workload: string | Uint8Array,
  { priority, unique, timeout, json }: SubmitOptions,
): Promise<void> {
  const options: ForegroundOptions = {
    ...(priority && { priority }),
    ...(unique !== undefined && { unique }),
    ...(timeout !== undefined && { timeout }),
  };
  // How the job ends is what the exit code says, read or unread.
  outliveReader();
  const task = client.submit(name, workload, options);
  const bar = new ProgressBar(name);
  const data: Payload[] = [];
  try {
    for await (const event of task) {
      if (json && event.type === "data") data.push(event.payload);
      else await tell(event, bar);
    }
    const result = await task.result;
    bar.clear();
    if (json) await sayJson(summary(await task.handle, name, result, data));
    else await writeResult(result.bytes);
  } finally {
    bar.clear();
  }
}

async function tell(event: TaskEvent, bar: ProgressBar): Promise<void> {
  if (event.type === "status") {
    bar.show(event.progress, `${event.numerator} of ${event.denominator}`);
    return;
  }
  bar.clear();
  if (event.type === "data") await write(event.payload.bytes);
  else note("warning", event.payload.text());
}

/** A result goes out as it is. On a terminal what comes next begins on a line of its own. */
async function writeResult(bytes: Uint8Array): Promise<void> {
  await write(bytes);
  if (process.stdout.isTTY && bytes.length > 0 && bytes.at(-1) !== LINE_FEED) await write("\n");
}

function summary(job: JobHandle, name: string, result: Payload, data: readonly Payload[]): object {
  const text = strictText(result.bytes);
  const all = {
    ...job.toJSON(),
    function: name,
    ...(text === undefined ? { resultBase64: base64(result) } : { result: text }),
  };
  return data.length > 0
    ? { ...all, data: data.map((part) => strictText(part.bytes) ?? { base64: base64(part) }) }
    : all;
}

function base64({ bytes }: Payload): string {
  return Buffer.from(bytes).toString("base64");
}

/** The whole standard input. */
export async function readInput(): Promise<Uint8Array> {
  // Node reads a directory as nothing.
  if (fstatSync(process.stdin.fd).isDirectory())
    throw new Failure("the standard input is a directory, which is no workload");
  const chunks: Buffer[] = [];
  for await (const chunk of process.stdin) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}
