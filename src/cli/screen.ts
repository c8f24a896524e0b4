/** What a screen tells of. */
export interface ScreenEvents {
  /** A key was pressed. */
  key(key: string): void;
  /** The terminal has another size. */
  resize(): void;
}

const ENTER = "\x1b[?1049h\x1b[?25l";
const LEAVE = "\x1b[?25h\x1b[?1049l";

/** The terminal, all of it: what was there before comes back afterwards. */
export class Screen {
  readonly #output = process.stdout;
  readonly #input = process.stdin;
  #events: ScreenEvents | undefined;
  readonly #restore = () => this.#output.write(LEAVE);
  readonly #onKeys = (keys: Buffer) => {
    for (const key of keys.toString()) this.#events?.key(key);
  };
  readonly #onResize = () => this.#events?.resize();

  /** Its size now, in characters. */
  get size(): { width: number; height: number } {
    // A terminal that nobody has told its size says 0.
    return { width: this.#output.columns || 80, height: this.#output.rows || 24 };
  }

  enter(events: ScreenEvents): void {
    this.#events = events;
    this.#output.write(ENTER);
    // However the program ends.
    process.once("exit", this.#restore);
    this.#output.on("resize", this.#onResize);
    if (!this.#input.isTTY) return;
    this.#input.setRawMode(true);
    this.#input.on("data", this.#onKeys);
  }

  draw(lines: readonly string[]): void {
    // Over what is there, and not after wiping it: that would flicker.
    this.#output.write(`\x1b[H${lines.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
  }

  leave(): void {
    if (!this.#events) return;
    this.#events = undefined;
    this.#output.off("resize", this.#onResize);
    if (this.#input.isTTY) {
      this.#input.off("data", this.#onKeys);
      this.#input.setRawMode(false);
      this.#input.pause();
    }
    process.off("exit", this.#restore);
    this.#restore();
  }
}
