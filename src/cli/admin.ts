import type { Command } from "commander";
import { serverName } from "../connection/address.js";
import { Admin, type QueueLimits, ServerError } from "../index.js";
import { describe, ExitCode, UsageError } from "./exit.js";
import { type CommonOptions, jsonOption, number, serverList, serversOption } from "./options.js";
import { note, printable, say, sayJson } from "./output.js";
import { type Column, table } from "./table.js";

type Row = Record<string, string | number | boolean | readonly string[]>;

/** What a command found out or did at one server. */
interface Answer {
  readonly server: string;
  readonly rows: readonly Row[];
}

const COLUMNS: Record<string, Column> = {
  server: { title: "SERVER" },
  function: { title: "FUNCTION" },
  queued: { title: "QUEUED", right: true },
  running: { title: "RUNNING", right: true },
  total: { title: "TOTAL", right: true },
  workers: { title: "WORKERS", right: true },
  high: { title: "HIGH", right: true },
  normal: { title: "NORMAL", right: true },
  low: { title: "LOW", right: true },
  fd: { title: "FD", right: true },
  address: { title: "ADDRESS" },
  id: { title: "ID" },
  functions: { title: "FUNCTIONS" },
  handle: { title: "HANDLE" },
  retries: { title: "RETRIES", right: true },
  background: { title: "BACKGROUND" },
  ignored: { title: "IGNORED" },
  unique: { title: "UNIQUE" },
  version: { title: "VERSION" },
  pid: { title: "PID", right: true },
  verbosity: { title: "LOGS" },
};

/** Tells the program how it is to end. */
interface Exit {
  code: ExitCode;
}

/** `edgear admin` */
export function adminCommand(parent: Command, exit: Exit): void {
  const admin = parent.command("admin").description("see what the job servers are at, and steer them");
  const command = (usage: string, description: string, examples: readonly string[]): Command => {
    const lines = examples.map((example) => `  edgear admin ${example}`);
    return admin
      .command(usage)
      .description(description)
      .addOption(serversOption())
      .addOption(jsonOption())
      .addHelpText("after", `\nExamples:\n${lines.join("\n")}`);
  };

  command("status", "functions: jobs and workers", ["status", "status --priorities", "status --json | jq ."])
    .option("-p, --priorities", "the jobs that wait, by priority")
    .action((options: CommonOptions & { priorities?: boolean }) =>
      list(options, exit, async (admin) => {
        const functions = await (options.priorities ? admin.priorityStatus() : admin.status());
        return functions.map((entry) => ({ ...entry })).sort((a, b) => compare(a.function, b.function));
      }),
    );

  command("workers", "connections: addresses, ids and functions of workers", ["workers", "workers --all"])
    .option("-a, --all", "those that have no function, too: clients, and this one")
    .action((options: CommonOptions & { all?: boolean }) =>
      list(options, exit, async (admin) => {
        const connections = await admin.workers();
        return connections
          .filter(({ functions }) => options.all || functions.length > 0)
          .map((entry) => ({ ...entry }));
      }),
    );

  command("jobs", "the jobs' handles, or their unique ids", ["jobs", "jobs --uniques"])
    .option("-u, --uniques", "the unique ids; gearmand doesn't say which job has which")
    .action((options: CommonOptions & { uniques?: boolean }) =>
      list(options, exit, async (admin) => {
        if (options.uniques) return (await admin.uniqueJobs()).map((unique) => ({ unique }));
        return (await admin.jobs()).map((entry) => ({ ...entry }));
      }),
    );

  command("cancel", "cancel queued jobs", ["cancel H:jobs1:27", "cancel H:jobs1:27 H:jobs1:28"])
    .argument("<handle...>", "what the server called them")
    .action((handles: string[], options: CommonOptions) => cancel(handles, options, exit));

  command("maxqueue", "limit how many jobs a function may have, those that run included", [
    "maxqueue thumbnail 1000",
    "maxqueue thumbnail --high 1000 --normal 500",
    "maxqueue thumbnail none",
  ])
    .argument("<function>", "the function; it is made if it isn't there")
    .argument("[limit]", '"none" or 0 is no limit')
    .option("--high <number>", "for jobs of high priority", number)
    .option("--normal <number>", "for jobs of normal priority", number)
    .option("--low <number>", "for jobs of low priority", number)
    .action((name: string, limit: string | undefined, options: CommonOptions & QueueLimits) => {
      const max = queueLimits(limit, options);
      const done = max === 0 ? `lifted the limits of ${name}` : `limited ${name}`;
      return act(options, exit, done, (admin) => admin.maxQueue(name, max));
    });

  command("create", "make a function known", ["create thumbnail"])
    .argument("<function>")
    .action((name: string, options: CommonOptions) =>
      act(options, exit, `created ${name}`, (admin) => admin.createFunction(name)),
    );

  command("drop", "have a function forgotten, unless it has jobs", ["drop thumbnail", "drop thumbnail --force"])
    .argument("<function>")
    .option("--force", "even when it has jobs, which are lost then; `edgear server` refuses that")
    .action((name: string, options: CommonOptions & { force?: boolean }) =>
      act(options, exit, `dropped ${name}`, (admin) => admin.dropFunction(name, { force: options.force === true })),
    );

  command("version", "the servers' versions, processes and log levels", ["version", "version --json"]).action(
    (options: CommonOptions) =>
      list(options, exit, async (admin) => {
        const version = await admin.version();
        // Perl's gearmand says no more than that.
        const more = await Promise.all([admin.pid(), admin.verbosity()]).catch(absent);
        return [more ? { version, pid: more[0], verbosity: more[1] } : { version }];
      }),
  );

  command("shutdown", "end the servers, where they can be ended by a command", ["shutdown --graceful"])
    .option("--graceful", "when their jobs are done")
    .action((options: CommonOptions & { graceful?: boolean }) =>
      act(options, exit, "told to shut down", (admin) => admin.shutdown({ graceful: options.graceful === true })),
    );
}

/** Asks every server, and prints what they say as one table. */
async function list(options: CommonOptions, exit: Exit, ask: (admin: Admin) => Promise<Row[]>): Promise<void> {
  const answers = await everywhere(options, exit, ask);
  const rows = answers.flatMap(({ server, rows }) => rows.map((row) => ({ server, ...row })));
  if (options.json) {
    await sayJson(rows);
    return;
  }
  const all = rows.flatMap((row) => Object.keys(row));
  const names = [...new Set(all)].filter((name) => name !== "server" || options.servers.length > 1);
  if (rows.length === 0) {
    if (answers.length > 0) await say("none");
    return;
  }
  const cells = rows.map((row: Row) => names.map((name) => cell(row[name])));
  const columns = names.map((name) => COLUMNS[name] ?? { title: name });
  await say(table(columns, cells).join("\n"));
}

/** Has every server do something, and says of each that it did. */
async function act(
  options: CommonOptions,
  exit: Exit,
  done: string,
  order: (admin: Admin) => Promise<void>,
): Promise<void> {
  const answers = await everywhere(options, exit, async (admin) => {
    await order(admin);
    return [];
  });
  if (options.json) await sayJson(answers.map(({ server }) => ({ server, ok: true })));
  else for (const { server } of answers) await say(`${server} ${printable(done)}`);
}

/** A job is at one of the servers: it is asked for at each. */
async function cancel(handles: readonly string[], options: CommonOptions, exit: Exit): Promise<void> {
  const left = new Set(handles);
  const cancelled: { server: string; handle: string }[] = [];
  await everywhere(options, exit, async (admin) => {
    for (const handle of handles) {
      try {
        await admin.cancel(handle);
        left.delete(handle);
        cancelled.push({ server: admin.server, handle });
      } catch (error) {
        if (!(error instanceof ServerError && error.serverCode === "UNKNOWN_JOB")) throw error;
      }
    }
    return [];
  });
  if (options.json) await sayJson(cancelled);
  else for (const { server, handle } of cancelled) await say(`${server} cancelled ${handle}`);
  if (exit.code !== ExitCode.DONE || left.size === 0) return;
  exit.code = ExitCode.FAILED;
  for (const handle of left) note("error", `no server knows the job ${handle}`);
}

/** Does something at each server at once. One that fails is told of, and holds up none of the others. */
async function everywhere(
  { servers }: CommonOptions,
  exit: Exit,
  use: (admin: Admin) => Promise<readonly Row[]>,
): Promise<Answer[]> {
  const answers = await Promise.all(
    serverList(servers).map(async (server, index): Promise<Answer[]> => {
      const admin = new Admin(server);
      try {
        const rows = await use(admin);
        await admin.close();
        return [{ server: admin.server, rows }];
      } catch (error) {
        // What nobody could do anywhere is said once.
        if (error instanceof TypeError) throw error;
        const { code, message } = describe(error);
        const name = serverName(servers[index] as (typeof servers)[number]);
        note("error", servers.length > 1 && !message.includes(name) ? `${name}: ${message}` : message);
        exit.code = code;
        return [];
      } finally {
        admin.destroy();
      }
    }),
  );
  return answers.flat();
}

function queueLimits(limit: string | undefined, { high, normal, low }: QueueLimits): number | QueueLimits {
  const byPriority = high !== undefined || normal !== undefined || low !== undefined;
  if (limit === undefined && !byPriority)
    throw new UsageError('which limit? Give a number, "none", or --high, --normal, --low');
  if (limit !== undefined && byPriority)
    throw new UsageError("a limit for all priorities, or one for each? Give the number, or --high, --normal, --low");
  if (byPriority) return { ...(high && { high }), ...(normal && { normal }), ...(low && { low }) };
  if (limit === "none") return 0;
  if (!/^\d{1,10}$/.test(limit ?? ""))
    throw new UsageError(`a limit is a whole number or "none", not ${JSON.stringify(limit)}`);
  return Number(limit);
}

function absent(error: unknown): undefined {
  if (!(error instanceof ServerError)) throw error;
}

function cell(value: Row[string] | undefined): string | number {
  if (value === undefined) return "";
  if (typeof value === "boolean") return value ? "yes" : "no";
  return typeof value === "number" || typeof value === "string" ? value : value.join(" ");
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
