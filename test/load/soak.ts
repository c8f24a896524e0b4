import { readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { Admin } from "edgear";
import { startGearmand } from "../support/gearmand.ts";
import { type Gauge, slope } from "./gauge.ts";
import { Soaker } from "./soaker.ts";

/** What is held after so many jobs. */
export interface Sample {
  readonly seconds: number;
  /** Jobs that were worked off. */
  readonly jobs: number;
  readonly submitter: Gauge;
  readonly worker: Gauge;
  /** gearmand's memory, where the system says it. */
  readonly server?: number;
}

/** How a process's holdings grew. */
export interface Growth {
  /** Bytes a job, after the first tenth. */
  readonly heap: number;
  /** Bytes a job, in the second half: a process takes what it needs in its first seconds, be they half of a short soak. */
  readonly rss: number;
  /** How many samples there were of the second half. */
  readonly samples: number;
  /** The fewest that were open, and the most. */
  readonly descriptors: readonly [number, number];
  /** What was still open when all was closed, and wasn't before: nothing. */
  readonly left: string;
}

/** Bytes by which a heap may grow with each job: a leak of the smallest object there is would be 16 or more. */
const MOST_HEAP = 8;
/** Bytes by which what the system has given may grow: with each job, and in all of the second half, as it gives in advance. */
const MOST_RSS = 16;
const MOST_RSS_IN_ALL = 96 * 1024 * 1024;
/** A line through fewer samples says nothing. */
const LEAST_SAMPLES = 5;

/** What must not be about a soak, in words. */
export function faultsOf({
  submitted,
  worked,
  again,
  growth,
}: Pick<Soaked, "submitted" | "worked" | "again" | "growth">): string[] {
  const faults: string[] = [];
  if (worked !== submitted) faults.push(`${worked} of ${submitted} jobs were worked off`);
  if (again > 0) faults.push(`${again} jobs were worked off twice`);
  for (const [role, { heap, rss, samples, descriptors, left }] of Object.entries(growth)) {
    if (!(heap < MOST_HEAP)) faults.push(`the ${role}'s heap grew by ${heap} bytes a job`);
    if (samples < LEAST_SAMPLES) faults.push(`the ${role} has only ${samples} samples of its second half`);
    if (!(rss < MOST_RSS + MOST_RSS_IN_ALL / (worked / 2)))
      faults.push(`the ${role}'s memory grew by ${rss} bytes a job`);
    if (descriptors[0] !== descriptors[1]) faults.push(`the ${role} had ${descriptors.join(" to ")} descriptors`);
    if (left !== "") faults.push(`the ${role} left ${left} open`);
  }
  return faults;
}

/** How a soak went. */
export interface Soaked {
  readonly server: string;
  /** Jobs that were handed in, and jobs that were worked off: each counted once. */
  readonly submitted: number;
  readonly worked: number;
  /** Jobs that were worked off once more. */
  readonly again: number;
  readonly seconds: number;
  readonly growth: { readonly submitter: Growth; readonly worker: Growth };
}

export interface SoakOptions {
  readonly jobs: number;
  /** After so many nothing more is handed in. */
  readonly seconds?: number;
  /** Milliseconds between samples. */
  readonly interval?: number;
  readonly report?: (sample: Sample) => void;
}

/** Milliseconds between looks whether it is over. */
const LOOK = 200;

/** When nothing was worked off for so many milliseconds, something hangs. */
const STILL = 60_000;

/** Hands background jobs in at a gearmand of its own, has them worked off beside, and looks at what the processes hold. */
export async function soak(options: SoakOptions): Promise<Soaked> {
  const { jobs, seconds = Number.POSITIVE_INFINITY, interval = 5_000, report } = options;
  await using server = await startGearmand();
  await using admin = new Admin(server.address);
  const version = await admin.version();
  using worker = new Soaker("worker", server.address, jobs);
  using submitter = new Soaker("submitter", server.address, jobs);
  worker.onWorked = (worked) => submitter.tell({ worked });
  const begin = performance.now();
  const samples: Sample[] = [];
  const take = async () => {
    const memory = memoryOf(server.pid);
    const held = { submitter: await submitter.gauge(), worker: await worker.gauge() };
    const time = Math.round(performance.now() - begin) / 1000;
    const sample = { seconds: time, jobs: worker.count, ...held, ...(memory && { server: memory }) };
    samples.push(sample);
    report?.(sample);
  };
  let [seen, moved, sampled] = [0, begin, begin];
  while (!submitter.over || worker.count < submitter.count) {
    await delay(LOOK);
    const now = performance.now();
    if (now - sampled >= interval) {
      await take();
      sampled = now;
    }
    if (now - begin > seconds * 1000) submitter.tell({ stop: true });
    if (worker.count > seen) [seen, moved] = [worker.count, now];
    for (const { failure } of [worker, submitter]) if (failure) throw failure;
    if (now - moved > STILL) throw new Error(`${seen} of ${submitter.count} jobs were worked off, then none any more`);
  }
  await take();
  const took = Math.round((performance.now() - begin) / 100) / 10;
  const [submitterLeft, workerLeft] = await Promise.all([submitter.end(), worker.end()]);
  return {
    server: `gearmand ${version}`,
    submitted: submitter.count,
    worked: worker.count,
    again: worker.again,
    seconds: took,
    growth: {
      submitter: { ...growth(samples, "submitter"), left: submitterLeft },
      worker: { ...growth(samples, "worker"), left: workerLeft },
    },
  };
}

/** The heap is judged without the first tenth: what a program needs comes bit by bit. */
function growth(samples: readonly Sample[], role: "submitter" | "worker"): Omit<Growth, "left"> {
  const total = samples.at(-1)?.jobs ?? 0;
  const from = (share: number) => samples.filter(({ jobs }) => jobs >= total * share);
  const [later, half] = [from(1 / 10), from(1 / 2)];
  const bytes = (of: readonly Sample[], key: "heap" | "rss") =>
    Math.round(slope(of.map((sample) => [sample.jobs, sample[role][key]])) * 1000) / 1000;
  const counts = later.map((sample) => sample[role].descriptors);
  return {
    heap: bytes(later, "heap"),
    rss: bytes(half, "rss"),
    samples: half.length,
    descriptors: [Math.min(...counts), Math.max(...counts)],
  };
}

/** Of another process, in bytes. */
function memoryOf(pid: number): number | undefined {
  if (process.platform !== "linux") return undefined;
  const [, kilobytes] = /^VmRSS:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, "latin1")) ?? [];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}
