import type { FunctionStatus } from "../index.js";

/** What a server said of its functions, or why it did not. */
export interface ServerState {
  readonly server: string;
  readonly functions: readonly FunctionStatus[] | undefined;
  readonly error?: string;
}

/** A function, over all servers. */
export interface FunctionRow extends FunctionStatus {
  /** How many jobs more a second there are than when it was last looked. */
  readonly rate: number;
}

/** What rows can be sorted by. Numbers come largest first. */
export const ORDERS = ["total", "queued", "running", "workers", "rate", "function"] as const;
export type Order = (typeof ORDERS)[number];

/** Looks that are kept: as many as the widest line has characters. */
const KEPT = 120;

interface Line {
  row: FunctionRow;
  readonly totals: number[];
  /** Whether it was there when it was last looked. */
  there: boolean;
}

/** What was seen of each function, and when. */
export class History {
  readonly #lines = new Map<string, Line>();
  #last: number | undefined;
  /** The servers that answered when it was last looked. */
  #answered = "";

  /** Adds what was seen at a time, in milliseconds. */
  add(states: readonly ServerState[], now: number): void {
    const seconds = this.#last === undefined ? 0 : (now - this.#last) / 1_000;
    const sums = sum(states);
    const answered = states.filter(({ functions }) => functions).map(({ server }) => server);
    for (const [name, line] of this.#lines) {
      line.there = sums.has(name);
      // While a server is away, what it had is not gone: it is not known.
      if (!line.there && answered.length === states.length) this.#lines.delete(name);
    }
    // The jobs of a server that is away, or back, have not gone or come.
    const comparable = answered.join() === this.#answered;
    this.#answered = answered.join();
    for (const [name, status] of sums) {
      const line = this.#lines.get(name);
      const before = line?.row.total ?? 0;
      const rate = seconds > 0 && comparable ? (status.total - before) / seconds : 0;
      const row = { ...status, rate };
      if (line) line.row = row;
      else this.#lines.set(name, { row, totals: [], there: true });
    }
    for (const { row, totals } of this.#lines.values()) {
      totals.push(row.total);
      if (totals.length > KEPT) totals.shift();
    }
    this.#last = now;
  }

  /** The functions that were there when it was last looked. */
  rows(order: Order): FunctionRow[] {
    const rows = [...this.#lines.values()].filter(({ there }) => there).map(({ row }) => row);
    const byName = (a: FunctionRow, b: FunctionRow) => (a.function < b.function ? -1 : a.function > b.function ? 1 : 0);
    if (order === "function") return rows.sort(byName);
    return rows.sort((a, b) => b[order] - a[order] || byName(a, b));
  }

  /** How many jobs a function had, the last time last. */
  totals(name: string): readonly number[] {
    return this.#lines.get(name)?.totals ?? [];
  }
}

/** Functions of all servers together. */
function sum(states: readonly ServerState[]): Map<string, FunctionStatus> {
  const sums = new Map<string, FunctionStatus>();
  for (const status of states.flatMap(({ functions }) => functions ?? [])) {
    const { queued = 0, running = 0, total = 0, workers = 0 } = sums.get(status.function) ?? {};
    sums.set(status.function, {
      function: status.function,
      queued: queued + status.queued,
      running: running + status.running,
      total: total + status.total,
      workers: workers + status.workers,
    });
  }
  return sums;
}
