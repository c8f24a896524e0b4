import { isColoured, paint, printable } from "./output.js";
import { cut, pad, width } from "./width.js";

const WIDTH = 30;

/** One line on the terminal that shows how far something is, and moves. Where the standard error is no terminal, nothing. */
export class ProgressBar {
  readonly #stream = process.stderr;
  readonly #name: string;
  #shown = "";

  constructor(name: string) {
    this.#name = printable(name);
  }

  /** @param progress from 0 to 1 */
  show(progress: number, state: string): void {
    if (!this.#stream.isTTY) return;
    const columns = (this.#stream.columns || 80) - 1;
    const rest = ` ${bar(progress, WIDTH)} ${String(Math.floor(progress * 100)).padStart(3)} % ${state}`;
    // A line that is wider than the terminal would leave its beginnings behind. How far it is says more than the name.
    const room = Math.max(0, columns - width(rest));
    const name = width(this.#name) > room ? pad(this.#name, room) : this.#name;
    const fitting = cut(name + rest, columns);
    if (fitting === this.#shown) return;
    this.#stream.write(
      `\r${isColoured(this.#stream) ? fitting.replace(/█+/, (full) => paint("green", full, this.#stream)) : fitting}\x1b[K`,
    );
    this.#shown = fitting;
  }

  /** Takes the line away, before something else is written, or for good. */
  clear(): void {
    if (this.#shown === "") return;
    this.#stream.write("\r\x1b[K");
    this.#shown = "";
  }

  /** Leaves the line there. */
  end(): void {
    if (this.#shown === "") return;
    this.#stream.write("\n");
    this.#shown = "";
  }
}

function bar(progress: number, width: number): string {
  const full = Math.round(Math.min(1, Math.max(0, progress)) * width);
  return "█".repeat(full) + "░".repeat(width - full);
}
