import { Command } from "commander";
import { VERSION } from "../version.js";
import { adminCommand } from "./admin.js";
import { nameConnections } from "./connection.js";
import type { ExitCode } from "./exit.js";
import { outboxCommand } from "./outbox.js";
import { paint } from "./output.js";
import { pingCommand } from "./ping.js";
import { poolCommand } from "./pool/command.js";
import { schedulerCommand } from "./scheduler.js";
import { serverCommand } from "./server.js";
import { statusCommand } from "./status.js";
import { submitCommand } from "./submit.js";
import { topCommand } from "./top.js";
import { workCommand } from "./work.js";

const EXAMPLES = `
Job servers are those of --servers, of --connection, of GEARMAN_SERVERS, or of
edgear.config's connection "default"; else 127.0.0.1:4730.
Exit codes: 0 done, 1 failed, 2 wrong usage.

Examples:
  edgear server                          # a job server, in memory
  edgear work reverse -- rev             # a worker: a process for each job
  edgear submit reverse 'Hello, Edgear!' # a job, and its result
  edgear top                             # what the job server is at`;

/**
 * The command line.
 * @param args what it is going to be given
 * @param exit how the program will end; commands that go on after a failure say so there
 */
export function program(args: readonly string[], exit: { code: ExitCode }): Command {
  // An empty variable is how shells and compose files say that there is none.
  if (process.env.GEARMAN_SERVERS?.trim() === "") delete process.env.GEARMAN_SERVERS;
  const edgear = new Command("edgear")
    .description("Submit jobs to Gearman job servers, work them off, and see what the servers are at.")
    .version(VERSION, "-V, --version", "print the version")
    .helpCommand("help [command]", "print the help of a command")
    .addHelpText("after", EXAMPLES)
    .showHelpAfterError("(add --help for what is allowed)")
    .configureOutput({
      outputError: (text, write) =>
        write(text.replace(/^error: (.*)/, (_, words) => paint("red", `edgear: ${words}`, process.stderr))),
    })
    // It is this program that decides how it ends.
    .exitOverride();
  submitCommand(edgear);
  statusCommand(edgear);
  workCommand(edgear, args, exit);
  adminCommand(edgear, exit);
  topCommand(edgear, exit);
  serverCommand(edgear);
  schedulerCommand(edgear, exit);
  pingCommand(edgear, exit);
  poolCommand(edgear, exit);
  outboxCommand(edgear);
  nameConnections(edgear);
  return edgear;
}
