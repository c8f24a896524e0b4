import type { FunctionRow, History, Order, ServerState } from "./history.js";
import { paint, printable } from "./output.js";
import { pad, width as widthOfText } from "./width.js";

/** What one screen of `edgear top` shows. */
export interface FrameInput {
  readonly history: History;
  readonly states: readonly ServerState[];
  readonly order: Order;
  /** Characters a line. */
  readonly width: number;
  /** Lines. */
  readonly height: number;
}

const NUMBERS = [
  ["queued", "QUEUED", 8],
  ["running", "RUNNING", 8],
  ["workers", "WORKERS", 8],
  ["rate", "RATE", 10],
] as const;

/** What a function's name has at the least. */
const LEAST_NAME = 8;

/** A line of totals is shown from this width on, and takes no more than that. */
const LEAST_LINE = 8;
const LONGEST_LINE = 60;

const BARS = "▁▂▃▄▅▆▇█";

/** The lines of one screen: the servers, the titles, and as many functions as there is room for. */
export function frame({ history, states, order, width, height }: FrameInput): string[] {
  const rows = history.rows(order);
  const names = rows.map((row) => printable(row.function));
  const longest = names.reduce((most, name) => Math.max(most, widthOfText(name)), "FUNCTION".length);
  const numbers = fitting(width - LEAST_NAME);
  const numbersWidth = widthOf(numbers);
  const nameWidth = Math.max(
    LEAST_NAME,
    Math.min(longest, Math.max(16, Math.floor(width / 2) - 8), width - numbersWidth),
  );
  const room = Math.min(LONGEST_LINE, width - nameWidth - numbersWidth - 2);
  const lineWidth = room >= LEAST_LINE ? room : 0;

  const head = servers(states, width, Math.max(1, Math.floor(height / 3)));
  const titles = [
    title("FUNCTION", nameWidth, false, order === "function"),
    ...numbers.map(([key, text, size]) =>
      title(text, size, true, key === order || (key === "queued" && order === "total")),
    ),
  ].join("");
  const lines = [...head, pad(summary(rows), width), "", titles];
  const left = Math.max(0, height - lines.length);
  const shown = rows.length > left ? rows.slice(0, Math.max(0, left - 1)) : rows;
  for (const [index, row] of shown.entries()) {
    const cells = numbers.map(([key, , size]) => number(row, key, size)).join("");
    const line = lineWidth > 0 ? `  ${paint("cyan", sparkline(history.totals(row.function), lineWidth))}` : "";
    lines.push(pad(names[index] ?? "", nameWidth) + cells + line);
  }
  if (shown.length < rows.length)
    lines.push(paint("dim", pad(`… and ${rows.length - shown.length} more`, width).trimEnd()));
  return lines.slice(0, height).map((line) => line.trimEnd());
}

/** The numbers that there is room for. */
function fitting(room: number): (typeof NUMBERS)[number][] {
  return NUMBERS.filter((_, index) => widthOf(NUMBERS.slice(0, index + 1)) <= room);
}

function widthOf(numbers: readonly (typeof NUMBERS)[number][]): number {
  return numbers.reduce((sum, [, , width]) => sum + width, 0);
}

/** The servers, in so many lines at most: where there are more, those that are away come first. */
function servers(states: readonly ServerState[], width: number, most: number): string[] {
  if (states.length <= most) return states.map((state) => serverLine(state, width));
  const away = states.filter(({ error }) => error !== undefined);
  const sorted = [...away, ...states.filter(({ error }) => error === undefined)];
  const shown = sorted.slice(0, most - 1).map((state) => serverLine(state, width));
  const left = states.length - shown.length;
  const leftAway = Math.max(0, away.length - shown.length);
  const words = `${shown.length > 0 ? `… and ${left} more` : left} servers${leftAway > 0 ? `, ${leftAway} of them away` : ""}`;
  return [...shown, paint(leftAway > 0 ? "red" : "dim", pad(words, width).trimEnd())];
}

function serverLine({ server, functions, error }: ServerState, width: number): string {
  if (error !== undefined) return paint("red", pad(printable(error), width).trimEnd());
  return functions ? `${pad(server, width).trimEnd()}` : pad(`${server} …`, width).trimEnd();
}

function summary(rows: readonly FunctionRow[]): string {
  const total = (key: "queued" | "running") => rows.reduce((sum, row) => sum + row[key], 0);
  const functions = rows.length === 1 ? "1 function" : `${rows.length} functions`;
  return `${functions}, ${total("queued")} queued, ${total("running")} running`;
}

function title(text: string, size: number, right: boolean, sorted: boolean): string {
  const cell = pad(text, size, right);
  return paint(sorted ? "cyan" : "bold", cell);
}

function number(row: FunctionRow, key: (typeof NUMBERS)[number][0], size: number): string {
  // However long a number is, it stands apart from its neighbour.
  const cell = ` ${pad(key === "rate" ? rate(row.rate) : String(row[key]), size - 1, true)}`;
  // Jobs that nobody is there for are what one looks for first.
  if (key === "workers" && row.workers === 0 && row.total > 0) return paint("red", cell);
  if (key === "rate" && row.rate !== 0) return paint(row.rate > 0 ? "yellow" : "green", cell);
  return cell;
}

function rate(perSecond: number): string {
  const digits = Math.abs(perSecond) < 10 ? 1 : 0;
  const text = Math.abs(perSecond).toFixed(digits);
  if (Number(text) === 0) return "0/s";
  return `${perSecond > 0 ? "+" : "-"}${text}/s`;
}

/** Numbers as bars of a line, the last on the right: the highest is full, and only nothing is none. */
export function sparkline(values: readonly number[], width: number): string {
  const shown = values.slice(-width);
  const most = Math.max(...shown, 1);
  const bars = shown.map((value) => (value === 0 ? " " : BARS[Math.ceil((value / most) * BARS.length) - 1]));
  return bars.join("").padStart(width);
}
