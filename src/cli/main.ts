#!/usr/bin/env node
import { CommanderError } from "commander";
import { describe, ExitCode } from "./exit.js";
import { note } from "./output.js";
import { program } from "./program.js";

/** How long what a user's module has left open may keep a finished program, in milliseconds. */
const LINGER = 1_000;

// Whoever reads the output may stop reading, as `head` does: then there is nothing left to do, and nothing went wrong.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit();
    // A full disk, for example: it may be that nothing can be said of it, either.
    process.exitCode = ExitCode.FAILED;
    if (stream === process.stdout) note("error", error.message);
    process.exit();
  });
}

process.exitCode = await run(process.argv.slice(2));
setTimeout(() => process.exit(), LINGER).unref();

async function run(args: string[]): Promise<ExitCode> {
  try {
    const exit = { code: ExitCode.DONE };
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
