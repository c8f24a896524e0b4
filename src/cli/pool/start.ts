/*
 * `edgear pool start`: the pool itself, in the foreground. --daemon has another process do this.
 */
import { closeSync, openSync } from "node:fs";
import type { PoolSettings } from "../../config/index.js";
import { Pool, PoolLoadError } from "../../pool/index.js";
import { describe, ExitCode, Failure } from "../exit.js";
import { claim } from "./claim.js";
import type { Answer, Question } from "./control.js";
import { logPool, openLog, type PoolLog } from "./log.js";
import { serveMetrics } from "./metrics.js";
import { loadSettings, type PoolChoice, type Settings } from "./settings.js";
import { stateOf } from "./state.js";
import { Watch } from "./watch.js";
import type { Level } from "./words.js";

/** What `edgear pool start` takes. */
export interface StartOptions extends PoolChoice {
  /** What stands before the group's own. */
  readonly pool: PoolSettings;
  readonly connection?: string;
  readonly log?: string;
  /** 0: what happens to workers; 1: jobs, too; 2: workloads, too. */
  readonly verbose: number;
  readonly quiet?: boolean;
  readonly watch?: boolean;
}

/** Runs a pool until it has ended. @returns how to exit */
export async function start(name: string | undefined, options: StartOptions, started: () => void): Promise<ExitCode> {
  const load = (group: string | undefined) =>
    loadSettings(group, options, {
      ...options.pool,
      ...(options.connection !== undefined && { connection: options.connection }),
    });
  const settings = await load(name);
  const least: Level = options.quiet ? "warn" : options.verbose > 1 ? "trace" : options.verbose > 0 ? "debug" : "info";
  const log = openLog(options.log, least, settings.group.name);
  try {
    // It stays the same group, also where none was named and the configuration has others by now.
    return await run(settings, { log, least, load: () => load(settings.group.name), options, started });
  } catch (error) {
    // Whoever reads the log is to know, too.
    if (options.log !== undefined) log.write("error", describe(error).message);
    throw error;
  } finally {
    log.close();
  }
}

interface Surroundings {
  readonly log: PoolLog;
  readonly least: Level;
  readonly load: () => Promise<Settings>;
  readonly options: StartOptions;
  readonly started: () => void;
}

async function run(settings: Settings, { log, least, load, options, started }: Surroundings): Promise<ExitCode> {
  const { group, servers, file, place } = settings;
  const pool = new Pool(group, {
    servers: [...servers],
    output: log.lines ? "lines" : "inherit",
    workloads: options.verbose > 1,
  });
  logPool(pool, log, least);
  const claimed = await claim(place, group.name, (question) => answer(pool, question, restart));
  if (claimed.stale !== undefined) log.write("warn", claimed.stale);
  let aborted = 0;
  pool.on("stop", (event) => {
    aborted = event.aborted;
  });
  async function restart(): Promise<number> {
    log.reopen();
    // What the configuration says now; where it can't be read, the old workers go on.
    const now = await load();
    watch?.add(filesOf(now));
    return (await pool.restart(now.group)).replaced;
  }
  const restartAndTell = () =>
    void restart().catch((error) => {
      // The pool has told of its own failures.
      if (!(error instanceof PoolLoadError)) log.write("error", `not restarted: ${describe(error).message}`);
    });
  const off = onSignals(pool, log, restartAndTell);
  const watch = options.watch
    ? new Watch((changed) => {
        log.write("info", `${changed} has changed`);
        restartAndTell();
      })
    : undefined;
  watch?.add(filesOf(settings));
  let metrics: Awaited<ReturnType<typeof serveMetrics>>;
  try {
    const what = Object.keys(group.functions).join(", ");
    log.write("info", `the pool of ${group.name} starts as process ${process.pid}: ${what}`, {
      event: "start",
      config: file,
    });
    metrics = await serveMetrics(pool, servers, log);
    await pool.start();
    started();
    await pool.ended;
  } catch (error) {
    await pool.stop({ grace: 0 });
    if (error instanceof PoolLoadError) throw new Failure(error.message, ExitCode.NOT_LOADED);
    throw error;
  } finally {
    watch?.close();
    await metrics?.close();
    claimed.release();
    // Last: a signal that comes now finds nothing left to be cleared away.
    off();
  }
  return aborted > 0 ? ExitCode.FAILED : ExitCode.DONE;
}

async function answer(pool: Pool, question: Question, restart: () => Promise<number>): Promise<Answer> {
  try {
    return { ok: true, group: pool.group.name, ...(await tell(pool, question, restart)) };
  } catch (error) {
    const { code, message } = describe(error);
    return { ok: false, error: message, exit: error instanceof PoolLoadError ? ExitCode.NOT_LOADED : code };
  }
}

async function tell(pool: Pool, question: Question, restart: () => Promise<number>): Promise<object> {
  const { pid } = process;
  switch (question.ask) {
    case "status":
      return stateOf(pool);
    case "stop": {
      const { grace } = question;
      const { aborted } = await pool.stop(grace === undefined ? {} : { grace });
      return { pid, aborted, jobs: pool.counts };
    }
    case "restart":
      return { pid, replaced: await restart() };
    case "ping":
      return pool.ping({ timeout: question.timeout });
    default:
      throw new Failure("the pool doesn't know what it was asked");
  }
}

/** What signals have a pool do. Returns what takes that back. */
function onSignals(pool: Pool, log: PoolLog, restart: () => void): () => void {
  let stops = 0;
  const end = (hasty: boolean) => {
    stops = hasty ? Math.max(2, stops + 1) : stops + 1;
    // The workers notice that it is gone, and finish their jobs without it.
    if (stops > 2) process.exit(ExitCode.FAILED);
    void pool.stop(stops > 1 ? { grace: 0 } : {});
  };
  const terminal = process.stdin.isTTY || process.stderr.isTTY;
  const handlers: Partial<Record<NodeJS.Signals, () => void>> = {
    SIGTERM: () => end(false),
    SIGINT: () => end(false),
    SIGQUIT: () => end(true),
    SIGHUP: () => (terminal && !hasTerminal() ? end(false) : restart()),
    SIGUSR2: () => tellState(pool, log),
  };
  const entries = Object.entries(handlers) as [NodeJS.Signals, () => void][];
  for (const [signal, handler] of entries) process.on(signal, handler);
  return () => {
    for (const [signal, handler] of entries) process.off(signal, handler);
  };
}

/** Whether the terminal is still there: a SIGHUP says that it has gone, or that somebody wants a restart. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", "r"));
    return true;
  } catch {
    return false;
  }
}

function tellState(pool: Pool, log: PoolLog): void {
  const { workers, size, jobs } = stateOf(pool);
  const counts = Object.entries(jobs).map(([outcome, count]) => `${count} ${outcome}`);
  log.write("info", `${workers.length} workers of ${size}; jobs: ${counts.join(", ")}`, { event: "state", size, jobs });
  for (const worker of workers) {
    const { worker: number, pid, state, running, memory } = worker;
    const words = `worker ${number} (${pid}) is ${state}: ${worker.jobs} jobs done, ${running} in hand, ${Math.round(memory / 2 ** 20)} MiB`;
    log.write("info", words, { event: "state", ...worker });
  }
}

/** What is watched for changes. */
function filesOf({ group, file }: Settings): string[] {
  const { hooks } = group.pool;
  const modules = [...Object.values(group.functions).map((settings) => settings.file), ...(hooks ? [hooks.file] : [])];
  return [...new Set([...modules, ...(file === undefined ? [] : [file])])];
}
