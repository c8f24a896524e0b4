import { type Command, InvalidArgumentError, Option } from "commander";
import { Client, type Priority } from "../index.js";
import { type Missed, type ScheduledJob, Scheduler, type SchedulerEvents, type When } from "../scheduler/index.js";
import { ExitCode, UsageError } from "./exit.js";
import { logger, logLevel } from "./log.js";
import { count, duration, jsonOption, type ServerChoice, serverList, serversOption, timeLimit } from "./options.js";
import { note, say, sayJson } from "./output.js";
import { untilStopped } from "./signals.js";
import { openStore, type StoreChoice, storeOption } from "./stores.js";
import { readInput } from "./submit.js";
import { table } from "./table.js";

interface StoreOptions {
  store: StoreChoice;
  prefix?: string;
  json?: boolean;
}

interface RunOptions extends StoreOptions, ServerChoice {
  interval: number;
  lease: number;
  batch: number;
  quiet?: boolean;
  verbose?: boolean;
}

interface AddOptions extends StoreOptions {
  at?: Date;
  delay?: number;
  every?: number;
  cron?: string;
  timeZone?: string;
  priority?: Priority;
  missed?: Missed;
}

const RUN_EXAMPLES = `
Jobs wait in a store, and are submitted when they are due. Any number of
schedulers may share a store. Ctrl-C or SIGTERM: what was taken from the store is
submitted first. A server or a store that is away is tried again.

Examples:
  edgear scheduler
  edgear scheduler --store sqlite:/var/lib/edgear/schedule.db --servers jobs1,jobs2
  edgear scheduler --store redis://127.0.0.1:6379
  edgear scheduler add nightly report --cron '0 3 * * *' --time-zone Europe/Berlin
  edgear scheduler list
  edgear scheduler cancel nightly`;

const ADD_EXAMPLES = `
A job of the same name is replaced.

Examples:
  edgear scheduler add reminder mail 'wake up' --at 2027-01-01T09:00:00Z
  edgear scheduler add reminder mail - --delay 2h < mail.txt
  edgear scheduler add beat heartbeat --every 30s
  edgear scheduler add nightly report --cron '0 3 * * *' --time-zone Europe/Berlin`;

/** `edgear scheduler` */
export function schedulerCommand(parent: Command, exit: { code: ExitCode }): void {
  const scheduler = parent
    .command("scheduler")
    .description("submit jobs when they are due, and plan them")
    .addHelpText("after", RUN_EXAMPLES);
  const command = (name: string, description: string, examples: string, options = {}) =>
    scheduler
      .command(name, options)
      .description(description)
      .addOption(storeOption())
      .option("--prefix <text>", "what the keys in Redis begin with; default: {edgear:scheduler}:")
      .addHelpText("after", examples);

  command("run", "submit what is due, until it is stopped; the default", RUN_EXAMPLES, { isDefault: true })
    .option("--interval <time>", "how often the store is looked at", timeLimit, 500)
    .option("--lease <time>", "how long jobs belong to a scheduler that was killed", timeLimit, 30_000)
    .option("--batch <number>", "how many jobs are submitted at once", count, 1_000)
    .option("-q, --quiet", "say only what goes wrong")
    .option("-v, --verbose", "say everything")
    .addOption(serversOption())
    .action((options: RunOptions) => run(options));

  command("add", "plan a job", ADD_EXAMPLES)
    .argument("<name>", "what the job is to be called; 46 bytes at most")
    .argument("<function>", "the function to call")
    .argument("[workload]", 'the workload; "-" is the standard input; default: empty')
    .option("--at <time>", "once, at a time: 2027-01-01T09:00:00Z", moment)
    .option("--delay <time>", "once, after so long", duration)
    .option("--every <time>", "each time that so much has gone by", duration)
    .option("--cron <expression>", 'repeatedly, by a cron expression: "0 3 * * *"')
    .option("--time-zone <zone>", "the one that --cron is meant in; default: UTC")
    .addOption(new Option("-p, --priority <priority>", "which jobs go first").choices(["high", "normal", "low"]))
    .addOption(new Option("--missed <policy>", "what becomes of missed slots").choices(["once", "all", "skip"]))
    .addOption(jsonOption())
    .action(add);

  command("list", "the jobs that wait", "\nExamples:\n  edgear scheduler list\n  edgear scheduler list --json | jq .")
    .addOption(jsonOption())
    .action(list);

  command("cancel", "take jobs back", "\nExamples:\n  edgear scheduler cancel nightly reminder")
    .argument("<name...>", "what they are called")
    .action(async (names: string[], options: StoreOptions) => {
      if (!(await cancel(names, options))) exit.code = ExitCode.FAILED;
    });
}

async function run({ servers, interval, lease, batch, quiet, verbose, ...options }: RunOptions): Promise<void> {
  const log = logger(logLevel({ quiet, verbose }));
  const { store, close } = await openStore(options.store, options.prefix);
  // The scheduler tries again itself, and says so.
  const client = new Client(serverList(servers), { reconnect: { retries: 2 } });
  try {
    const scheduler = new Scheduler({ store, client, interval, lease, batch });
    tell(scheduler, log);
    const ending = new AbortController();
    void untilStopped().then(() => ending.abort());
    await scheduler.run({ signal: ending.signal });
    await client.close();
  } finally {
    client.destroy();
    close();
  }
}

type Log = ReturnType<typeof logger>;

/** Each move, in words. */
function tell(scheduler: Scheduler, log: Log): void {
  const next = (time: Date | undefined) => (time ? `; next ${time.toISOString()}` : "");
  const words = (error: unknown) => (error instanceof Error ? error.message : String(error));
  const seconds = (milliseconds: number) => `${(milliseconds / 1_000).toFixed(1)} s`;
  const what = ({ name, function: called, slot }: SchedulerEvents["skip" | "refuse"]) =>
    `${name} (${called}, ${slot.toISOString()})`;
  scheduler
    .on("waiting", () => log.info("Waiting for scheduled tasks"))
    .on("submit", (event) => {
      const { handle, server, late } = event;
      log.info(`${what(event)} is ${handle} at ${server}, ${late} ms after its time${next(event.next)}`);
    })
    .on("skip", (event) => log.warn(`${what(event)} was missed, and is skipped${next(event.next)}`))
    .on("refuse", (event) => {
      log.error(`${what(event)} was refused, and is tried again in ${seconds(event.delay)}: ${words(event.error)}`);
    })
    .on("error", ({ from, error, delay }) => {
      const place = from === "store" ? "the store" : "the job server";
      log.error(`${place} is away, and is tried again in ${seconds(delay)}: ${words(error)}`);
    })
    .on("recover", ({ from, away }) => {
      log.info(`${from === "store" ? "the store" : "the job server"} is back after ${seconds(away)}`);
    })
    .on("clock", ({ jump }) =>
      log.warn(`the clock was set ${jump < 0 ? "back" : "forward"} by ${seconds(Math.abs(jump))}`),
    )
    .on("close", () => log.info("closed"));
}

async function add(name: string, called: string, workload: string | undefined, options: AddOptions): Promise<void> {
  const when = readWhen(options);
  const { priority, missed } = options;
  const bytes = workload === "-" ? await readInput() : workload;
  const more = { ...(priority && { priority }), ...(missed && { missed }) };
  const plan = (scheduler: Scheduler) => {
    if ("at" in when) return scheduler.at(name, when.at, called, bytes, more);
    if ("delay" in when) return scheduler.delay(name, when.delay, called, bytes, more);
    if ("every" in when) return scheduler.every(name, when.every, called, bytes, more);
    return scheduler.cron(name, when.cron, called, bytes, { ...more, timeZone: when.timeZone });
  };
  const job = await withScheduler(options, plan, { existing: false });
  if (options.json) await sayJson(row(job));
  else await say(`${job.name} runs ${job.next.toISOString()}`);
}

function readWhen({ at, delay, every, cron, timeZone }: AddOptions): When {
  const given: When[] = [];
  if (at !== undefined) given.push({ at });
  if (delay !== undefined) given.push({ delay });
  if (every !== undefined) given.push({ every });
  if (cron !== undefined) given.push({ cron, timeZone });
  const [when] = given;
  if (!when || given.length > 1) throw new UsageError("when? give one of --at, --delay, --every and --cron");
  if (timeZone !== undefined && cron === undefined) throw new UsageError("--time-zone is for --cron");
  return when;
}

async function list(options: StoreOptions): Promise<void> {
  await withScheduler(options, async (scheduler) => {
    const rows: string[][] = [];
    for await (const job of scheduler.list()) {
      if (options.json) await sayJson(row(job));
      else rows.push([job.name, job.function, job.next.toISOString(), repetition(job), job.priority]);
    }
    const titles = ["NAME", "FUNCTION", "NEXT", "REPEATED", "PRIORITY"].map((title) => ({ title }));
    if (!options.json) for (const line of table(titles, rows)) await say(line);
  });
}

/** @returns whether there were all of them */
async function cancel(names: readonly string[], options: StoreOptions): Promise<boolean> {
  let all = true;
  await withScheduler(options, async (scheduler) => {
    for (const name of names) {
      if (await scheduler.cancel(name)) await say(`cancelled ${name}`);
      else {
        all = false;
        note("error", `there is no scheduled job ${JSON.stringify(name)}`);
      }
    }
  });
  return all;
}

async function withScheduler<T>(
  { store: choice, prefix }: StoreOptions,
  use: (scheduler: Scheduler) => Promise<T>,
  { existing = true } = {},
): Promise<T> {
  const { store, close } = await openStore(choice, prefix, { existing });
  try {
    return await use(new Scheduler({ store }));
  } finally {
    close();
  }
}

function repetition({ repetition }: ScheduledJob): string {
  if (!repetition) return "";
  return "cron" in repetition ? `${repetition.cron} ${repetition.timeZone}` : `every ${repetition.every / 1_000} s`;
}

function row({ name, function: called, next, repetition, priority, missed, workload }: ScheduledJob): object {
  return { name, function: called, next, repetition, priority, missed, bytes: workload.bytes.byteLength };
}

function moment(text: string): Date {
  const time = new Date(text);
  if (Number.isNaN(time.getTime())) throw new InvalidArgumentError("A time is written as 2027-01-01T09:00:00Z.");
  return time;
}
