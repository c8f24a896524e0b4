#!/usr/bin/env node
import { CommanderError } from "commander";
import { describe, ExitCode } from "./exit.js";
import { note } from "./output.js";
import { program } from "./program.js";
import { flushed, mindStreams } from "./streams.js";

/** How long what a user's module has left open may keep a finished program, in milliseconds. */
const LINGER = 1_000;

const exit = { code: ExitCode.DONE };

mindStreams((error) => {
  // Whoever reads the output may stop reading, as `head` does: then nothing is left to do, and nothing went wrong by that.
  if (error.code === "EPIPE") process.exit(exit.code);
  // A full disk, for example: it may be that nothing can be said of it, either.
  note("error", error.message);
  process.exit(ExitCode.FAILED);
});

process.exitCode = await run(process.argv.slice(2));
// A reader may take its time. Only what comes after is bounded.
await flushed();
setTimeout(() => process.exit(), LINGER).unref();

async function run(args: string[]): Promise<ExitCode> {
  try {
    await program(args, exit).parseAsync(args, { from: "user" });
    return exit.code;
  } catch (error) {
    // It has said what is wrong.
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.DONE : ExitCode.USAGE;
    const { code, message } = describe(error);
    note("error", message);
    return code;
  }
}
