const LINE_FEED = "\n";

/** Takes bytes as they come, and gives the lines that are whole, without their line feeds. */
export class LineReader {
  // A byte order mark is part of whatever name begins with it.
  readonly #decoder = new TextDecoder("utf-8", { ignoreBOM: true });
  /** The pieces of a line that has not ended: joined once, as a line may have any length. */
  #pieces: string[] = [];

  read(bytes: Uint8Array): string[] {
    const lines = this.#decoder.decode(bytes, { stream: true }).split(LINE_FEED);
    const rest = lines.pop() as string;
    if (lines.length > 0 && this.#pieces.length > 0) {
      lines[0] = this.#pieces.join("") + lines[0];
      this.#pieces = [];
    }
    if (rest !== "") this.#pieces.push(rest);
    return lines;
  }
}
