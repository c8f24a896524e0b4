import type { FunctionStatus } from "../index.js";

/** What a server said of its functions, or why it did not. */
export interface ServerState {
  readonly server: string;
  readonly functions: readonly FunctionStatus[] | undefined;
  readonly error?: string;
}

/** A function, over all servers. */
export interface FunctionRow extends FunctionStatus {
  /** How many jobs more a second there are, over the last looks: one alone would mostly say 0, and then a lot. */
  readonly rate: number;
}

/** What rows can be sorted by. Numbers come largest first. */
export const ORDERS = ["total", "queued", "running", "workers", "rate", "function"] as const;
export type Order = (typeof ORDERS)[number];

/** Looks that are kept: as many as the widest line has characters. */
const KEPT = 120;

/** Looks that a rate is the average of. */
const LOOKS = 5;

interface Line {
  row: FunctionRow;
  readonly totals: number[];
  /** The totals at the times that a rate is of. */
  recent: number[];
  /** Whether it was there when it was last looked. */
  there: boolean;
}

/** What was seen of each function, and when. */
export class History {
  readonly #lines = new Map<string, Line>();
  /** When it was looked, as long as the same servers answered; as often as a rate needs. */
  #times: number[] = [];
  /** The servers that answered when it was last looked. */
  #answered = "";

  /** Adds what was seen at a time, in milliseconds. */
  add(states: readonly ServerState[], now: number): void {
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
    const times = comparable ? this.#times.slice(-LOOKS) : [];
    this.#times = [...times, now];
    const seconds = (now - (times[0] ?? now)) / 1_000;
    for (const [name, status] of sums) {
      const line = this.#lines.get(name) ?? { row: { ...status, rate: 0 }, totals: [], recent: [], there: true };
      // One that is new had none before.
      const known = [...times.map(() => 0), ...line.recent];
      line.recent = [...known.slice(known.length - times.length), status.total];
      line.row = { ...status, rate: seconds > 0 ? (status.total - (line.recent[0] ?? 0)) / seconds : 0 };
      this.#lines.set(name, line);
    }
    for (const { row, totals } of this.#lines.values()) {
      totals.push(row.total);
      if (totals.length > KEPT) totals.shift();
    }
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
