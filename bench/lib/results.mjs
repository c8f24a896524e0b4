/** What comes out of the rounds: medians, and the medians of the ratios within each round. */

/**
 * @typedef {import("./driver.mjs").Sample | import("./driver.mjs").Failure} Outcome
 * @typedef {object} Cell
 * @property {string} job
 * @property {number} size
 * @property {import("./clients.mjs").BenchClient} client
 * @property {Outcome[]} rounds
 * @property {Outcome[]} limits what raw-c did right before each of them
 * @property {Outcome[]} owns what the raw program on the client's own runtime did right before each of them
 * @typedef {object} Result
 * @property {string} job
 * @property {number} size
 * @property {string} client
 * @property {number} rounds
 * @property {number} [rate] ops a second
 * @property {number} [cpu] seconds for 100,000 ops
 * @property {number} [ratio] of the rates, or of the median latencies, to raw-c's of the same round
 * @property {number} [own] the same to the raw program on the client's own runtime, of the same round
 * @property {number} [p50] microseconds
 * @property {number} [p99]
 * @property {number[]} [quantiles] of the latency: at QUANTILES
 * @property {string} [failed]
 */

export const QUANTILES = [0, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1];

/**
 * @param {readonly number[]} values
 * @returns {number}
 */
export const median = (values) => quantile(sorted(values), 0.5);

/** @param {readonly number[]} values */
const sorted = (values) => [...values].sort((one, other) => one - other);

/**
 * @param {readonly number[]} ascending
 * @param {number} part
 */
export function quantile(ascending, part) {
  const place = (ascending.length - 1) * part;
  const below = ascending[Math.floor(place)] ?? Number.NaN;
  const above = ascending[Math.ceil(place)] ?? Number.NaN;
  return below + (above - below) * (place % 1);
}

/**
 * @param {Cell} cell
 * @param {Outcome[]} own the client's own rounds, if it is that raw program, or `owns`
 * @returns {Result}
 */
export function summarize({ job, size, client: { name: client }, rounds, limits }, own) {
  const samples = rounds.map((outcome) => ("failed" in outcome ? undefined : outcome));
  const good = samples.filter((sample) => sample !== undefined);
  const failed = rounds.find((outcome) => "failed" in outcome)?.failed;
  const result = { job, size, client, rounds: rounds.length, ...(failed && { failed }) };
  if (good.length === 0) return result;
  const rate = median(good.map(({ ops, seconds }) => ops / seconds));
  const cpu = median(good.map((sample) => (sample.cpu / sample.ops) * 100_000));
  const lines = good.map(({ latencies }) => sorted(latencies ?? [])).filter(({ length }) => length > 0);
  const at = (/** @type {number} */ part) => median(lines.map((line) => quantile(line, part)));
  const latency = lines.length > 0 && { p50: at(0.5), p99: at(0.99), quantiles: QUANTILES.map(at) };
  const ratio = against(samples, limits);
  const ownRatio = against(samples, own);
  return { ...result, rate, cpu, ...latency, ...(ratio && { ratio }), ...(ownRatio && { own: ownRatio }) };
}

/**
 * The median of the ratios of what was measured in the same round.
 * @param {(import("./driver.mjs").Sample | undefined)[]} samples
 * @param {Outcome[]} limits
 */
function against(samples, limits) {
  const ratios = samples.flatMap((sample, round) => {
    const other = limits[round];
    return sample && other && !("failed" in other) ? [compare(sample, other)] : [];
  });
  return ratios.length > 0 ? median(ratios) : undefined;
}

/**
 * @param {import("./driver.mjs").Sample} sample
 * @param {import("./driver.mjs").Sample} limit
 */
function compare(sample, limit) {
  if (sample.latencies && limit.latencies) return median(sample.latencies) / median(limit.latencies);
  return sample.ops / sample.seconds / (limit.ops / limit.seconds);
}
