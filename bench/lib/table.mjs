/** Results as Markdown tables: one a job, a row a client. */
import { JOBS } from "./jobs.mjs";

/** @param {import("./results.mjs").Result[]} results */
export function tables(results) {
  return Object.entries(JOBS)
    .map(([job, { title, latency }]) => {
      const rows = results.filter((result) => result.job === job);
      return rows.length > 0 ? `**${title}**\n\n${latency ? latencies(rows) : rates(rows)}` : "";
    })
    .filter(Boolean)
    .join("\n\n");
}

/** @param {import("./results.mjs").Result[]} rows */
function rates(rows) {
  const sizes = [...new Set(rows.map(({ size }) => size))];
  const header = ["client", ...sizes.flatMap((size) => [`${bytes(size)}: jobs/s`, "× raw-c", "CPU s / 100k"])];
  return markdown(
    header,
    clients(rows).map((client) => [
      client,
      ...sizes.flatMap((size) => {
        const found = rows.find((row) => row.client === client && row.size === size);
        if (found?.rate === undefined) return [found?.failed ?? "", "", ""];
        return [`${thousands(found.rate)}${found.failed ? ` (${found.failed})` : ""}`, both(found), short(found.cpu)];
      }),
    ]),
  );
}

/** @param {import("./results.mjs").Result[]} rows */
function latencies(rows) {
  return markdown(
    ["client", "p50 µs", "p99 µs", "p50 × raw-c", "CPU s / 100k"],
    rows.map(({ client, p50, p99, ratio: of, own, cpu, failed }) =>
      p50 === undefined
        ? [client, failed ?? "", "", "", ""]
        : [client, p50.toFixed(0), (p99 ?? 0).toFixed(0), both({ ratio: of, own }), short(cpu)],
    ),
  );
}

/** @param {import("./results.mjs").Result[]} rows */
const clients = (rows) => [...new Set(rows.map(({ client }) => client))];

/**
 * @param {string[]} header
 * @param {string[][]} rows
 */
export function markdown(header, rows) {
  const widths = header.map((title, at) => Math.max(3, title.length, ...rows.map((row) => (row[at] ?? "").length)));
  const line = (/** @type {string[]} */ cells) =>
    `| ${cells.map((cell, at) => (at ? cell.padStart(widths[at] ?? 0) : cell.padEnd(widths[at] ?? 0))).join(" | ")} |`;
  const rule = line(widths.map((width, at) => (at ? `${"-".repeat(width - 1)}:` : "-".repeat(width))));
  return [line(header), rule, ...rows.map(line)].join("\n");
}

export function bytes(/** @type {number} */ size) {
  if (size < 1024) return `${size} B`;
  return size < 1024 ** 2 ? `${size / 1024} KiB` : `${size / 1024 ** 2} MiB`;
}

/** Three digits are more than what a noisy machine tells. */
export function thousands(/** @type {number} */ value) {
  const rounded = Number(value.toPrecision(3));
  return rounded >= 10_000
    ? `${Math.round(rounded / 1_000)}k`
    : rounded >= 1_000
      ? `${rounded / 1_000}k`
      : String(rounded);
}

const ratio = (/** @type {number | undefined} */ value) =>
  value === undefined ? "" : value < 0.1 ? value.toPrecision(1) : value.toFixed(2);
/** Of a client on another runtime, the ratio to the raw program there stands in brackets. */
const both = (/** @type {{ ratio?: number | undefined, own?: number | undefined }} */ { ratio: of, own }) =>
  own === undefined ? ratio(of) : `${ratio(of)} (${ratio(own)})`;
const short = (/** @type {number | undefined} */ value) =>
  value === undefined ? "" : value < 10 ? value.toFixed(2) : value.toFixed(0);
