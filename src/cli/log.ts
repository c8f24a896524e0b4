import type { Logger } from "../index.js";
import { UsageError } from "./exit.js";
import { paint, printable } from "./output.js";

/** How much a log says: what goes wrong, what happens, or everything. */
export enum LogLevel {
  WRONG = 1,
  WHAT_HAPPENS = 2,
  EVERYTHING = 3,
}

/** What `--quiet` and `--verbose` come to. */
export function logLevel({ quiet, verbose }: { quiet?: boolean | undefined; verbose?: boolean | undefined }): LogLevel {
  if (quiet && verbose) throw new UsageError("--quiet or --verbose?");
  return quiet ? LogLevel.WRONG : verbose ? LogLevel.EVERYTHING : LogLevel.WHAT_HAPPENS;
}

/** A log on the standard error, up to a level. */
export function logger(level: LogLevel): Logger {
  const line = (needed: LogLevel, style: "red" | "yellow" | undefined) => (words: unknown) => {
    if (level < needed) return;
    const time = new Date().toTimeString().slice(0, 8);
    const text = printable(String(words));
    const styled = style ? paint(style, text, process.stderr) : text;
    process.stderr.write(`${paint("dim", time, process.stderr)} ${styled}\n`);
  };
  return {
    error: line(LogLevel.WRONG, "red"),
    warn: line(LogLevel.WRONG, "yellow"),
    info: line(LogLevel.WHAT_HAPPENS, undefined),
    debug: line(LogLevel.EVERYTHING, undefined),
  };
}
