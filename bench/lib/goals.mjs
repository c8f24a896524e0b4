/** What Edgear is to reach, and what it has reached: by the figures that are kept. */
import { markdown } from "./table.mjs";

const BULK = "edgear backgroundAll";
const PROMISES = "edgear";

/**
 * A row: what, the goal's words, whether at least or at most so much, and how it is told.
 * @typedef {{ what: string, least?: number, most?: number, unit: string, value: (figures: Values) => number | undefined }} Goal
 * @typedef {{
 *   job: (name: string, size: number, client: string) => any,
 *   codec: (name: string) => any,
 *   memory: (what: string, count: number) => any,
 * }} Values
 */

/** @type {Goal[]} */
const GOALS = [
  ratio("background, 16 B, `backgroundAll`", 0.9, "background", 16, BULK),
  ratio("background, 16 B, a promise a job", 0.7, "background", 16, PROMISES),
  ratio("background, 1 KiB, `backgroundAll`", 0.9, "background", 1024, BULK),
  ratio("background, 64 KiB, `backgroundAll`", 0.9, "background", 65536, BULK),
  cpu("CPU for 100,000 of 16 B, `backgroundAll`", 0.15, BULK),
  cpu("CPU for 100,000 of 16 B, a promise a job", 0.25, PROMISES),
  {
    ...{ what: "foreground round trip, p50", most: 1.15, unit: "× raw-c" },
    value: ({ job }) => job("latency", 16, PROMISES)?.ratio,
  },
  ratio("foreground, 1,000 in flight, 1 KiB", 0.8, "foreground", 1024, PROMISES),
  ratio("worker, one job at a time", 0.9, "worker", 16, PROMISES),
  ratio("worker, 64 at a time", 0.6, "worker64", 16, PROMISES),
  ratio("GET_STATUS, 1,000 unanswered", 0.6, "status", 16, PROMISES),
  codec("decode JOB_CREATED", 4),
  codec("decode mixed", 3),
  codec("encode SUBMIT_JOB_BG 16 B", 5),
  memory("memory of a connection that idles, of 1,000", 150_000, "idle connection", 1_000),
  memory("memory of a job in flight beyond its payload, of 100,000", 500, "job in flight", 100_000),
];

/** @returns {Goal} */
function ratio(
  /** @type {string} */ what,
  /** @type {number} */ least,
  /** @type {string} */ name,
  /** @type {number} */ size,
  /** @type {string} */ client,
) {
  return { what, least, unit: "× raw-c", value: ({ job }) => job(name, size, client)?.ratio };
}

/** @returns {Goal} */
function cpu(/** @type {string} */ what, /** @type {number} */ most, /** @type {string} */ client) {
  return { what, most, unit: "s", value: ({ job }) => job("background", 16, client)?.cpu };
}

/** @returns {Goal} */
function codec(/** @type {string} */ name, /** @type {number} */ least) {
  return { what: `codec, ${name}`, least, unit: "× plain JS", value: (figures) => figures.codec(name)?.ratio };
}

/** @returns {Goal} */
function memory(
  /** @type {string} */ what,
  /** @type {number} */ most,
  /** @type {string} */ name,
  /** @type {number} */ count,
) {
  return { what, most, unit: "B", value: (figures) => figures.memory(name, count)?.heap };
}

/**
 * The goals as a table.
 * @param {Record<string, { results: any[] }>} figures
 */
export function goals(figures) {
  const find = (/** @type {string} */ part, /** @type {object} */ like) =>
    figures[part]?.results.find((each) => Object.entries(like).every(([key, value]) => each[key] === value));
  /** @type {Values} */
  const values = {
    job: (job, size, client) => find("jobs", { job, size, client }),
    codec: (name) => find("codec", { name }),
    memory: (what, count) => find("memory", { what, count, client: PROMISES }),
  };
  return markdown(
    ["what", "goal", "measured", "met"],
    GOALS.map(({ what, least, most, unit, value }) => {
      const measured = value(values);
      const goal = `${least === undefined ? "≤" : "≥"} ${told(least ?? most ?? 0, unit)} ${unit}`;
      if (measured === undefined) return [what, goal, "not measured", "no"];
      const met = least === undefined ? measured <= (most ?? 0) : measured >= least;
      return [what, goal, told(measured, unit), met ? "yes" : "no"];
    }),
  );
}

function told(/** @type {number} */ value, /** @type {string} */ unit) {
  if (unit === "B") return Math.round(value).toLocaleString("en");
  return unit === "× plain JS" ? value.toFixed(1) : value.toFixed(2);
}
