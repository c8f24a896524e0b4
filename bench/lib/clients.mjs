/**
 * Who is measured. `speed` says how fast a client is about, by job, with raw-c as 1: so many fewer jobs it is given. What
 * isn't named there it can't do.
 *
 * @typedef {object} BenchClient
 * @property {string} name
 * @property {string} about
 * @property {() => Promise<string[]>} command the driver's program and first arguments
 * @property {string[]} [last] its last arguments
 * @property {string} [against] the raw program on its own runtime
 * @property {Record<string, number>} speed
 */
import path from "node:path";
import { findProgram } from "../../scripts/programs.mjs";
import { BENCH, compiled } from "./compile.mjs";

const driver = (/** @type {string} */ file) => path.join(BENCH, "drivers", file);

/** A driver in JavaScript, run by the Node that runs this. */
const script = (/** @type {string} */ file) => async () => [process.execPath, "--no-deprecation", driver(file)];

/**
 * The same drivers on another runtime, each beside a raw program there. They do what needs no worker of their own.
 * @param {string} runtime
 * @param {string[]} args
 * @returns {BenchClient[]}
 */
function elsewhere(runtime, args) {
  const on = (/** @type {string} */ file) => async () => {
    const program = findProgram(runtime.toLowerCase());
    if (!program) throw new Error(`${runtime} is not installed`);
    return [program, ...args, driver(file)];
  };
  const raw = `raw on ${runtime}`;
  const speed = { background: 1, latency: 1, foreground: 1, worker: 1, worker64: 1, status: 1 };
  return [
    { name: raw, about: `what raw-c does, on ${runtime}`, command: on("raw.mjs"), against: raw, speed },
    {
      name: `edgear backgroundAll on ${runtime}`,
      about: "Edgear, in bulk",
      command: on("edgear.mjs"),
      last: ["--way", "all"],
      against: raw,
      speed: { background: 1 },
    },
    { name: `edgear on ${runtime}`, about: "Edgear, a promise a job", command: on("edgear.mjs"), against: raw, speed },
  ];
}

const ALL = { background: 1, latency: 1, foreground: 1, worker: 1, worker64: 1, status: 1 };

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
  { name: "raw-node", about: "what raw-c does, on Node", command: script("raw.mjs"), speed: ALL },
  {
    name: "plain JS",
    about: "a plain, careful client: bench/plain",
    command: script("plain.mjs"),
    speed: { ...ALL, background: 0.5, foreground: 0.5, worker64: 0.5, status: 0.5 },
  },
  {
    name: "libgearman",
    about: "the C library, by its tasks",
    command: async () => [await compiled("drivers/libgearman.c", ["-lgearman"])],
    // Its status tasks never end.
    speed: { background: 0.15, latency: 1, foreground: 0.3, worker: 1 },
  },
  {
    name: "libgearman do",
    about: "the C library, one call after the other",
    command: async () => [await compiled("drivers/libgearman.c", ["-lgearman"])],
    last: ["--way", "do"],
    speed: { background: 0.04, status: 0.03 },
  },
  {
    name: "php-gearman",
    about: "PHP's extension, which is libgearman",
    command: async () => ["php", driver("php.php")],
    speed: { background: 0.1, latency: 1, foreground: 0.2, worker: 1, status: 0.02 },
  },
  {
    name: "Perl",
    about: "Gearman::Client, Gearman::Worker",
    command: async () => ["perl", driver("perl.pl")],
    speed: { background: 0.01, latency: 0.4, foreground: 0.03, worker: 0.2, status: 0.005 },
  },
  {
    name: "gearman",
    about: "npm",
    command: script("gearman.mjs"),
    speed: { background: 0.02, latency: 0.4, foreground: 0.02, worker: 0.005, status: 0.01 },
  },
  {
    name: "node-gearman",
    about: "npm",
    command: script("node-gearman.mjs"),
    speed: { background: 0.08, latency: 0.5, foreground: 0.1, worker: 0.005 },
  },
  {
    name: "gearmanode",
    about: "npm",
    command: script("gearmanode.mjs"),
    speed: { background: 0.04, latency: 0.5, foreground: 0.08, worker: 0.005, status: 0.03 },
  },
  {
    name: "gearman-coffee",
    about: "npm",
    command: script("gearman-coffee.mjs"),
    speed: { background: 0.04, latency: 0.5, foreground: 0.05, worker: 0.005 },
  },
  {
    name: "abraxas",
    about: "npm",
    command: script("abraxas.mjs"),
    speed: { background: 0.01, latency: 0.3, foreground: 0.02, worker: 0.05, worker64: 0.01, status: 0.01 },
  },
  ...elsewhere("Deno", ["run", "--allow-all", "--no-lock"]),
  ...elsewhere("Bun", ["run"]),
];
