/**
 * Who is measured. `speed` says how fast a client is about, by job, with raw-c as 1: so many fewer jobs it is given. What
 * isn't named there it can't do.
 *
 * @typedef {object} BenchClient
 * @property {string} name
 * @property {string} about
 * @property {() => Promise<string[]>} command the driver's program and first arguments
 * @property {string[]} [last] its last arguments
 * @property {Record<string, number>} speed
 */
import path from "node:path";
import { BENCH, compiled } from "./compile.mjs";

const ALL = { background: 1, latency: 1, foreground: 1, worker: 1, worker64: 1, status: 1 };

/** A driver in JavaScript, run by the Node that runs this. */
const script = (/** @type {string} */ file) => async () => [process.execPath, path.join(BENCH, "drivers", file)];

/** @type {BenchClient[]} */
export const CLIENTS = [
  {
    name: "raw-c",
    about: "the limit: packets that lie ready, in C",
    command: async () => [await compiled("raw.c")],
    speed: ALL,
  },
  {
    name: "edgear backgroundAll",
    about: "Edgear, in bulk",
    command: script("edgear.mjs"),
    last: ["--way", "all"],
    speed: { background: 1 },
  },
  { name: "edgear", about: "Edgear, a promise a job", command: script("edgear.mjs"), speed: ALL },
];
