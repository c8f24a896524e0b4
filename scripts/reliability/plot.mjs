/** @typedef {import("./data.mjs").Line} Line */

const WIDTH = 760;
const LEFT = 64;
const RIGHT = 110;
const HEIGHT = 120;
const GAP = 46;
const TOP = 34;
const COLORS = { submitter: "#0072b2", worker: "#d55e00", gearmand: "#009e73" };

/**
 * What processes held over a soak: a panel for each thing, its axis from zero, so that what is flat looks flat.
 * @param {Line[]} samples
 */
export function plot(samples) {
  const jobs = Math.max(...samples.map((sample) => sample.jobs));
  const x = (/** @type {number} */ count) => LEFT + (count / jobs) * (WIDTH - LEFT - RIGHT);
  const panels = [
    {
      title: "heap after a collection, MiB",
      series: {
        submitter: (/** @type {Line} */ s) => s.submitter.heap / 2 ** 20,
        worker: (/** @type {Line} */ s) => s.worker.heap / 2 ** 20,
      },
    },
    {
      title: "memory (RSS), MiB",
      series: {
        submitter: (/** @type {Line} */ s) => s.submitter.rss / 2 ** 20,
        worker: (/** @type {Line} */ s) => s.worker.rss / 2 ** 20,
        gearmand: (/** @type {Line} */ s) => (s.server ?? 0) / 2 ** 20,
      },
    },
    {
      title: "open descriptors",
      series: {
        submitter: (/** @type {Line} */ s) => s.submitter.descriptors,
        worker: (/** @type {Line} */ s) => s.worker.descriptors,
      },
    },
  ];
  const parts = panels.map(({ title, series }, index) => {
    const top = TOP + index * (HEIGHT + GAP);
    const most = ceiling(Math.max(...samples.flatMap((sample) => Object.values(series).map((value) => value(sample)))));
    const y = (/** @type {number} */ value) => top + HEIGHT - (value / most) * HEIGHT;
    const grid = [0, most / 2, most].map(
      (value) =>
        `<path d="M${LEFT} ${round(y(value))}H${WIDTH - RIGHT}" stroke="#ddd"/><text x="${LEFT - 6}" y="${round(y(value) + 4)}" text-anchor="end">${value}</text>`,
    );
    const ends = spread(
      Object.entries(series).map(([name, value]) => ({ name, at: y(value(/** @type {Line} */ (samples.at(-1)))) })),
    );
    const curves = Object.entries(series).map(([name, value]) => {
      const points = samples.map((sample) => `${round(x(sample.jobs))} ${round(y(value(sample)))}`);
      const color = COLORS[/** @type {keyof typeof COLORS} */ (name)];
      return (
        `<path d="M${points.join("L")}" fill="none" stroke="${color}" stroke-width="1.5"/>` +
        `<text x="${WIDTH - RIGHT + 6}" y="${round((ends.get(name) ?? 0) + 4)}" fill="${color}">${name}</text>`
      );
    });
    return [`<text x="${LEFT}" y="${top - 10}" font-weight="bold">${title}</text>`, ...grid, ...curves].join("\n");
  });
  const bottom = TOP + panels.length * (HEIGHT + GAP) - GAP;
  const marks = [0, 0.25, 0.5, 0.75, 1].map(
    (part) =>
      `<text x="${round(x(part * jobs))}" y="${bottom + 18}" text-anchor="middle">${round((part * jobs) / 1e6)}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${bottom + 44}" font-family="sans-serif" font-size="12" fill="#222">
<title>Heap, memory and descriptors of a soak's processes, by jobs worked off</title>
<rect width="100%" height="100%" fill="#fff"/>
${parts.join("\n")}
${marks.join("\n")}
<text x="${(LEFT + WIDTH - RIGHT) / 2}" y="${bottom + 36}" text-anchor="middle">jobs worked off, millions</text>
</svg>
`;
}

/** @param {number} value */
function round(value) {
  return Math.round(value * 100) / 100;
}

/**
 * A round number above it.
 * @param {number} value
 */
function ceiling(value) {
  const unit = 10 ** Math.floor(Math.log10(value));
  return ([1, 2, 4, 6, 8, 10].find((factor) => factor * unit >= value) ?? 10) * unit;
}

/**
 * Names at the ends of curves, none over another.
 * @param {{ name: string; at: number }[]} ends
 */
function spread(ends) {
  /** @type {Map<string, number>} */
  const places = new Map();
  let last = Number.NEGATIVE_INFINITY;
  for (const { name, at } of ends.sort((one, other) => one.at - other.at)) {
    last = Math.max(at, last + 13);
    places.set(name, last);
  }
  return places;
}
