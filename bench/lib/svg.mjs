/** Two kinds of plots, as SVG: lines, and bars. They are read on light and dark pages alike. */

const WIDTH = 760;
const LEFT = 70;
const RIGHT = 190;
const TOP = 40;
const BOTTOM = 40;
const HEIGHT = 380;
const ROW = 22;
const COLORS = [
  "#888888",
  "#d1495b",
  "#f08a24",
  "#3a86c8",
  "#2a9d6f",
  "#8e6bbf",
  "#a08c5b",
  "#d277b0",
  "#5fb3b3",
  "#7f8c3a",
];
const DASHES = ["", "6 3", "2 3"];

/**
 * @typedef {{ name: string, points: { x: number, y: number }[] }} Series
 * @typedef {{ label: (value: number) => string, log?: boolean }} Axis
 */

/**
 * Lines over steps, which stand at equal distances.
 * @param {{ title: string, x: Axis & { values: number[] }, y: Axis, series: Series[] }} plot
 */
export function lines({ title, x, y, series }) {
  const values = series.flatMap(({ points }) => points.map((point) => point.y)).filter((value) => value > 0);
  const [low, high] = [Math.floor(Math.log10(Math.min(...values))), Math.ceil(Math.log10(Math.max(...values)))];
  const place = (/** @type {number} */ value) =>
    HEIGHT - BOTTOM - ((Math.log10(value) - low) / Math.max(1, high - low)) * (HEIGHT - TOP - BOTTOM);
  const across = (/** @type {number} */ value) =>
    LEFT + (x.values.indexOf(value) / Math.max(1, x.values.length - 1)) * (WIDTH - LEFT - RIGHT);
  const parts = [];
  for (let power = low; power <= high; power++) {
    const at = place(10 ** power);
    parts.push(rule(LEFT, at, WIDTH - RIGHT, at), label(LEFT - 6, at + 4, y.label(10 ** power), "end"));
  }
  for (const value of x.values)
    parts.push(
      rule(across(value), TOP, across(value), HEIGHT - BOTTOM),
      label(across(value), HEIGHT - BOTTOM + 18, x.label(value), "middle"),
    );
  series.forEach(({ name, points }, index) => {
    const path = points
      .filter((point) => point.y > 0 && x.values.includes(point.x))
      .map((point, at) => `${at ? "L" : "M"}${across(point.x).toFixed(1)} ${place(point.y).toFixed(1)}`)
      .join("");
    const style = `stroke="${color(index)}" stroke-dasharray="${dash(index)}" stroke-width="2"`;
    const at = TOP + index * 17;
    parts.push(`<path d="${path}" fill="none" ${style}/>`);
    parts.push(
      `<path d="M${WIDTH - RIGHT + 12} ${at}h22" ${style}/>`,
      label(WIDTH - RIGHT + 40, at + 4, name, "start"),
    );
  });
  const height = Math.max(HEIGHT, TOP + series.length * 17 + 10);
  return frame(title, height, parts);
}

/** @param {{ title: string, bars: { name: string, value: number }[] }} plot */
export function bars({ title, bars: given }) {
  const most = Math.max(...given.map(({ value }) => value));
  const width = WIDTH - RIGHT - 60;
  const parts = given.flatMap(({ name, value }, index) => {
    const at = TOP + index * ROW;
    const size = Math.max(1, (value / most) * width);
    return [
      label(RIGHT - 8, at + 13, name, "end"),
      `<rect x="${RIGHT}" y="${at + 2}" width="${size.toFixed(1)}" height="${ROW - 6}" fill="${name.startsWith("edgear") ? COLORS[1] : COLORS[0]}"/>`,
      label(RIGHT + size + 6, at + 13, value < 10 ? value.toFixed(2) : value.toFixed(0), "start"),
    ];
  });
  return frame(title, TOP + given.length * ROW + 10, parts);
}

/**
 * @param {string} title
 * @param {number} height
 * @param {string[]} parts
 */
function frame(title, height, parts) {
  const open = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12">`;
  const back = `<rect width="${WIDTH}" height="${height}" fill="#ffffff"/>`;
  return `${[open, back, `<title>${escaped(title)}</title>`, label(12, 20, title, "start", 14), ...parts, "</svg>"].join("\n")}\n`;
}

/**
 * @param {number} x
 * @param {number} y
 * @param {string} text
 * @param {string} anchor
 */
const label = (x, y, text, anchor, size = 12) =>
  `<text x="${x.toFixed(1)}" y="${y.toFixed(1)}" text-anchor="${anchor}" font-size="${size}" fill="#222222">${escaped(text)}</text>`;

/**
 * @param {number} x1
 * @param {number} y1
 * @param {number} x2
 * @param {number} y2
 */
const rule = (x1, y1, x2, y2) =>
  `<path d="M${x1.toFixed(1)} ${y1.toFixed(1)}L${x2.toFixed(1)} ${y2.toFixed(1)}" stroke="#dddddd"/>`;

const color = (/** @type {number} */ index) => COLORS[index % COLORS.length];
const dash = (/** @type {number} */ index) => DASHES[Math.floor(index / COLORS.length) % DASHES.length];
const escaped = (/** @type {string} */ text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
