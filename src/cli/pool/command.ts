import { type Command, InvalidArgumentError } from "commander";
import type { PoolSettings } from "../../config/index.js";
import { readMetricsAddress } from "../../config/metrics.js";
import { describe, type ExitCode, UsageError } from "../exit.js";
import { count, grace, jsonOption, timeLimit } from "../options.js";
import { say, sayJson } from "../output.js";
import { ping, restart, stop } from "./ask.js";
import { daemonize, isDaemon, report } from "./daemon.js";
import { loadSettings, type PoolChoice } from "./settings.js";
import { status } from "./status.js";

interface StartChoice extends PoolChoice {
  connection?: string;
  workers?: number;
  resuscitate?: boolean;
  limit?: number;
  atomic?: boolean;
  count?: number;
  timeout?: number;
  maxMemory?: number;
  maxLifetime?: number;
  grace?: number;
  threads?: boolean;
  metrics?: string;
  watch?: boolean;
  daemon?: boolean;
  log?: string;
  verbose?: number;
  quiet?: boolean;
  json?: boolean;
}

const EXAMPLES = `
The group is one of edgear.config.ts, .js, .json or .yaml, here or above; it may
be left out where there is only one, or one called "default".

Exit codes: 0 done, 1 failed (jobs were aborted, for example), 2 wrong usage,
3 the pool runs already, 4 it doesn't run, 5 it doesn't run, though a pid file
was left, 6 a handler does not load, 7 it doesn't answer.

Examples:
  edgear pool start images --workers 4
  edgear pool start images --daemon --log /var/log/images.log
  edgear pool status images
  edgear pool restart images`;

const SIGNALS = `
Signals: SIGTERM and SIGINT let running jobs finish, for --grace at most; a
second one doesn't. SIGHUP replaces the workers one by one, by what the
configuration and the handlers are now, and opens the log's file anew. SIGUSR2
writes to the log what the workers are at.

Examples:
  edgear pool start images --workers 4 --verbose
  edgear pool start images --atomic --limit 500
  edgear pool start images --max-memory 256MB --max-lifetime 1h
  edgear pool start images --daemon --pid /run/images.pid --log syslog
  edgear pool start images --watch      # in development`;

/** `edgear pool` */
export function poolCommand(parent: Command, exit: { code: ExitCode }): void {
  const pool = parent
    .command("pool")
    .description("keep the workers of a group alive, each in a process of its own")
    .addHelpText("after", EXAMPLES);
  startCommand(pool, exit);
  on(pool, "stop", "let running jobs finish, and end the pool")
    .option("--grace <time>", "how long they may take; default: what the pool was started with", grace)
    .addOption(jsonOption())
    .action(async (group, options) => {
      exit.code = await stop(group, options);
    });
  on(pool, "restart", "replace the workers one by one, without a gap").addOption(jsonOption()).action(restart);
  on(pool, "status", "say what the workers are at; on a terminal, as it goes on")
    .option("-i, --interval <time>", "how often to look", timeLimit, 1_000)
    .addOption(jsonOption())
    .action(status);
  on(pool, "ping", "have a worker answer a job, and say how long that took")
    .option("-t, --timeout <time>", "how long to wait", timeLimit, 5_000)
    .addOption(jsonOption())
    .action(ping);
}

function startCommand(pool: Command, exit: { code: ExitCode }): void {
  on(pool, "start", "start a pool, and keep its workers alive")
    .option("-w, --workers <number>", "how many workers; default 1", count)
    .option("--resuscitate", "replace workers that die or leave; the default")
    .option("--no-resuscitate", "don't, and end when all are gone")
    .option("--limit <number>", "start so many workers in all", count)
    .option("--atomic", "a fresh process for each job")
    .option("--count <number>", "a worker leaves after so many jobs", count)
    .option("--timeout <time>", "a worker leaves after so long without a job", timeLimit)
    .option("--max-memory <size>", "a worker that takes more leaves: 256MB", size)
    .option("--max-lifetime <time>", "a worker leaves after so long", timeLimit)
    .option("--grace <time>", "how long running jobs may take when the pool stops; default 25s", grace)
    .option("--threads", "threads instead of processes")
    .option("--metrics <[host]:port>", "serve metrics, /healthz and /readyz there: :9464", metricsAddress)
    .option("--watch", "replace the workers when a handler, or what lies beside it, changes")
    .option("-d, --daemon", "run in the background")
    .option("--log <where>", 'a file, "syslog", or "json" for the standard output; default: words, shown here')
    .option("-v, --verbose", "say what becomes of jobs; -vv: with their workloads", (_, level: number) => level + 1, 0)
    .option("-q, --quiet", "say only what goes wrong")
    .option("--connection <name>", "other job servers than the group's, by their name in the configuration")
    .addOption(jsonOption())
    .addHelpText("after", SIGNALS)
    .action(async (group: string | undefined, options: StartChoice) => {
      exit.code = await startPool(group, options);
    });
}

/** A command on a pool. */
function on(pool: Command, name: string, description: string): Command {
  return pool
    .command(name)
    .description(description)
    .argument("[group]", "the group's name in the configuration")
    .option("--pid <file>", "the pid file; default: one for each group of each configuration")
    .option("--config <file>", "the configuration; default: EDGEAR_CONFIG, else looked for from here upwards")
    .option("--env <name>", "its environment; default: EDGEAR_ENV, else NODE_ENV");
}

async function startPool(group: string | undefined, options: StartChoice): Promise<ExitCode> {
  const { verbose = 0, quiet, json, log, daemon } = options;
  if (quiet && verbose > 0) throw new UsageError("--quiet or --verbose?");
  if (options.atomic && options.count !== undefined)
    throw new UsageError("--atomic is a count of 1: leave --count out");
  const background = isDaemon();
  const start = async () => (await import("./start.js")).start;
  const run = async (started: () => void) =>
    (await start())(
      group,
      {
        ...options,
        verbose,
        pool: settingsOf(options),
        // Nobody would see words that a daemon says.
        ...(background && log === undefined && { log: await logFile(group, options) }),
      },
      started,
    );
  if (background) {
    try {
      return await run(() => void report({ started: true }));
    } catch (error) {
      const { code, message } = describe(error);
      // Whoever has started it says so, and the log has it.
      await report({ error: message, exit: code });
      return code;
    }
  }
  if (!daemon) return run(() => {});
  const file = log === undefined ? await logFile(group, options) : log;
  const toFile = !/^(json$|syslog(:|$))/.test(file);
  if (file === "json")
    throw new UsageError("--log json is the standard output, which a daemon has none of: name a file");
  const pid = await daemonize(toFile ? file : undefined);
  if (json) await sayJson({ pid, log: file });
  else await say(`The pool runs as process ${pid}. Its log: ${file}`);
  return 0;
}

/** The log of a daemon that was given none: beside its pid file. */
async function logFile(group: string | undefined, options: StartChoice): Promise<string> {
  const { place } = await loadSettings(group, options, {});
  return place.pidFile.replace(/(\.pid)?$/, ".log");
}

/** What the command line has of what a group can say, too. */
function settingsOf(options: StartChoice): PoolSettings {
  const { workers, resuscitate, limit, atomic, count, timeout, maxMemory, maxLifetime, grace, threads, metrics } =
    options;
  const given = {
    workers,
    resuscitate,
    limit,
    atomic,
    count,
    timeout,
    maxMemory,
    maxLifetime,
    grace,
    threads,
    metrics,
  };
  return Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));
}

/** Where metrics are to be served, checked. */
function metricsAddress(text: string): string {
  if (readMetricsAddress(text)) return text;
  throw new InvalidArgumentError("It is [host]:port, as :9464 for every interface, or 127.0.0.1:9464.");
}

const UNITS: Record<string, number> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/** A size, in bytes: `512KB`, `256MB`, `2GB`; a bare number is bytes. */
function size(text: string): number {
  const [, number, unit = ""] = /^(\d+(?:\.\d+)?)\s*([KMG]?)(?:i?B)?$/i.exec(text) ?? [];
  const bytes = Math.round(Number(number) * (UNITS[unit.toUpperCase()] ?? Number.NaN));
  if (!(bytes >= 1)) throw new InvalidArgumentError("A size is a number with a unit: 512KB, 256MB, 2GB.");
  return bytes;
}
