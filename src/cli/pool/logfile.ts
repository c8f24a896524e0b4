import { closeSync, openSync, writeSync } from "node:fs";
import path from "node:path";
import { note } from "../output.js";
import { makeFolder } from "./place.js";

/** Whatever the umask is: workloads may stand in it, and nobody else has any business with those. */
const MODE = 0o640;

/** Opens a file to write at its end. Makes it, and its folder, where they aren't there. */
export function openLogFile(file: string): number {
  makeFolder(path.dirname(file));
  return openSync(file, "a", MODE);
}

/**
 * A file of lines. That it can't be written, as its disk is full, or opened anew, is said once, and harms nothing else: a
 * pool is there for its jobs.
 */
export class LogFile {
  readonly #file: string;
  #fd: number | undefined;
  #failing = false;
  /** Whether a part of a line is the last that it has. */
  #cut = false;

  /** @throws what the system says when it can't be opened */
  constructor(file: string) {
    this.#file = file;
    this.#fd = openLogFile(file);
  }

  write(line: string): void {
    if (this.#fd === undefined) return;
    const bytes = Buffer.from(this.#cut ? `\n${line}` : line);
    let written = 0;
    try {
      while (written < bytes.length) written += writeSync(this.#fd, bytes, written);
      this.#cut = false;
      this.#failing = false;
    } catch (error) {
      if (written > 0) this.#cut = true;
      if (!this.#failing) note("error", `the log ${this.#file} can't be written: ${(error as Error).message}`);
      this.#failing = true;
    }
  }

  /** Where that fails, it goes on into the file that it has. */
  reopen(): void {
    try {
      const fd = openLogFile(this.#file);
      this.close();
      this.#fd = fd;
      this.#cut = false;
    } catch (error) {
      note("error", `the log ${this.#file} can't be opened anew: ${(error as Error).message}`);
    }
  }

  close(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }
}
