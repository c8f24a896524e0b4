import { abortable } from "../connection/wait.js";
import { uniqueOf, workloadOf } from "./job.js";
import type { SchedulerSettings, Submitter } from "./options.js";
import { nextSlot } from "./rule.js";
import type { Move, StoredJob } from "./store.js";

/** What became of a job that was claimed. */
export type Fate =
  | { readonly kind: "submitted"; readonly handle: string; readonly server: string }
  | { readonly kind: "skipped" }
  | { readonly kind: "refused"; readonly error: unknown; readonly delay: number }
  | { readonly kind: "away"; readonly error: unknown };

/** A job, what became of it, and what is to become of it in the store. */
export interface Turn {
  readonly job: StoredJob;
  readonly fate: Fate;
  readonly move: Move;
}

/** Milliseconds until a job is tried again whose server said no (a full queue), and one that the client itself refuses. */
const REFUSED_BY_SERVER = 2_000;
const REFUSED_BY_CLIENT = 60_000;

/** The part of a lease in which jobs must be submitted: the rest is for the store. */
const PART = 2 / 3;

/** Submits jobs that were claimed, all at once. */
export async function submitAll(
  jobs: readonly StoredJob[],
  client: Submitter,
  { lease, tolerance, now }: SchedulerSettings,
): Promise<Turn[]> {
  const controller = new AbortController();
  const late = () => controller.abort(new Error("the jobs' lease was over before a server had taken them"));
  const timer = setTimeout(late, lease * PART);
  const time = Math.floor(now());
  try {
    return await Promise.all(
      jobs.map(async (job) => {
        const missed = job.missed === "skip" && time - job.due > tolerance;
        const fate: Fate = missed ? { kind: "skipped" } : await submit(job, client, controller.signal);
        return { job, fate, move: moveOf(job, fate, Math.floor(now())) };
      }),
    );
  } finally {
    clearTimeout(timer);
  }
}

async function submit(job: StoredJob, client: Submitter, signal: AbortSignal): Promise<Fate> {
  try {
    const options = { unique: uniqueOf(job), priority: job.priority, signal };
    const taken = client.background(job.function, workloadOf(job), options);
    // Not every submitter minds its signal.
    const { handle, server } = await abortable(taken, signal);
    return { kind: "submitted", handle, server };
  } catch (error) {
    if (error instanceof TypeError || error instanceof SyntaxError)
      return { kind: "refused", error, delay: REFUSED_BY_CLIENT };
    if ((error as { code?: unknown } | undefined)?.code === "SERVER")
      return { kind: "refused", error, delay: REFUSED_BY_SERVER };
    return { kind: "away", error };
  }
}

function moveOf(job: StoredJob, fate: Fate, now: number): Move {
  const { name, id, due, rule, missed } = job;
  if (fate.kind === "away") return { name, id, due, to: { due, ready: due } };
  if (fate.kind === "refused") return { name, id, due, to: { due, ready: now + fate.delay } };
  const next = nextSlot(rule, due, missed === "all" ? due : Math.max(due, now));
  return { name, id, due, to: next === undefined ? undefined : { due: next, ready: next } };
}
