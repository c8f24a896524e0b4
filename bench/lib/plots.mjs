/** The plots of docs/performance.md. */

import { QUANTILES } from "./results.mjs";
import { bars, lines } from "./svg.mjs";
import { bytes, thousands } from "./table.mjs";

/**
 * @param {import("./report.mjs").Figures} figures
 * @returns {Record<string, string>} SVGs by name
 */
export function plots(figures) {
  /** @type {Record<string, string>} */
  const all = {};
  const jobs = /** @type {import("./results.mjs").Result[]} */ (figures.jobs?.results ?? []);
  const points = /** @type {import("../parts/scaling.mjs").Point[]} */ (figures.scaling?.results ?? []);
  const submits = jobs.filter(({ job, size, cpu }) => job === "background" && size === 16 && cpu);
  if (submits.length > 0) {
    all.cpu = bars({
      title: "Client CPU for 100,000 background jobs of 16 B, in seconds",
      bars: submits.map(({ client, cpu = 0 }) => ({ name: client, value: cpu })),
    });
  }
  const latencies = jobs.filter(({ job, quantiles }) => job === "latency" && quantiles);
  if (latencies.length > 0) {
    all.latency = lines({
      title: "Foreground round trip, one at a time: µs, by how many of 100 are faster",
      // The slowest of all is chance.
      x: { values: QUANTILES.slice(0, -1), label: (part) => `${+(part * 100).toFixed(1)}` },
      y: { label: (value) => `${value} µs`, log: true },
      series: latencies.map(({ client, quantiles = [] }) => ({
        name: client,
        points: QUANTILES.map((part, at) => ({ x: part, y: quantiles[at] ?? 0 })),
      })),
    });
  }
  if (points.length > 0) {
    all.window = lines({
      title: "Background jobs a second, by how many are unanswered",
      x: { values: [1, 10, 100, 1_000, 10_000, 100_000], label: thousands, log: true },
      y: { label: thousands, log: true },
      series: series(points, "window", ({ micros = 0 }) => 1e6 / micros),
    });
    const cost = (/** @type {import("../parts/scaling.mjs").Point} */ { micros = 0 }) => micros;
    const scale = (
      /** @type {string} */ dimension,
      /** @type {string} */ title,
      /** @type {any} */ label = thousands,
    ) =>
      lines({
        title,
        x: { values: [...new Set(points.filter((each) => each.dimension === dimension).map(({ x }) => x))], label },
        y: { label: (value) => `${thousands(value)} µs`, log: true },
        series: series(points, dimension, cost),
      });
    all.connections = scale("connections", "µs a background job, by connections");
    all.functions = scale("functions", "µs a background job, by functions");
    all.payload = scale("payload", "µs a background job, by the size of its workload", bytes);
  }
  return all;
}

/**
 * @param {import("../parts/scaling.mjs").Point[]} points
 * @param {string} dimension
 * @param {(point: import("../parts/scaling.mjs").Point) => number} y
 */
function series(points, dimension, y) {
  const here = points.filter((point) => point.dimension === dimension && point.micros);
  return [...new Set(here.map(({ client }) => client))].map((name) => ({
    name,
    points: here.filter(({ client }) => client === name).map((point) => ({ x: point.x, y: y(point) })),
  }));
}
