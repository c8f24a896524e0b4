import type { Command } from "commander";
import { withClient } from "./client.js";
import { UsageError } from "./exit.js";
import { describeStatus, type Followed, follow } from "./follow.js";
import { type CommonOptions, jsonOption, serversOption, timeLimit } from "./options.js";
import { printable, say, sayJson } from "./output.js";

interface StatusOptions extends CommonOptions {
  unique?: string;
  follow?: boolean;
  interval?: number;
  timeout?: number;
}

const EXAMPLES = `
gearmand keeps no results: a job that is done, one that failed and one that
never was all look the same, "unknown".

Examples:
  edgear status H:jobs1:27
  edgear status H:jobs1:27 H:jobs1:28 --json
  edgear status --unique report-2026
  edgear status H:jobs1:27 --follow --timeout 10m`;

/** `edgear status` */
export function statusCommand(parent: Command): void {
  parent
    .command("status")
    .description("say how far jobs are")
    .argument("[handle...]", "what the server called them")
    .option("-u, --unique <id>", "ask for a job by its unique id")
    .option("-f, --follow", "watch the job until the server no longer knows it")
    .option("-i, --interval <time>", "with --follow: how often to look; default 500ms", timeLimit)
    .option("-t, --timeout <time>", "with --follow: how long to watch", timeLimit)
    .addOption(serversOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(status);
}

async function status(handles: string[], options: StatusOptions): Promise<void> {
  const { unique, json = false, interval, timeout } = options;
  if (handles.length === 0 && unique === undefined) throw new UsageError("which job? Give its handle, or --unique");
  const followed: Followed[] = handles.map((job) => ({ job }));
  if (unique !== undefined) followed.push({ unique });
  if (options.follow && followed.length > 1) throw new UsageError("--follow watches one job");
  if (!options.follow && (interval !== undefined || timeout !== undefined))
    throw new UsageError("--interval and --timeout are for --follow");
  await withClient(options, async (client) => {
    if (options.follow) {
      const [first] = followed as [Followed];
      await follow(client, first, {
        json,
        lines: true,
        ...(interval !== undefined && { interval }),
        ...(timeout !== undefined && { timeout }),
      });
      return;
    }
    // All at once; said in the order in which they were asked for.
    const found = await Promise.all(
      followed.map(async (one) => {
        if ("unique" in one)
          return { name: one.unique, about: { unique: one.unique, ...(await client.statusOf(one.unique)) } };
        const handle = one.job as string;
        return { name: handle, about: { handle, ...(await client.status(handle)) } };
      }),
    );
    for (const { name, about } of found) {
      if (json) await sayJson(about);
      else await say(`${printable(name)} ${describeStatus(about)}`);
    }
  });
}
