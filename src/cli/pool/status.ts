/*
 * `edgear pool status`: what a pool's workers are at; on a terminal, as it goes on.
 */
import { stripVTControlCharacters } from "node:util";
import { sleep } from "../../connection/wait.js";
import { paint, say, sayJson } from "../output.js";
import { Screen } from "../screen.js";
import { onStop } from "../signals.js";
import { table } from "../table.js";
import { cut, width } from "../width.js";
import { type AskOptions, absent, question, silent } from "./ask.js";
import { ask, NoAnswer, PATIENCE } from "./control.js";
import { findPlace } from "./settings.js";
import type { PoolState } from "./state.js";

/** `edgear pool status` */
export async function status(
  name: string | undefined,
  options: AskOptions & { readonly interval: number },
): Promise<void> {
  const found = await findPlace(name, options);
  const look = async () => (await question(found, { ask: "status" }, PATIENCE)) as unknown as PoolState;
  if (options.json) {
    const { group, pid, started, size, jobs, workers } = await look();
    return sayJson({ group, pid, started, size, jobs, workers });
  }
  if (!process.stdout.isTTY) return say(linesOf(await look()).join("\n"));
  let state = await look();
  const stop = new AbortController();
  const off = onStop(() => stop.abort());
  const screen = new Screen();
  const draw = () => {
    const { width: columns, height } = screen.size;
    screen.draw(
      linesOf(state)
        .slice(0, height)
        .map((line) => fitted(line, columns)),
    );
  };
  screen.enter({
    key: (key) => {
      if (key === "q" || key === "\x03") stop.abort();
    },
    resize: draw,
  });
  try {
    while (!stop.signal.aborted) {
      draw();
      await sleep(options.interval, stop.signal).catch(() => {});
      if (stop.signal.aborted) break;
      const answer = await ask(found.place.socket, { ask: "status" }, PATIENCE).catch((error: unknown) => {
        if (error instanceof NoAnswer) throw silent(found.name, found.place, error);
        return undefined;
      });
      if (!answer?.ok) throw absent(found.name, found.place);
      state = answer as unknown as PoolState;
    }
  } finally {
    screen.leave();
    off();
  }
}

const COLUMNS = [
  { title: "WORKER", right: true },
  { title: "PID", right: true },
  { title: "STATE" },
  { title: "RUNNING", right: true },
  { title: "JOBS", right: true },
  { title: "FAILED", right: true },
  { title: "IDLE", right: true },
  { title: "MEMORY", right: true },
  { title: "UP", right: true },
  { title: "SERVERS" },
];

/** A pool's state, as lines. */
export function linesOf({ group, pid, started, size, jobs, workers }: PoolState): string[] {
  const now = Date.now();
  const there = workers.filter(({ state }) => state === "ready").length;
  const failed = jobs.failure + jobs.exception;
  const again = jobs.lost + jobs.killed;
  const counts = [`${jobs.complete + failed} jobs done`, `${failed} of them failed`, `${again} given to other workers`];
  const rows = workers.map((worker) => [
    worker.worker,
    worker.pid,
    worker.state,
    worker.running,
    worker.jobs,
    worker.failures,
    worker.running > 0 ? "" : time(worker.idle),
    worker.memory === 0 ? "" : `${(worker.memory / 2 ** 20).toFixed(0)} MiB`,
    time(now - worker.started),
    worker.servers.join(" "),
  ]);
  return [
    `${group}: ${paint(there < size ? "red" : "green", `${there} of ${size} workers ready`)}, process ${pid}, up ${time(now - started)}`,
    counts.join(", "),
    "",
    ...table(COLUMNS, rows),
  ];
}

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["m", 60_000],
  ["s", 1_000],
];

/** A time, in the largest unit that it has one of. */
function time(milliseconds: number): string {
  const [unit, size] = UNITS.find(([, size]) => milliseconds >= size) ?? ["s", 1_000];
  return `${Math.floor(Math.max(0, milliseconds) / size)}${unit}`;
}

/** A line that a terminal doesn't break. One that is too long goes without its colours. */
function fitted(line: string, columns: number): string {
  const plain = stripVTControlCharacters(line);
  return width(plain) <= columns ? line : cut(plain, columns);
}
