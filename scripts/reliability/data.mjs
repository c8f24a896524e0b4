import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";

/** Where runs are kept, a line of JSON each, and what is made of them. */
export const FOLDER = fileURLToPath(new URL("../../docs/reliability", import.meta.url));

/**
 * @typedef {Record<string, any>} Line
 * @returns {Line[]} what all runs have written
 */
export function lines() {
  const files = readdirSync(FOLDER).filter((file) => file.endsWith(".jsonl"));
  return files.sort().flatMap((file) =>
    readFileSync(path.join(FOLDER, file), "utf8")
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line)),
  );
}

/**
 * @param {number} value
 * @param {number} [digits] after the point
 */
export function number(value, digits = 0) {
  return value.toLocaleString("en-US", { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

/** @param {number} bytes */
export function mebibytes(bytes) {
  return `${number(bytes / 2 ** 20, 1)} MiB`;
}

/**
 * @param {string[]} head
 * @param {(string | number)[][]} rows
 */
export function table(head, rows) {
  const cells = [head, ...rows].map((row) => row.map((cell) => String(cell).replaceAll("|", "\\|")));
  const widths = head.map((_, column) => Math.max(3, ...cells.map((row) => (row[column] ?? "").length)));
  const lines = cells.map((row) => `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(" | ")} |`);
  lines.splice(1, 0, `| ${widths.map((width) => "-".repeat(width)).join(" | ")} |`);
  return lines.join("\n");
}

/**
 * @param {Line[]} items
 * @param {(item: Line) => string} key
 */
export function groups(items, key) {
  /** @type {Map<string, Line[]>} */
  const all = new Map();
  for (const item of items) all.set(key(item), [...(all.get(key(item)) ?? []), item]);
  return [...all];
}

/**
 * @param {Line[]} items
 * @param {string} key
 */
export function total(items, key) {
  return items.reduce((sum, item) => sum + Number(item[key] ?? 0), 0);
}

/**
 * Records of counts, added up.
 * @param {Line[]} items
 * @param {string} key
 * @returns {Record<string, number>}
 */
export function counts(items, key) {
  /** @type {Record<string, number>} */
  const all = {};
  for (const item of items)
    for (const [name, count] of Object.entries(item[key] ?? {})) all[name] = (all[name] ?? 0) + count;
  return all;
}

/**
 * The code that it was. Lines of before it was written down have none.
 * @param {Line[]} items
 */
export function commits(items) {
  const all = items.map(({ commit, dirty }) => (commit ? `${commit}${dirty ? " and changes" : ""}` : "not recorded"));
  return [...new Set(all)].sort().join(", ");
}

/**
 * With what, and when.
 * @param {Line[]} items
 */
export function circumstances(items) {
  /** @param {string} key */
  const values = (key) => [...new Set(items.map((item) => item[key]).filter(Boolean))].sort().join(", ");
  const days = [...new Set(items.map(({ time }) => time?.slice(0, 10)).filter(Boolean))].sort();
  const what = [
    ["Edgear", values("edgear")],
    ["commit", commits(items)],
    ["gearmand", values("gearmand")],
    ["Node", values("node")],
  ].flatMap(([name, value]) => (value ? [`${name} ${value}`] : []));
  return [...what, values("system"), days.join(", ")].filter(Boolean).join("; ");
}
