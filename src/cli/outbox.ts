import { type Command, Option } from "commander";
import { Client, type Priority } from "../index.js";
import { Outbox, type RecordEvent } from "../outbox/index.js";
import {
  type AnyOutbox,
  type AnyOutboxOptions,
  type DatabaseChoice,
  databaseOption,
  openDatabase,
} from "./database.js";
import { UsageError } from "./exit.js";
import { logger, logLevel } from "./log.js";
import { count, jsonOption, type ServerChoice, serverList, serversOption, timeLimit } from "./options.js";
import { say, sayJson } from "./output.js";
import { onStop } from "./signals.js";
import { table } from "./table.js";

interface InstallOptions extends DatabaseChoice {
  table?: string;
  on?: string[];
  function?: string;
  priority?: Priority;
  columns?: string[];
  dryRun?: boolean;
  force?: boolean;
}

interface RunOptions extends DatabaseChoice, ServerChoice {
  interval: number;
  batch: number;
  inFlight: number;
  keep?: boolean;
  prefix?: string;
  drain?: boolean;
  quiet?: boolean;
  verbose?: boolean;
}

interface StatusOptions extends DatabaseChoice {
  json?: boolean;
}

const INSTALL_EXAMPLES = `
Without --table: the outbox's own tables. With it: triggers, too, that write a job
for each record of a table that is inserted, updated or deleted.

Examples:
  edgear outbox install --database postgres://localhost/shop
  edgear outbox install --table articles --on insert,update,delete
  edgear outbox install --table articles --on update --function reindex --dry-run
  edgear outbox install --database d1: --table articles --columns id,title > outbox.sql`;

const RUN_EXAMPLES = `
Ctrl-C or SIGTERM ends it after the row that it is at. Of several that run, one
relays; the others stand by.

Examples:
  edgear outbox run --database postgres://localhost/shop --servers jobs1
  edgear outbox run --drain    # what there is, and no more`;

/** `edgear outbox` */
export function outboxCommand(parent: Command): void {
  const outbox = parent.command("outbox").description("relay jobs from a database, written in its transactions");
  const command = (name: string, description: string, examples: string) =>
    outbox
      .command(name)
      .description(description)
      .addOption(databaseOption())
      .option("--outbox <table>", "the outbox's own table; default: edgear_outbox")
      .addHelpText("after", examples);
  command("install", "make the outbox's tables, and a table's triggers", INSTALL_EXAMPLES)
    .option("-t, --table <table>", "a table whose changes are to be jobs")
    .option("--on <events>", "insert, update, delete; commas between several; default: all", list)
    .option("-f, --function <function>", "the function of the jobs; default: the table's name")
    .addOption(new Option("-p, --priority <priority>", "their priority").choices(["high", "normal", "low"]))
    .option("--columns <names>", "the table's columns, where the database can't be asked (d1:)", list)
    .option("--no-notify", "PostgreSQL: don't wake the relay by NOTIFY")
    .option("--dry-run", "print the SQL, and run none of it")
    .action(install);
  command(
    "uninstall",
    "remove a table's triggers, or the outbox",
    "\nExamples:\n  edgear outbox uninstall --table articles",
  )
    .option("-t, --table <table>", "only the triggers of this table")
    .option("--force", "even if rows are lost that were not relayed")
    .option("--dry-run", "print the SQL, and run none of it")
    .action(uninstall);
  command("run", "relay rows to the job servers", RUN_EXAMPLES)
    .option("-i, --interval <time>", "how often to look for rows where nothing tells of them", timeLimit, 1_000)
    .option("--batch <number>", "how many rows are read, and removed, at once", count, 100)
    .option(
      "--in-flight <number>",
      "how many rows may wait for the server at once; 1 keeps the order in any case",
      count,
      1,
    )
    .option("--keep", "mark rows that were relayed, and remove none")
    .option("--prefix <text>", "what the jobs' uniques begin with; default: as the outbox was installed")
    .option("--lease <time>", "SQLite: how long a relay that was killed holds up the next one; default: 10s", timeLimit)
    .option("--drain", "relay what there is, and end")
    .option("-q, --quiet", "say only what goes wrong")
    .option("-v, --verbose", "say everything")
    .addOption(serversOption())
    .action(run);
  command("status", "say how many rows wait, and which were set aside", "\nExamples:\n  edgear outbox status --json")
    .addOption(jsonOption())
    .action(status);
  command(
    "retry",
    "have rows that were set aside wait again",
    "\nExamples:\n  edgear outbox retry\n  edgear outbox retry 17 19",
  )
    .argument("[id...]", "which; default: all")
    .action(retry);
}

function list(text: string): string[] {
  return text.split(",").map((part) => part.trim());
}

async function withOutbox<T>(
  choice: DatabaseChoice,
  use: (outbox: AnyOutbox) => Promise<T>,
  { existing, ...options }: Omit<AnyOutboxOptions, "store"> & { existing?: boolean } = {},
): Promise<T> {
  const { store, close } = await openDatabase(choice, { existing: existing ?? true });
  try {
    return await use(new Outbox({ store, ...options }));
  } finally {
    await close().catch(() => {});
  }
}

async function install(options: InstallOptions): Promise<void> {
  const { table: watched, on, function: name, priority, columns } = options;
  if (!watched && (on || name || priority || columns))
    throw new UsageError("--on, --function, --priority and --columns are for the triggers of a --table");
  // What can't be connected to can't be changed.
  const dryRun = options.dryRun || options.database?.startsWith("d1:") || false;
  await withOutbox(
    options,
    async (outbox) => {
      const statements = [...(await outbox.install({ dryRun }))];
      if (watched) {
        const triggers = await outbox.watch(watched, {
          ...{ on: on as RecordEvent[] | undefined, function: name, priority, columns, dryRun },
        });
        statements.push(...triggers);
      }
      await tell(statements, dryRun, watched ? `The changes of ${watched} are jobs now.` : "The outbox is there.");
    },
    { existing: false },
  );
}

async function uninstall(options: InstallOptions): Promise<void> {
  const { table: watched, dryRun = false, force = false } = options;
  await withOutbox(options, async (outbox) => {
    const statements = watched ? await outbox.unwatch(watched, { dryRun }) : await outbox.uninstall({ dryRun, force });
    await tell(statements, dryRun, watched ? `The changes of ${watched} are no jobs any more.` : "The outbox is gone.");
  });
}

async function tell(statements: readonly string[], dryRun: boolean, words: string): Promise<void> {
  if (!dryRun) return say(words);
  for (const statement of statements) await say(`${statement};\n`);
}

async function run(options: RunOptions): Promise<void> {
  const { servers, interval, batch, inFlight, keep = false, prefix, drain } = options;
  const log = logger(logLevel(options));
  const client = new Client(serverList(servers));
  const stop = new AbortController();
  const off = onStop((hasty) => {
    if (hasty || stop.signal.aborted) process.exit(1);
    stop.abort();
  });
  const settings = { existing: false, client, interval, batch, maxInFlight: inFlight, keep, prefix };
  try {
    await withOutbox(
      options,
      async (outbox) => {
        outbox
          .on("lead", ({ origin }) => log.info(`relaying; the uniques of rows begin with ${prefix ?? `${origin}-`}`))
          .on("standby", () => log.info("another one relays; waiting for it to leave"))
          .on("relay", (row) => log.debug(`row ${row.id} is the job ${row.handle} of ${row.function} at ${row.server}`))
          .on("aside", (row) => log.warn(`row ${row.id} (${row.function}) was set aside: ${row.reason}`))
          .on("hold", (held) =>
            log.warn(`the rows of ${held.function} wait ${Math.round(held.delay)} ms: ${held.reason}`),
          )
          .on("error", ({ error, delay }) =>
            log.error(`${error.message || error}; trying again in ${Math.round(delay)} ms`),
          );
        if (!drain) return outbox.run({ signal: stop.signal });
        const { relayed, aside, empty } = await outbox.drain({ signal: stop.signal });
        log.info(`${relayed} rows were relayed, ${aside} set aside${empty ? "" : "; there may be more"}`);
      },
      settings,
    );
  } finally {
    off();
    client.destroy();
  }
}

async function status(options: StatusOptions): Promise<void> {
  await withOutbox(options, async (outbox) => {
    const [numbers, aside] = [await outbox.status(), await outbox.aside()];
    if (options.json) return sayJson({ ...numbers, rows: aside });
    const { waiting, oldest, kept } = numbers;
    const age = oldest === undefined ? "" : `, the oldest for ${(oldest / 1_000).toFixed(1)} s`;
    await say(`${waiting} rows wait${age}; ${numbers.aside} were set aside; ${kept} are kept`);
    if (aside.length === 0) return;
    const columns = [{ title: "ID", right: true }, { title: "FUNCTION" }, { title: "REASON" }];
    for (const line of table(
      columns,
      aside.map((row) => [row.id, row.function, row.reason]),
    ))
      await say(line);
  });
}

async function retry(ids: string[], options: DatabaseChoice): Promise<void> {
  await withOutbox(options, async (outbox) => {
    const rows = await outbox.retry(ids.length > 0 ? ids : undefined);
    await say(`${rows} rows wait again`);
  });
}
