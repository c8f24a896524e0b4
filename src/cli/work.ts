import type { Command } from "commander";
import { type FunctionOptions, GearmanError, type Job, Worker, type WorkerOptions } from "../index.js";
import { Commands, findCommand } from "./commands.js";
import { ExitCode, UsageError } from "./exit.js";
import { loadHandlers } from "./handlers.js";
import { logger, logLevel } from "./log.js";
import { count, grace, type ServerChoice, serverList, serversOption, timeLimit } from "./options.js";
import { onStop } from "./signals.js";

interface WorkOptions extends ServerChoice {
  concurrency: number;
  timeout?: number;
  id?: string;
  maxJobs?: number;
  idleTimeout?: number;
  drain?: boolean;
  grace?: number;
  quiet?: boolean;
  verbose?: boolean;
}

const EXAMPLES = `
With a command, each job gets a process of its own: the workload is its standard
input, its standard output is the result, an exit code other than 0 fails the
job. What it writes to the standard error is shown here, and not sent. It finds
the job in EDGEAR_HANDLE, EDGEAR_FUNCTION, EDGEAR_UNIQUE and EDGEAR_SERVER. When
the job's time is over, or its server is lost, the process is ended (SIGTERM,
then SIGKILL), with all that it has started.

With a module, its default export has the handlers, by function:
  export default {
    reverse: (job) => [...job.workload.text()].reverse().join(""),
    resize: { handler: async (job) => { … }, timeout: 30_000 },
  };

Ctrl-C or SIGTERM: running jobs are finished first. A second time, or SIGQUIT:
they are aborted, and given to other workers. A third time: it ends at once.

Examples:
  edgear work wordcount -- wc -w
  edgear work thumbnail -c 4 --timeout 30s -- convert - -resize 200x200 jpg:-
  edgear work ./handlers.js --servers jobs1,jobs2
  edgear work mail --drain -- ./send-mail`;

/**
 * `edgear work`
 * @param args what follows `edgear`, to see whether there is a `--`
 */
export function workCommand(parent: Command, args: readonly string[], exit: { code: ExitCode }): void {
  parent
    .command("work")
    .description("work jobs off, by a command or the handlers of a module")
    .argument("<function|module>", "the function, when a command follows; else the module's path")
    .argument("[command...]", 'after "--": the command to run for each job')
    .option("-c, --concurrency <number>", "how many jobs run at once", count, 1)
    .option("-t, --timeout <time>", "how long a job may take; then it fails", timeLimit)
    .option("--id <text>", "what the worker is called in the server's list")
    .option("--max-jobs <number>", "end after so many jobs", count)
    .option("--idle-timeout <time>", "end after so long without a job", timeLimit)
    .option("--drain", "end when no server has a job any more")
    .option(
      "--grace <time>",
      "how long running jobs may take to finish when it is to end; default: as long as they take",
      grace,
    )
    .option("-q, --quiet", "say only what goes wrong")
    .option("-v, --verbose", "say everything")
    .addOption(serversOption())
    .addHelpText("after", EXAMPLES)
    .action(async (what: string, command: string[], options: WorkOptions) => {
      if (command.length > 0 && !args.includes("--"))
        throw new UsageError(`put "--" before the command: edgear work ${what} -- ${command.join(" ")}`);
      if (await work(what, command, options)) exit.code = ExitCode.FAILED;
    });
}

/** Works until it is stopped, or done. @returns whether jobs were aborted, or no server was there for any */
async function work(what: string, command: readonly string[], options: WorkOptions): Promise<boolean> {
  if (options.drain && options.idleTimeout !== undefined)
    throw new UsageError("--drain doesn't idle: leave --idle-timeout out");
  const { timeout, maxJobs, idleTimeout } = options;
  const commands = new Commands();
  const functionOptions: FunctionOptions = timeout === undefined ? {} : { timeout };
  const worker = new Worker(serverList(options.servers), workerOptions(options));
  if (command.length > 0) {
    findCommand(command[0] as string);
    worker.add(what, (job: Job) => commands.run(command, job), functionOptions);
  } else {
    for (const { name, handler, options } of await loadHandlers(what))
      worker.add(name, handler, { ...functionOptions, ...options });
  }
  let aborted = 0;
  let answered = false;
  const said = new Set<string>();
  worker
    .on("close", (event) => {
      aborted = event.aborted;
    })
    .on("register", () => {
      answered = true;
    })
    .on("error", ({ error }) => said.add(error.message));
  let stops = 0;
  const off = onStop((hasty) => {
    stops = hasty ? Math.max(2, stops + 1) : stops + 1;
    // Its processes are killed with it.
    if (stops > 2) process.exit(ExitCode.FAILED);
    const limit = stops > 1 ? 0 : options.grace;
    void worker.close(limit === undefined ? {} : { timeout: limit });
  });
  try {
    if (options.drain) await worker.drain({ ...(maxJobs !== undefined && { maxJobs }) });
    else
      await worker.run({
        ...(maxJobs !== undefined && { maxJobs }),
        ...(idleTimeout !== undefined && { idleTimeout }),
      });
  } catch (error) {
    // The log has said it.
    if (error instanceof GearmanError && said.has(error.message)) return true;
    throw error;
  } finally {
    await commands.ended();
    off();
  }
  return aborted > 0 || (!answered && stops === 0);
}

function workerOptions({ concurrency, id, quiet, verbose }: WorkOptions): WorkerOptions {
  return { concurrency, ...(id !== undefined && { id }), logger: logger(logLevel({ quiet, verbose })) };
}
