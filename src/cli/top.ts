import { type Command, Option } from "commander";
import { serverName } from "../connection/address.js";
import { sleep } from "../connection/wait.js";
import { Admin } from "../index.js";
import { describe, ExitCode } from "./exit.js";
import { frame } from "./frame.js";
import { History, ORDERS, type Order, type ServerState } from "./history.js";
import { type CommonOptions, count, jsonOption, serverList, serversOption, timeLimit } from "./options.js";
import { sayJson } from "./output.js";
import { Screen } from "./screen.js";
import { onStop } from "./signals.js";
import { write } from "./streams.js";

interface TopOptions extends CommonOptions {
  interval: number;
  sort: Order;
  count?: number;
}

const EXAMPLES = `
RATE is how fast a function's jobs, queued and running, become more (+) or
fewer (-) a second, over the last five intervals: gearmand doesn't count what it
has done. The line beside it is how many there were, an interval a character.

Keys: s sorts by the next column, q or Ctrl-C ends. Without a terminal a table
is printed at each interval.

Examples:
  edgear top
  edgear top --servers jobs1,jobs2 --interval 5s --sort queued
  edgear top --json --count 10`;

/** `edgear top` */
export function topCommand(parent: Command, exit: { code: ExitCode }): void {
  parent
    .command("top")
    .description("watch the functions: jobs, workers, and where it goes")
    .option("-i, --interval <time>", "how often to ask the servers", timeLimit, 1_000)
    .addOption(new Option("--sort <column>", "what comes first").choices(ORDERS).default("total"))
    .option("-c, --count <number>", "end after having asked so often; default: never", count)
    .addOption(serversOption())
    .addOption(jsonOption())
    .addHelpText("after", EXAMPLES)
    .action(async (options: TopOptions) => {
      if (!(await top(options))) exit.code = ExitCode.FAILED;
    });
}

/** @returns whether any server has answered, or somebody had seen enough before */
async function top({ servers, interval, sort, count = Number.POSITIVE_INFINITY, json }: TopOptions): Promise<boolean> {
  // A server that takes longer than this is one to be told of, not to be waited for.
  const patience = Math.max(interval, 1_000);
  const list = serverList(servers);
  const admins = list.map((server) => new Admin(server, { connectTimeout: patience, requestTimeout: patience }));
  const history = new History();
  const stop = new AbortController();
  const off = onStop(() => stop.abort());
  const screen = process.stdout.isTTY && !json ? new Screen() : undefined;
  let answered = false;
  let order = sort;
  let states: ServerState[] = servers.map((address) => ({ server: serverName(address), functions: undefined }));
  const draw = () => screen?.draw(frame({ history, states, order, ...screen.size }));
  screen?.enter({
    key: (key) => {
      if (key === "q" || key === "\x03") stop.abort();
      if (key === "s") order = ORDERS[(ORDERS.indexOf(order) + 1) % ORDERS.length] as Order;
      draw();
    },
    resize: draw,
  });
  try {
    draw();
    for (let asked = 0; asked < count && !stop.signal.aborted; asked++) {
      if (asked > 0) await sleep(interval, stop.signal).catch(() => {});
      if (stop.signal.aborted) break;
      states = await Promise.all(admins.map((admin) => ask(admin, stop.signal)));
      if (stop.signal.aborted) break;
      answered ||= states.some(({ functions }) => functions);
      history.add(states, performance.now());
      if (screen) draw();
      else if (json)
        await sayJson({ time: new Date().toISOString(), servers: states.map(summary), functions: history.rows(order) });
      else
        await write(`${frame({ history, states, order, width: 80, height: Number.POSITIVE_INFINITY }).join("\n")}\n\n`);
    }
  } finally {
    screen?.leave();
    off();
    for (const admin of admins) admin.destroy();
  }
  return answered || stop.signal.aborted;
}

async function ask(admin: Admin, signal: AbortSignal): Promise<ServerState> {
  const { server } = admin;
  try {
    return { server, functions: await admin.status({ signal }) };
  } catch (error) {
    return { server, functions: undefined, error: describe(error).message };
  }
}

function summary({ server, error }: ServerState): object {
  return error === undefined ? { server, ok: true } : { server, ok: false, error };
}
