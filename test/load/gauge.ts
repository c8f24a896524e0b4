import { readdirSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

/** What a process holds at one moment. */
export interface Gauge {
  /** Bytes that are in use, once the garbage is gone: the heap, and buffers beside it. */
  readonly heap: number;
  /** Bytes of memory that the system has given it. */
  readonly rss: number;
  /** Files and sockets that it has open. */
  readonly descriptors: number;
}

export function gauge(): Gauge {
  collect();
  const { heapUsed, arrayBuffers, rss } = process.memoryUsage();
  return { heap: heapUsed + arrayBuffers, rss, descriptors: descriptors() };
}

/** The bytes that are in use when nothing is under way: what buffers had is given back a moment after a collection. */
export async function heapAtRest(): Promise<number> {
  let least = Number.POSITIVE_INFINITY;
  for (let look = 0; look < 3; look++) {
    least = Math.min(least, gauge().heap);
    await delay(10);
  }
  return least;
}

/** The listing's own descriptor is not counted. */
function descriptors(): number {
  return readdirSync(process.platform === "linux" ? "/proc/self/fd" : "/dev/fd").length - 1;
}

/** How fast something grows: the slope of the line that lies closest to some points. */
export function slope(points: readonly (readonly [x: number, y: number])[]): number {
  const mean = (axis: 0 | 1) => points.reduce((sum, point) => sum + point[axis], 0) / points.length;
  const [x, y] = [mean(0), mean(1)];
  const spread = points.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
  return spread === 0 ? 0 : points.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0) / spread;
}
