/** What a program costs that submits one job: a process from its start to its end, less one of its runtime that does nothing. */

import { command } from "../../test/support/command.ts";
import { CLIENTS } from "../lib/clients.mjs";
import { flags } from "../lib/driver.mjs";
import { median } from "../lib/results.mjs";
import { startServer } from "../lib/server.mjs";
import { markdown } from "../lib/table.mjs";

/** @typedef {{ client: string, whole: number, added: number }} Start milliseconds */

/** Starts are short, and vary: so many more than rounds. */
const TURNS = 5;

/** What a runtime does when it has nothing to do. */
const NOTHING = [
  { names: ["node"], args: ["--eval", "0"] },
  { names: ["deno"], args: ["eval", "0"] },
  { names: ["bun"], args: ["--eval", "0"] },
  { names: ["php"], args: ["-r", "0;"] },
  { names: ["perl"], args: ["-e", "0"] },
];

/**
 * @param {import("../run.mjs").PartOptions} options
 * @returns {Promise<Start[]>}
 */
export async function measure({ rounds, log }) {
  await using server = await startServer();
  const measured = CLIENTS.filter(({ speed, last }) => speed.background && !last);
  /** @type {Map<string, { whole: number[], idle: number[] }>} */
  const times = new Map(measured.map(({ name }) => [name, { whole: [], idle: [] }]));
  for (let turn = 0; turn < rounds * TURNS; turn++) {
    for (const client of measured) {
      const found = await client.command().catch(() => undefined);
      if (!found) continue;
      const [program = "", ...first] = found;
      const one = flags({ port: server.port, jobs: 1, window: 1 });
      const whole = await time(program, [...first, "background", ...one]);
      const idle = NOTHING.find(({ names }) => names.some((name) => program.endsWith(name)));
      const nothing = idle ? await time(program, idle.args) : 0;
      if (whole === undefined || nothing === undefined) continue;
      times.get(client.name)?.whole.push(whole);
      times.get(client.name)?.idle.push(nothing);
    }
  }
  return [...times].flatMap(([client, { whole, idle }]) => {
    if (whole.length === 0) return [];
    const added = median(whole) - median(idle);
    log(`startup, ${client}: ${added.toFixed(0)} ms`);
    return [{ client, whole: median(whole), added }];
  });
}

/**
 * Milliseconds that a program takes, or undefined when it fails.
 * @param {string} program
 * @param {string[]} args
 */
async function time(program, args) {
  const begin = performance.now();
  const { code } = await command(program, args).catch(() => ({ code: null }));
  return code === 0 ? performance.now() - begin : undefined;
}

export const title = "Start-up: load, connect, submit one job";

/** @param {Start[]} starts */
export const table = (starts) =>
  markdown(
    ["client", "ms", "ms with the runtime's own start"],
    starts.map(({ client, whole, added }) => [client, added.toFixed(0), whole.toFixed(0)]),
  );
