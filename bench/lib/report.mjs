/** Where figures go: a text, a JSON file, and docs/performance.md with its plots. */
import { mkdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { goals } from "./goals.mjs";
import { PARTS } from "./parts.mjs";
import { plots } from "./plots.mjs";
import { tables } from "./table.mjs";

const DOCS = fileURLToPath(new URL("../../docs", import.meta.url));
const FOLDER = path.join(DOCS, "performance");
const PAGE = path.join(DOCS, "performance.md");
const FIGURES = path.join(FOLDER, "results.json");

/**
 * @typedef {{ node: string, cpu: string, cores: number, rounds: number, code?: string, date?: string }} Machine
 * @typedef {Record<string, any[]>} Results by the name of what was measured
 * @typedef {Record<string, { machine: Machine, results: any[] }>} Figures
 */

/** @param {Results} results */
export function text(results) {
  return Object.entries(results)
    .map(([name, given]) => `## ${PARTS[name]?.title ?? "Clients at work"}\n\n${tableOf(name, given)}`)
    .join("\n\n");
}

/**
 * @param {string} name
 * @param {any[]} results
 */
const tableOf = (name, results) => PARTS[name]?.table(results) ?? tables(results);

/**
 * Puts figures beside those that are in a file.
 * @param {string} file
 * @param {{ machine: Machine, results: Results }} measured
 * @returns {Promise<Figures>}
 */
export async function save(file, { machine, results }) {
  const figures = await read(file);
  for (const [name, given] of Object.entries(results))
    figures[name] = { machine, results: merged(figures[name]?.results ?? [], given) };
  await mkdir(path.dirname(file), { recursive: true });
  await writeFile(file, `${JSON.stringify(figures, roundedNumber, 1)}\n`);
  return figures;
}

/** Figures of a part of the clients, or sizes, leave those of the others as they are. */
function merged(/** @type {any[]} */ before, /** @type {any[]} */ now) {
  const key = (/** @type {any} */ each) => JSON.stringify([each.job, each.size, each.client]);
  if (!now.every(({ job }) => job)) return now;
  const fresh = new Map(now.map((each) => [key(each), each]));
  const kept = before.map((each) => {
    const result = fresh.get(key(each)) ?? each;
    fresh.delete(key(each));
    return result;
  });
  return [...kept, ...fresh.values()];
}

/**
 * Makes docs/performance anew, with what was measured now if anything was.
 * @param {{ machine: Machine, results: Results }} [measured]
 */
export async function publish(measured) {
  const figures = measured ? await save(FIGURES, measured) : await read(FIGURES);
  for (const [name, svg] of Object.entries(plots(figures))) await writeFile(path.join(FOLDER, `${name}.svg`), svg);
  let page = await readFile(PAGE, "utf8");
  for (const [name, { machine, results }] of Object.entries(figures)) {
    const { node, cpu, cores, code, date } = machine;
    const when = code ? ` Of ${code}, ${date}.` : "";
    const how = `Node ${node}, ${cores} cores (${cpu}); medians of ${roundsOf(results, machine.rounds)}.${when}`;
    page = between(page, name, `${tableOf(name, results)}\n\n${how}`);
  }
  await writeFile(PAGE, between(page, "goals", goals(figures)));
}

/**
 * How many rounds figures are of. Clients that were measured again, and the others not, are named.
 * @param {any[]} results
 * @param {number} last
 */
function roundsOf(results, last) {
  const words = (/** @type {number} */ rounds) => `${rounds} round${rounds === 1 ? "" : "s"}`;
  const fewer = new Map(results.filter(({ rounds = last }) => rounds < last).map((each) => [each.client, each.rounds]));
  if (fewer.size === 0) return words(last);
  return `${words(last)}, and of fewer: ${[...fewer].map(([client, rounds]) => `${client} ${rounds}`).join(", ")}`;
}

/**
 * @param {string} page
 * @param {string} name
 * @param {string} content
 */
function between(page, name, content) {
  const [begin, end] = [`<!-- bench: ${name} -->`, `<!-- end: ${name} -->`];
  const [before, after] = [page.indexOf(begin), page.indexOf(end)];
  if (before < 0 || after < before) throw new Error(`docs/performance.md has no place for ${name}: ${begin} … ${end}`);
  return `${page.slice(0, before)}${begin}\n\n${content}\n\n${page.slice(after)}`;
}

/** @returns {Promise<Figures>} */
async function read(/** @type {string} */ file) {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (error) {
    if (/** @type {NodeJS.ErrnoException} */ (error).code === "ENOENT") return {};
    throw error;
  }
}

/** Four digits are more than enough. */
const roundedNumber = (/** @type {string} */ _, /** @type {unknown} */ value) =>
  typeof value === "number" && !Number.isInteger(value) ? Number(value.toPrecision(4)) : value;
